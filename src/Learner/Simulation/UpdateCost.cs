using System.Diagnostics;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation;

/// <summary>
/// What learning costs a policy beside another one that learns the same log: passes take turns, so that both meet the same machine, and the median of them counts.
/// </summary>
/// <param name="LearnedPerSecond">Interactions per second; publishing, which happens a few times a second whatever is learned, not counted.</param>
/// <param name="StateBytes">Of the statistics after a pass.</param>
public readonly record struct UpdateCost(double LearnedPerSecond, long StateBytes)
{
    /// <summary>Most interactions of a pass; a simulation keeps the first so many of its run.</summary>
    public const int LogMax = 20_000;

    private const int Passes = 5, Batch = 100, PublishEvery = 10;
    // A slow learner is timed on the beginning of the log: the measurement should not outlast the run.
    private static readonly TimeSpan PassMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Measures several policies.</summary>
    /// <param name="log">In order, at least one interaction.</param>
    /// <param name="policies">Make untrained ones.</param>
    /// <returns>One cost per policy.</returns>
    public static UpdateCost[] Measure(ReadOnlySpan<Interaction> log, params ReadOnlySpan<Func<ISimulatedPolicy>> policies)
    {
        var rates = new double[policies.Length][];
        var bytes = new long[policies.Length];
        for (var pass = 0; pass < Passes; pass++)
        {
            for (var i = 0; i < policies.Length; i++)
            {
                rates[i] ??= new double[Passes];
                var policy = policies[i]();
                rates[i][pass] = Pass(policy, log);
                bytes[i] = policy.StateBytes;
            }
        }
        var costs = new UpdateCost[policies.Length];
        for (var i = 0; i < costs.Length; i++)
        {
            Array.Sort(rates[i]);
            costs[i] = new UpdateCost(rates[i][Passes / 2], bytes[i]);
        }
        return costs;
    }

    private static double Pass(ISimulatedPolicy policy, ReadOnlySpan<Interaction> log)
    {
        long ticks = 0;
        var learned = 0;
        for (var batches = 1; learned < log.Length && ticks < PassMax.TotalSeconds * Stopwatch.Frequency; batches++)
        {
            var batch = log.Slice(learned, Math.Min(Batch, log.Length - learned));
            var started = Stopwatch.GetTimestamp();
            // Also what a learner does at decision time, where it does anything.
            foreach (var interaction in batch)
                policy.Expect(interaction);
            policy.Learn(batch);
            ticks += Stopwatch.GetTimestamp() - started;
            learned += batch.Length;
            // A learner that publishes keeps note of what has changed since it did; that is part of its cost, publishing itself is not.
            if (batches % PublishEvery == 0)
                policy.Publish();
        }
        return learned * (double)Stopwatch.Frequency / Math.Max(1, ticks);
    }
}
