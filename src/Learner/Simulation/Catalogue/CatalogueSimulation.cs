using System.Diagnostics;
using System.Runtime.InteropServices;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Learner.Simulation.Rivals;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>What to simulate.</summary>
/// <param name="Policy">Kind of the policy, or one of <see cref="RivalCatalog"/>.</param>
/// <param name="Rounds">Decisions, at least 1.</param>
/// <param name="Seed">Of the world, the arriving users, the coin flips and every draw.</param>
/// <param name="Delay">Rounds that a reward waits before it is learned, at least 0.</param>
/// <param name="Batch">Interactions learned and published together, at least 1.</param>
/// <param name="Parameters">Hyperparameters that differ from the defaults.</param>
public sealed record CatalogueOptions(
    string Policy, long Rounds, long Seed, int Delay = 0, int Batch = 1, IReadOnlyList<KeyValuePair<string, string>>? Parameters = null);

/// <summary>What came out; the JSON object of <c>simulate catalogue</c>.</summary>
/// <param name="Policy">Kind of the policy.</param>
/// <param name="Rounds">Decisions made.</param>
/// <param name="MeanReward">Mean probability of a success of the chosen items.</param>
/// <param name="UniformReward">Mean probability of a success over all candidates of the same rounds.</param>
/// <param name="BestReward">Mean probability of a success of each round's best candidate.</param>
/// <param name="Attained">Share of the possible gain over uniform: (mean − uniform) / (best − uniform); 0 when there is nothing to gain.</param>
/// <param name="Seconds">Wall time of the rounds, building the world not counted.</param>
/// <param name="Calibration">Mean estimate of the chosen items over their mean probability; null for a policy that estimates no rewards.</param>
/// <param name="Reliability">The same by bands of the estimate.</param>
/// <param name="Fresh">What became of the items that arrived during the run; null where there are none.</param>
/// <param name="LearnedPerSecond">Interactions per second of learning the beginning of the run's own log (<see cref="UpdateCost"/>).</param>
/// <param name="StateBytes">Of the statistics after that.</param>
/// <param name="ExactLearnedPerSecond">The same of LinUCB with whole matrices, taking turns with the policy.</param>
/// <param name="ExactStateBytes">The same of LinUCB with whole matrices.</param>
/// <param name="Truth">How good the hidden truth is on ratings it was not fitted to; null where the truth is given.</param>
public sealed record CatalogueResult(
    string Policy, long Rounds, double MeanReward, double UniformReward, double BestReward, double Attained, double Seconds,
    double? Calibration, IReadOnlyList<ReliabilityBand> Reliability, FreshOutcome? Fresh,
    double LearnedPerSecond, long StateBytes, double ExactLearnedPerSecond, long ExactStateBytes, HeldOutFit? Truth);

/// <summary>
/// Each round a random user arrives, the graph proposes candidates, the policy draws one, and a coin with the hidden probability pays 1 or 0. Everything but the
/// time is a pure function of world and options.
/// </summary>
public static class CatalogueSimulation
{
    private const ulong ArrivalPurpose = 4, CoinPurpose = 5;
    private const int ProgressEvery = 64;

    /// <summary>Runs the rounds.</summary>
    /// <param name="world">The surroundings.</param>
    /// <param name="options">What to simulate.</param>
    /// <param name="progress">Receives the rounds done.</param>
    /// <param name="curve">Receives the share attained so far, at up to <see cref="CurvePoint.Most"/> times.</param>
    /// <param name="cancellation">Ends the run early.</param>
    /// <exception cref="SimulationOptionsException">Unknown policy or refused parameters; the message says all that is wrong.</exception>
    public static CatalogueResult Run(
        ICatalogueWorld world, CatalogueOptions options, IProgress<long>? progress = null, ICollection<CurvePoint>? curve = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(options);
        var loop = new SimulatedLoop(Create(options, world.Features), options.Delay, options.Batch, options.Seed);
        var arrivals = SeededRandom.For(options.Seed, ArrivalPurpose);
        var coins = SeededRandom.For(options.Seed, CoinPurpose);
        var calibration = new CalibrationLedger();
        var fresh = new FreshLedger(world.Fresh);
        var log = new List<Interaction>();
        double mean = 0, uniform = 0, best = 0;
        var started = Stopwatch.GetTimestamp();

        for (long round = 0; round < options.Rounds; round++)
        {
            if (round % ProgressEvery == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(round);
            }
            var visitor = world.Arrive(arrivals, round);
            var slot = loop.Decide(new DecisionQuery(visitor.Context, visitor.Candidates, visitor.Clusters));
            var probability = visitor.Probabilities[slot.Action];
            mean += probability;
            uniform += visitor.Mean;
            best += visitor.Best;
            calibration.Add(loop.EstimateOf(slot.Action), probability);
            fresh.Add(round, visitor, slot.Action);
            // One coin per round whatever was chosen, so that policies with the same seed meet the same luck.
            var reward = coins.NextUniform() < probability ? 1f : 0f;
            var chosen = visitor.Candidates[slot.Action];
            var interaction = new Interaction(
                visitor.Context, chosen.Key, chosen.Features, Connected(visitor.Clusters, chosen.ClusterMask), slot.Propensity, reward, loop.Now);
            if (log.Count < UpdateCost.LogMax)
                log.Add(interaction);
            loop.Complete(interaction);
            if (CurvePoint.IsDue(round + 1, options.Rounds))
                curve?.Add(new CurvePoint(round + 1, Attained(mean, uniform, best)));
        }

        progress?.Report(options.Rounds);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var costs = UpdateCost.Measure(
            CollectionsMarshal.AsSpan(log), () => Create(options, world.Features), () => RivalCatalog.Create("exact-lin-ucb", [], world.Features));
        return new CatalogueResult(
            options.Policy, options.Rounds, mean / options.Rounds, uniform / options.Rounds, best / options.Rounds,
            Attained(mean, uniform, best), seconds,
            RivalCatalog.EstimatesRewards(options.Policy) ? calibration.Ratio : null,
            RivalCatalog.EstimatesRewards(options.Policy) ? calibration.Reliability : [],
            fresh.Outcome(), costs[0].LearnedPerSecond, costs[0].StateBytes, costs[1].LearnedPerSecond, costs[1].StateBytes, world.HeldOut);
    }

    /// <summary>Checks what was asked for before the world, which takes a while, is built.</summary>
    /// <exception cref="SimulationOptionsException">Unknown policy or refused parameters; the message says all that is wrong.</exception>
    public static void Check(CatalogueOptions options, FeatureSchema features)
    {
        ArgumentNullException.ThrowIfNull(options);
        _ = Create(options, features);
    }

    private static ISimulatedPolicy Create(CatalogueOptions options, FeatureSchema features) =>
        RivalCatalog.Create(options.Policy, options.Parameters ?? [], features);

    private static double Attained(double mean, double uniform, double best) => best > uniform ? (mean - uniform) / (best - uniform) : 0;

    private static ClusterWeight[] Connected(ClusterWeight[] clusters, ulong mask) =>
        [.. clusters.Where((_, i) => (mask >> i & 1) != 0)];
}
