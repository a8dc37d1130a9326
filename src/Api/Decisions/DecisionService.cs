using System.Diagnostics;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Uniform;
using Recsys.Bandits.Randomness;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Decisions;

/// <summary>What was decided, beyond what the workspace holds.</summary>
/// <param name="Positions">Filled positions; the first so many slots of the workspace.</param>
/// <param name="PolicyVersion">Interactions the parameters had learned from.</param>
/// <param name="ParameterAgeSeconds">Age of the parameters, at least 0.</param>
/// <param name="Fallback">Why the decision was uniform instead, or null.</param>
/// <param name="Logged">False when the record could not be queued.</param>
public readonly record struct DecisionOutcome(int Positions, long PolicyVersion, double ParameterAgeSeconds, string? Fallback, bool Logged);

/// <summary>Decides: candidates, estimates, distribution, draw, record. Allocates nothing and waits for nothing.</summary>
public sealed class DecisionService(IEventPublisher events, TimeProvider time, DecisionOptions options)
{
    private const string NoParameters = "No parameters have been published yet; the decision is uniform.";
    private const string TooOld = "The parameters are older than Decision:ParameterAgeMax allows; the decision is uniform.";
    private static readonly UniformPolicy Uniform = new(new PolicyDescriptor("uniform", 0, 0), 0);

    /// <summary>Decides what the workspace asks for, and queues the record.</summary>
    /// <exception cref="ApiProblem">There is nothing to choose from.</exception>
    public DecisionOutcome Decide(ExperimentRuntime runtime, DecisionWorkspace work)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(work);
        var started = Stopwatch.GetTimestamp();
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var definition = runtime.Experiment.Definition;
        var serving = runtime.Slot.Current;
        var (policy, fallback) = Choose(serving, definition, now);
        Prepare(runtime, work, now);
        var query = Query(work);
        var candidates = query.Candidates.Length;
        var positions = Math.Min(work.Count, candidates);

        policy.Estimate(query, work.Means.AsSpan(0, candidates), work.Widths.AsSpan(0, candidates));
        var slots = work.Slots.AsSpan(0, positions);
        if (definition.Mode == ExperimentMode.Apprentice)
        {
            for (var i = 0; i < positions; i++)
                slots[i] = new ChosenSlot(i, 1);
        }
        else
        {
            var seed = DecisionSeed.Of(runtime.Experiment.Salt, work.DecisionId.Span);
            SlateSampler.Draw(policy, work.Means.AsSpan(0, candidates), work.Widths.AsSpan(0, candidates), seed, slots, work.Scratch, work.Order);
        }

        var version = policy.Descriptor.Version;
        work.Event.ResetWrittenCount();
        BinaryEventCodec.WriteDecision(
            work.Event, work.DecisionId.Span, now, runtime.PolicyKindUtf8, version, work.Activate, query, slots, definition.Candidates == CandidateSource.Request);
        var logged = events.TryPublishDecision(runtime.Experiment.Name, work.DecisionId.Span, work.Event.WrittenSpan);
        if (!logged)
            runtime.Metrics.Dropped.Inc();
        (fallback is null ? runtime.Metrics.Ok : runtime.Metrics.Fallback).Inc();
        runtime.Metrics.Candidates.Observe(candidates);
        runtime.Metrics.Duration.Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return new DecisionOutcome(positions, version, Age(serving, now), fallback, logged);
    }

    /// <summary>Computes what <see cref="Decide"/> would choose from, for every candidate, and logs nothing.</summary>
    /// <returns>Estimate, width and propensity at the first position, per candidate of the workspace.</returns>
    /// <exception cref="ApiProblem">There is nothing to choose from.</exception>
    public (float[] Means, float[] Widths, float[] Propensities, string? Fallback, long Version) Explain(ExperimentRuntime runtime, DecisionWorkspace work)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(work);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var definition = runtime.Experiment.Definition;
        var (policy, fallback) = Choose(runtime.Slot.Current, definition, now);
        Prepare(runtime, work, now);
        var query = Query(work);
        float[] means = new float[query.Candidates.Length], widths = new float[means.Length], propensities = new float[means.Length];
        policy.Estimate(query, means, widths);
        if (definition.Mode == ExperimentMode.Apprentice)
            propensities[0] = 1;
        else
            policy.Distribute(means, widths, propensities);
        return (means, widths, propensities, fallback, policy.Descriptor.Version);
    }

    /// <summary>Age of the parameters in seconds.</summary>
    public double Age(ExperimentRuntime runtime)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        return Age(runtime.Slot.Current, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    private static double Age(Snapshots.ServingPolicy serving, long now) => serving.Policy is null ? 0 : Math.Max(0, now - serving.AsOf) / 1000.0;

    private (IPolicy Policy, string? Fallback) Choose(Snapshots.ServingPolicy serving, ExperimentDefinition definition, long now)
    {
        if (definition.Mode == ExperimentMode.Logging)
            return (Uniform, null);
        if (serving.Policy is null)
            return (Uniform, NoParameters);
        return now - serving.AsOf > options.ParameterAgeMax.TotalMilliseconds ? (Uniform, TooOld) : (serving.Policy, null);
    }

    private void Prepare(ExperimentRuntime runtime, DecisionWorkspace work, long now)
    {
        var definition = runtime.Experiment.Definition;
        if (work.DecisionId.IsEmpty)
            work.NewDecisionId();
        if (definition.Candidates == CandidateSource.Catalogue)
        {
            var graph = runtime.Items.Graph;
            work.ClusterCount = graph.AssignClusters(work.Context.Dense.Span, definition.Graph.ClustersPerUser, definition.Graph.Temperature, work.Clusters);
            work.Fit(options.CandidatesMax);
            work.CandidateCount = graph.Propose(work.Clusters.AsSpan(0, work.ClusterCount), now, work.Candidates.AsSpan(0, options.CandidatesMax), work.Proposal);
            if (work.ListedActions)
                Keep(work, work.Seen, wanted: true);
        }
        else
        {
            // Listed actions belong to whatever clusters the user has.
            work.ClusterCount = runtime.Items.Graph.AssignClusters(work.Context.Dense.Span, definition.Graph.ClustersPerUser, definition.Graph.Temperature, work.Clusters);
            work.Fit(work.CandidateCount);
        }
        if (work.Excluded.Count > 0)
            Keep(work, work.Excluded, wanted: false);
        if (work.CandidateCount == 0)
        {
            throw new ApiProblem(ProblemTypes.NoActions, definition.Candidates == CandidateSource.Request
                ? "List at least one action that is not excluded, or define the experiment with candidates 'catalogue'."
                : "The catalogue proposes nothing for this user: add items with PUT /v1/experiments/{experiment}/items/{item}, or exclude fewer.");
        }
    }

    private static void Keep(DecisionWorkspace work, HashSet<ActionKey> keys, bool wanted)
    {
        var kept = 0;
        for (var i = 0; i < work.CandidateCount; i++)
        {
            if (keys.Contains(work.Candidates[i].Key) == wanted)
                work.Candidates[kept++] = work.Candidates[i];
        }
        work.CandidateCount = kept;
    }

    private static DecisionQuery Query(DecisionWorkspace work) =>
        new(work.Context, work.Candidates.AsSpan(0, work.CandidateCount), work.Clusters.AsSpan(0, work.ClusterCount));
}
