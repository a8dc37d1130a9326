using Microsoft.Extensions.Options;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Decisions;

/// <summary>
/// Candidates, estimate, distribution, draw, record. No await and, with a warm workspace, no allocation before the answer exists. The same decision id,
/// request and parameters give the same decision in every process.
/// </summary>
public sealed class DecisionService(IEventPublisher log, IOptions<DecisionOptions> options, ILogger<DecisionService> messages)
{
    private static readonly ReadOnlyMemory<byte> UniformKind = "uniform"u8.ToArray();
    private readonly long _ageMax = (long)options.Value.ParameterAgeMax.TotalMilliseconds;
    private readonly string _tooOld = $"The parameters are older than {options.Value.ParameterAgeMax:c} (Decisions:ParameterAgeMax).";

    /// <summary>Decides.</summary>
    /// <param name="runtime">The experiment.</param>
    /// <param name="workspace">Holds a valid request with a decision id; receives the positions.</param>
    /// <param name="now">Unix milliseconds.</param>
    public DecisionOutcome Decide(ExperimentRuntime runtime, DecisionWorkspace workspace, long now)
    {
        var outcome = Estimate(runtime, workspace, now, out var policy);
        if (!outcome.IsDecided)
            return outcome;
        var definition = runtime.Experiment.Definition;
        workspace.Prepare(Math.Min(workspace.Count, workspace.CandidateCount));
        // Prepare may have moved the buffers, so the estimates are made after it.
        outcome = EstimateWith(runtime, workspace, policy, outcome, out policy);
        if (definition.Mode == ExperimentMode.Apprentice)
            Baseline(workspace);
        else
            outcome = Draw(runtime, workspace, policy, outcome);

        var byRequest = definition.Candidates == CandidateSource.Request;
        workspace.Record.ResetWrittenCount();
        BinaryEventCodec.WriteDecision(
            workspace.Record, workspace.DecisionId.Span, now, outcome.Policy.Span, outcome.PolicyVersion, workspace.Activate,
            new DecisionQuery(workspace.Context, workspace.Candidates, workspace.Clusters), workspace.Slots, allCandidates: byRequest,
            learned: definition.Mode != ExperimentMode.Logging);
        var logged = log.TryPublishDecision(runtime.Name, workspace.DecisionId.Span, workspace.Record.WrittenSpan);
        Count(runtime, workspace, outcome, logged, byRequest);
        return outcome with { IsLogged = logged };
    }

    /// <summary>Estimates and distributes for the first position, and does nothing else: no draw, no record, no count.</summary>
    /// <returns>As <see cref="Decide"/>; the workspace holds means and widths, and its scratch begins with the propensities.</returns>
    public DecisionOutcome Explain(ExperimentRuntime runtime, DecisionWorkspace workspace, long now)
    {
        var outcome = Estimate(runtime, workspace, now, out var policy);
        if (!outcome.IsDecided)
            return outcome;
        workspace.Prepare(1);
        outcome = EstimateWith(runtime, workspace, policy, outcome, out policy);
        var propensities = workspace.Scratch[..workspace.CandidateCount];
        if (runtime.Experiment.Definition.Mode == ExperimentMode.Apprentice)
        {
            propensities.Clear();
            propensities[0] = 1;
        }
        else
        {
            policy.Distribute(workspace.Means, workspace.Widths, propensities);
        }
        return outcome;
    }

    private DecisionOutcome Estimate(ExperimentRuntime runtime, DecisionWorkspace workspace, long now, out IPolicy policy)
    {
        var definition = runtime.Experiment.Definition;
        // Read once: clusters, weights and candidates are of one graph, whatever comes into service meanwhile.
        var served = runtime.Catalogue.Served;
        var graph = served.Graph;
        var sizes = definition.Graph;
        // Right after a new definition the graph may still be the one for vectors of another length.
        var user = workspace.Context.Dense.Length == graph.Dimension ? workspace.Context.Dense.Span : default;
        workspace.SetClusterCount(graph.AssignClusters(user, sizes.ClustersPerUser, sizes.Temperature, workspace.ClusterRoom));
        if (definition.Candidates == CandidateSource.Catalogue)
        {
            workspace.SetListedAside();
            var most = options.Value.ActionsMax;
            workspace.SetCandidateCount(graph.Propose(
                workspace.Clusters, now, Seed(runtime, workspace).Value, workspace.CandidateRoom(most), workspace.ProposalScratch(most)));
            workspace.AddGraduates(served, now, most);
            workspace.RemoveHidden(served);
            workspace.KeepListed();
        }
        workspace.RemoveExcluded();

        var state = runtime.Slot.Current;
        var age = ExperimentRuntime.AgeSeconds(state, now);
        var missing = state.Missing ?? (now - state.AsOf > _ageMax ? _tooOld : null);
        if (definition.Mode == ExperimentMode.Logging || missing is not null)
        {
            policy = runtime.Uniform;
            // Logging and apprentice serve what they were asked to serve: that is no fallback.
            return new DecisionOutcome(
                workspace.CandidateCount > 0,
                definition.Mode == ExperimentMode.Apprentice ? runtime.Kind : UniformKind, 0, age,
                definition.Mode == ExperimentMode.Online ? missing : null, false);
        }
        policy = state.Policy!;
        return new DecisionOutcome(workspace.CandidateCount > 0, runtime.Kind, policy.Descriptor.Version, age, null, false);
    }

    private DecisionOutcome EstimateWith(ExperimentRuntime runtime, DecisionWorkspace workspace, IPolicy policy, DecisionOutcome outcome, out IPolicy used)
    {
        var query = new DecisionQuery(workspace.Context, workspace.Candidates, workspace.Clusters);
        try
        {
            policy.Estimate(query, workspace.Means, workspace.Widths);
            used = policy;
            return outcome;
        }
        catch (Exception problem) when (policy != runtime.Uniform)
        {
            used = runtime.Uniform;
            used.Estimate(query, workspace.Means, workspace.Widths);
            return Failed(runtime, outcome, problem);
        }
    }

    private DecisionOutcome Draw(ExperimentRuntime runtime, DecisionWorkspace workspace, IPolicy policy, DecisionOutcome outcome)
    {
        var seed = Seed(runtime, workspace);
        try
        {
            SlateSampler.Draw(policy, workspace.Means, workspace.Widths, seed, workspace.Slots, workspace.Scratch, workspace.Order);
            return outcome;
        }
        catch (Exception problem) when (policy != runtime.Uniform)
        {
            SlateSampler.Draw(runtime.Uniform, workspace.Means, workspace.Widths, seed, workspace.Slots, workspace.Scratch, workspace.Order);
            return Failed(runtime, outcome, problem);
        }
    }

    private static DecisionSeed Seed(ExperimentRuntime runtime, DecisionWorkspace workspace) =>
        DecisionSeed.Of(runtime.Experiment.Salt, workspace.DecisionId.Span);

    private DecisionOutcome Failed(ExperimentRuntime runtime, DecisionOutcome outcome, Exception problem)
    {
        messages.PolicyFailed(problem, runtime.Name);
        return outcome with { Policy = UniformKind, PolicyVersion = 0, Fallback = "The policy failed on this request; the service's log says how." };
    }

    private static void Baseline(DecisionWorkspace workspace)
    {
        var slots = workspace.Slots;
        for (var i = 0; i < slots.Length; i++)
            slots[i] = new ChosenSlot(i, 1);
    }

    private static void Count(ExperimentRuntime runtime, DecisionWorkspace workspace, in DecisionOutcome outcome, bool logged, bool byRequest)
    {
        var metrics = runtime.Metrics;
        var counter = outcome.Fallback is not null ? metrics.Fallback : runtime.Experiment.Definition.Mode == ExperimentMode.Logging ? metrics.Uniform : metrics.Decided;
        counter.Inc();
        metrics.Candidates.Observe(workspace.CandidateCount);
        if (!logged)
            metrics.Dropped.Inc();
        if (!byRequest)
            return;
        foreach (ref readonly var candidate in workspace.Candidates)
            runtime.Saw(candidate.Key);
    }
}
