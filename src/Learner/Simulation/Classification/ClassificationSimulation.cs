using System.Diagnostics;
using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;

namespace Recsys.Learner.Simulation.Classification;

/// <summary>What to simulate.</summary>
/// <param name="Policy">Kind of the policy.</param>
/// <param name="Rounds">Decisions, at least 1.</param>
/// <param name="Seed">Of the order of rows, the shift and every draw.</param>
/// <param name="Delay">Rounds that a reward waits before it is learned, at least 0.</param>
/// <param name="Batch">Interactions learned and published together, at least 1.</param>
/// <param name="ShiftAt">Round from which the labels are permuted, 0-based; null for never.</param>
/// <param name="Parameters">Hyperparameters that differ from the defaults.</param>
/// <param name="Memory">Corrects what the policy expects; null for none.</param>
public sealed record ClassificationOptions(
    string Policy,
    long Rounds,
    long Seed,
    int Delay = 0,
    int Batch = 1,
    long? ShiftAt = null,
    IReadOnlyList<KeyValuePair<string, string>>? Parameters = null,
    MemoryOptions? Memory = null);

/// <summary>What came out; the JSON object of <c>simulate classification</c>.</summary>
/// <param name="Policy">Kind of the policy.</param>
/// <param name="Rounds">Decisions made.</param>
/// <param name="Actions">Classes.</param>
/// <param name="Features">Numeric columns and distinct categories of the table.</param>
/// <param name="Regret">Wrong decisions: the best reward of every round is 1.</param>
/// <param name="RegretAfterShift">Wrong decisions from the shift on; null without a shift.</param>
/// <param name="MeanPropensity">Mean probability with which the chosen actions were drawn.</param>
/// <param name="Seconds">Wall time of the rounds, reading the file not counted.</param>
/// <param name="DecisionsPerSecond">Decisions per second of deciding.</param>
/// <param name="LearnedPerSecond">Interactions per second of learning, publishing not counted.</param>
/// <param name="SquaredError">Mean squared difference of the reward and what the policy expected of the chosen action: prequential, nothing was learned from the reward yet.</param>
/// <param name="LogLoss">Mean log loss of the same expectation, taken to be within [0.001, 0.999].</param>
/// <param name="LogLossAfterShift">The same from the shift on; null without a shift.</param>
public sealed record ClassificationResult(
    string Policy,
    long Rounds,
    int Actions,
    int Features,
    long Regret,
    long? RegretAfterShift,
    double MeanPropensity,
    double Seconds,
    double DecisionsPerSecond,
    double LearnedPerSecond,
    double SquaredError,
    double LogLoss,
    double? LogLossAfterShift);

/// <summary>
/// Bandit simulation on a labelled table: the row is the context, the classes are the actions, the reward is 1 for the right class and else 0.
/// Everything but the times is a pure function of data and options.
/// </summary>
public static class ClassificationSimulation
{
    private const ulong OrderPurpose = 1, ShiftPurpose = 2;
    private const int ProgressEvery = 64;

    /// <summary>Runs the rounds.</summary>
    /// <param name="data">The table.</param>
    /// <param name="options">What to simulate.</param>
    /// <param name="progress">Receives the rounds done.</param>
    /// <param name="curve">Receives the regret so far, at up to <see cref="CurvePoint.Most"/> times.</param>
    /// <param name="cancellation">Ends the run early.</param>
    /// <exception cref="SimulationOptionsException">Unknown policy or refused parameters; the message says all that is wrong.</exception>
    public static ClassificationResult Run(
        ClassificationData data, ClassificationOptions options, IProgress<long>? progress = null, ICollection<CurvePoint>? curve = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        var spec = PolicyOptions.Configure(options.Policy, options.Parameters ?? [], data.Schema);
        var loop = new SimulatedLoop(spec, options.Delay, options.Batch, options.Seed, options.Memory);
        var candidates = data.Classes
            .Select(static name => Encoding.UTF8.GetBytes(name))
            .Select(static id => new Candidate(id, ActionKey.Of(id), FeatureSet.Empty))
            .ToArray();
        ClusterWeight[] clusters = [new ClusterWeight(0, 1)];
        var order = Enumerable.Range(0, data.Labels.Count).ToArray();
        var shuffler = SeededRandom.For(options.Seed, OrderPurpose);
        var shifted = Derangement(data.Classes.Count, SeededRandom.For(options.Seed, ShiftPurpose));
        long regret = 0, regretAfterShift = 0;
        double propensity = 0, squaredError = 0, logLoss = 0, logLossAfterShift = 0;
        var started = Stopwatch.GetTimestamp();

        for (long round = 0; round < options.Rounds; round++)
        {
            var position = (int)(round % order.Length);
            if (position == 0)
                shuffler.Shuffle(order);
            if (round % ProgressEvery == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(round);
            }
            var context = data.Encode(order[position]);
            var slot = loop.Decide(new DecisionQuery(context, candidates, clusters));

            var afterShift = round >= options.ShiftAt;
            var label = data.Labels[order[position]];
            var right = slot.Action == (afterShift ? shifted[label] : label);
            regret += right ? 0 : 1;
            regretAfterShift += right || !afterShift ? 0 : 1;
            propensity += slot.Propensity;
            var error = (right ? 1.0 : 0.0) - loop.EstimateOf(slot.Action);
            squaredError += error * error;
            var loss = TrustLearner.CrossEntropy(loop.EstimateOf(slot.Action), right ? 1 : 0);
            logLoss += loss;
            logLossAfterShift += afterShift ? loss : 0;
            if (CurvePoint.IsDue(round + 1, options.Rounds))
                curve?.Add(new CurvePoint(round + 1, regret));
            loop.Complete(new Interaction(
                context, candidates[slot.Action].Key, FeatureSet.Empty, clusters, slot.Propensity, right ? 1 : 0, loop.Now));
        }

        progress?.Report(options.Rounds);
        return new ClassificationResult(
            options.Policy, options.Rounds, candidates.Length, data.Features, regret, options.ShiftAt is null ? null : regretAfterShift,
            propensity / options.Rounds, Stopwatch.GetElapsedTime(started).TotalSeconds, loop.DecisionsPerSecond, loop.LearnedPerSecond,
            squaredError / options.Rounds, logLoss / options.Rounds,
            options.ShiftAt is { } shift && shift < options.Rounds ? logLossAfterShift / (options.Rounds - shift) : null);
    }

    /// <summary>A random permutation that is one cycle, so that every class changes (a fixed point would soften the shift).</summary>
    private static int[] Derangement(int count, SeededRandom random)
    {
        var cycle = Enumerable.Range(0, count).ToArray();
        random.Shuffle(cycle);
        var moved = new int[count];
        for (var i = 0; i < count; i++)
            moved[cycle[i]] = cycle[(i + 1) % count];
        return moved;
    }
}
