using CsCheck;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

public sealed class EdgeSumsTests
{
    [Fact]
    public void Sums_of_any_interactions_are_possible_and_near_the_real_sums() =>
        Gen.Select(Gen.OneOf(Gen.Float[0.01f, 1], Gen.Double[-3.6, 0].Select(static e => (float)Math.Pow(10, e))), Gen.OneOf(Gen.Double[0, 1], Gen.Int[0, 1].Select(static r => (double)r)))
            .Array[1, 50].Sample(
            static seen =>
            {
                var sums = seen.Aggregate(default(EdgeSums), static (sum, x) => sum + EdgeSums.Of(x.Item1, x.Item2));
                Assert.True(sums.IsPossible);
                Assert.InRange(View(sums).Size, 0, sums.Count);
                Assert.Equal(seen.Sum(static x => (double)x.Item1 * x.Item1), sums.Precision / EdgeSums.Scale, 0.51 * seen.Length / EdgeSums.Scale);
                Assert.Equal(seen.Sum(static x => x.Item1 * x.Item2), sums.Reward / EdgeSums.Scale, 0.51 * seen.Length / EdgeSums.Scale);
                Assert.Equal(seen.Sum(static x => (double)x.Item1), sums.Weight / EdgeSums.Scale, 0.51 * seen.Length / EdgeSums.Scale);
            },
            seed: "0000000000000", iter: 3000, threads: 1);

    [Fact]
    public void Size_is_that_of_Kish_for_the_weights_a_graph_hands_out() =>
        Gen.Float[0.01f, 1].Array[1, 60].Sample(
            static weights =>
            {
                var sums = weights.Aggregate(default(EdgeSums), static (sum, w) => sum + EdgeSums.Of(w, 0));
                var kish = Math.Pow(weights.Sum(static w => (double)w), 2) / weights.Sum(static w => (double)w * w);
                Assert.Equal(kish, View(sums).Size, 1e-3 * kish);
            },
            seed: "0000000000000", iter: 1000, threads: 1);

    [Fact]
    public void Size_of_weights_too_small_for_fixed_point_is_never_more_than_the_count()
    {
        // A thousand squares that round to nothing, and one that rounds to a unit.
        var sums = EdgeSums.Of(2e-4f, 0);
        for (var i = 0; i < 1000; i++)
            sums += EdgeSums.Of(1.7e-4f, 0);
        Assert.Equal(1001, View(sums).Size);
        Assert.Equal(0, View(EdgeSums.Of(1e-4f, 1)).Size);
    }

    [Fact]
    public void IsPossible_refuses_what_no_interactions_can_make()
    {
        Assert.True(new EdgeSums(2, 5, 7, 9, -11).IsPossible);
        EdgeSums[] impossible =
        [
            default, new(-1, 0, 0, 0, 0), new(EdgeSums.CountMax + 1, 0, 0, 0, 0), new(1, 10, 0, 9, 0), new(1, 0, 10, 9, 0), new(1, -1, 0, 9, 0), new(1, 0, -1, 9, 0),
            new(1, 0, 0, -1, 0), new(1, 0, 0, (257L << 24) + 1, 0), new(1, 0, 0, 9, 11), new(1, 0, 0, 9, -11), new(1, 0, 0, 9, long.MinValue), new(long.MaxValue, 0, 0, long.MaxValue, 0),
        ];
        Assert.All(impossible, static s => Assert.False(s.IsPossible, $"{s}"));
        Assert.True(new EdgeSums(EdgeSums.CountMax, EdgeSums.CountMax << 24, EdgeSums.CountMax << 24, EdgeSums.CountMax << 24, -EdgeSums.CountMax << 24).IsPossible);
    }

    [Fact]
    public void Picture_refuses_more_than_an_edge_can_have_seen()
    {
        var much = EdgeTable.Empty with
        {
            Interactions = 1, Current = new EdgeList([new EdgeKey(0, default)], [new EdgeSums(EdgeSums.CountMax, 0, 0, EdgeSums.CountMax << 24, 0)]),
        };
        var picture = EdgePicture.Empty(new Forgetting(0), pooled: true).With(0, much);
        Assert.Throws<SnapshotFormatException>(() => picture.With(1, much));
        Assert.Throws<SnapshotFormatException>(() => picture.With(1, EdgeTable.Empty with { Interactions = long.MaxValue }));
        Assert.Equal((1, 1L), (picture.Edges, picture.Interactions));
    }

    [Fact]
    public void Read_refuses_edges_out_of_order_twice_or_without_a_cluster()
    {
        EdgeKey[] keys = [new(0, new ActionKey(1)), new(0, new ActionKey(2)), new(1, new ActionKey(0))];
        var sums = Enumerable.Repeat(EdgeSums.Of(1, 1), 3).ToArray();
        Assert.Equal(keys, Read([0, 1, 2]).Current.Keys);
        Assert.Throws<SnapshotFormatException>(() => Read([1, 0, 2]));
        Assert.Throws<SnapshotFormatException>(() => Read([0, 0, 2]));
        keys[0] = keys[0] with { Cluster = -1 };
        Assert.Throws<SnapshotFormatException>(() => Read([0, 1, 2]));

        EdgeTable Read(int[] order) => EdgeTable.Read(Shards.Bytes(
            (EdgeTable.Empty with { Interactions = 3, Current = new EdgeList([.. order.Select(i => keys[i])], sums) }).Write));
    }

    [Fact]
    public void CpuEdgeAccumulator_adds_reads_replaces_and_checks_its_bounds()
    {
        var table = new CpuEdgeAccumulator();
        table.EnsureCapacity(2);
        table.Add([new(1, EdgeSums.Of(1, 1)), new(0, EdgeSums.Of(0.5f, 0)), new(1, EdgeSums.Of(1, 0))]);
        var read = new EdgeSums[2];
        table.Read(read);
        Assert.Equal([EdgeSums.Of(0.5f, 0), EdgeSums.Of(1, 1) + EdgeSums.Of(1, 0)], read);
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Add([new(0, read[0]), new(1_000_000, read[0])]));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Add([new(-1, read[0])]));
        table.Read(read);
        Assert.Equal(EdgeSums.Of(0.5f, 0), read[0]);
        table.Replace([read[1]]);
        table.Read(read);
        Assert.Equal([EdgeSums.Of(1, 1) + EdgeSums.Of(1, 0), default], read);
    }

    private static EdgeView View(in EdgeSums sums) => EdgeView.Of(sums, 1, default, 1);
}
