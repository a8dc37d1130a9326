using CsCheck;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Bandits.Tests.Joining;

/// <summary>A log to join: events with their offsets and the log's own time.</summary>
public sealed record JoinStep(LoggedEvent Event, long Offset, long AppendedAt);

/// <summary>Random logs, dense in everything that can go wrong: few ids, short windows, reordering, repeats, clocks that run ahead and behind.</summary>
public static class JoinScript
{
    public const long WindowMs = 20;

    /// <summary>Rules and limits small enough that a hundred events meet every bound.</summary>
    public static readonly Gen<(RewardRule Rule, JoinLimits Limits)> Settings =
        from aggregate in Gen.Enum<RewardAggregate>()
        from wait in Gen.Long[0, 12]
        from ahead in Gen.Long[0, 10]
        from retained in Gen.Frequency((2, Gen.Int[1, 3]), (1, Gen.Const(8)), (3, Gen.Const(1000)))
        select (
            new RewardRule(TimeSpan.FromMilliseconds(WindowMs), 0.25, aggregate, -1, 2),
            new JoinLimits(wait, ahead, 60, retained));

    private static readonly Gen<(int Kind, int Id, int Detail, long Elapsed, long Skew, int Gap)> Step =
        from kind in Gen.Int[0, 9]
        from id in Gen.Int[0, 3]
        from detail in Gen.Int[0, 23]
        from elapsed in Gen.Frequency((6, Gen.Long[0, 3]), (1, Gen.Long[0, 45]))
        from skew in Gen.Frequency((4, Gen.Const(0L)), (2, Gen.Long[-15, 15]), (1, Gen.Long[-90, 20]))
        from gap in Gen.Frequency((8, Gen.Const(1)), (1, Gen.Int[1, 200]))
        select (kind, id, detail, elapsed, skew, gap);

    // Below the generator that it uses: static fields are made in order.
    public static readonly Gen<JoinStep[]> Logs =
        from count in Gen.Int[1, 120]
        from steps in Step.Array[count]
        select Place(steps);

    public static DecisionEvent Decision(string id, long time, bool activated = true, int positions = 1, float propensity = 0.5f) => new(
        id, time, "uniform", 0, activated,
        new FeatureSet(new[] { new SparseFeature((uint)time, 1) }, default),
        [new ClusterWeight(3, 0.75f), new ClusterWeight(5, 0.25f)],
        [new LoggedAction("a", FeatureSet.Empty), new LoggedAction("b", FeatureSet.Empty, 0b10), new LoggedAction("c", FeatureSet.Empty)],
        [.. Enumerable.Range(0, positions).Select(i => new ChosenSlot(1 - i, propensity))])
    {
        // Every third decision asked no memory.
        Traces = time % 3 == 0 ? [] : [.. Enumerable.Range(0, positions).Select(i => Trace(time, i))],
    };

    /// <summary>A trace that tells which decision and position it came from.</summary>
    public static MemoryTrace Trace(long time, int position) => new(
        time, position, 1, 0, [new MemoryAddress(KeySpace.Of(7, 0), new[] { (ushort)(time % 1000), (ushort)position })]);

    /// <summary>What is compared of an interaction; the context tells which decision event it came from.</summary>
    public static string Describe(Interaction interaction) =>
        FormattableString.Invariant($"{interaction.Context.Sparse.Span[0].Hash}/{interaction.Action.Value:x}/{interaction.Reward}/{interaction.Propensity}")
        + FormattableString.Invariant($"/{interaction.DecidedAt}/{string.Join(',', interaction.Clusters.ToArray())}")
        + FormattableString.Invariant($"/{interaction.Trace?.Expected}/{interaction.Trace?.Corrected}/{string.Join(',', Codes(interaction))}");

    private static ushort[] Codes(Interaction interaction) => interaction.Trace is { } trace ? Assert.Single(trace.Addresses).Codes.ToArray() : [];

    private static JoinStep[] Place((int Kind, int Id, int Detail, long Elapsed, long Skew, int Gap)[] steps)
    {
        var placed = new JoinStep[steps.Length];
        var (now, offset) = (100L, 0L);
        for (var i = 0; i < steps.Length; i++)
        {
            var (kind, number, detail, elapsed, skew, gap) = steps[i];
            now += elapsed;
            offset += gap;
            var time = Math.Max(0, now + skew);
            var id = $"d{number}";
            LoggedEvent logged = kind switch
            {
                <= 3 => Decision(id, time, detail % 4 != 0, 1 + detail % 2, propensity: (1 + detail) / 32f),
                <= 7 => new RewardEvent(
                    id, time,
                    detail == 23 ? double.NaN : detail == 22 ? 3 : (detail % 7 - 2) / 2.0,
                    (detail % 5) switch { 0 => "a", 1 => "b", 2 => "c", _ => null },
                    (detail % 3) switch { 0 => "e1", 1 => "e2", _ => null }),
                8 => new ActivationEvent(id, time),
                _ => new TickEvent(time),
            };
            placed[i] = new JoinStep(logged, offset, now);
        }
        return placed;
    }
}
