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

    private const int Passes = 5, Batch = 100;
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
        var started = Stopwatch.GetTimestamp();
        var learned = 0;
        while (learned < log.Length && Stopwatch.GetElapsedTime(started) < PassMax)
        {
            var batch = log.Slice(learned, Math.Min(Batch, log.Length - learned));
            policy.Learn(batch);
            learned += batch.Length;
        }
        return learned / Math.Max(1e-9, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }
}
