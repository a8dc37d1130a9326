using System.IO.Hashing;
using CsCheck;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Xunit;

namespace Recsys.Infrastructure.Tests.Experiments;

public sealed class GraphPlanCodecTests
{
    private static readonly Gen<GraphPlan> Plans =
        from dimension in Gen.Int[1, 4]
        from centroids in Gen.Float[-1e30f, 1e30f].Array[dimension].Array[0, 5]
        from given in Gen.Bool
        from rows in Gen.ULong[0, 12].Array[0, 6].Array[centroids.Length]
        from first in Gen.Int[0, 1000]
        select new GraphPlan(
            first + 1, centroids, [.. Enumerable.Range(first, centroids.Length).Reverse()],
            given ? [.. rows.Select(static row => row.Distinct().Select(static x => new ActionKey(x)).ToArray())] : null);

    [Fact]
    public void Read_gives_what_was_written() =>
        Plans.Sample(
            static plan =>
            {
                var (blob, checksum) = GraphPlanCodec.Write(plan);
                Assert.True(GraphPlanCodec.IsIntact(blob, checksum));
                Assert.False(GraphPlanCodec.IsIntact(blob, checksum + 1));
                Assert.Equal(GraphPlans.Text(plan), GraphPlans.Text(GraphPlanCodec.Read(blob)));
            },
            seed: "0000000000000", iter: 1000, threads: 1);

    [Fact]
    public void Damage_of_any_byte_and_any_cut_is_noticed()
    {
        var (blob, checksum) = GraphPlanCodec.Write(GraphPlans.Sample(3));
        for (var i = 0; i < blob.Length; i++)
        {
            var damaged = blob.ToArray();
            damaged[i] ^= 0x20;
            Assert.Throws<SnapshotFormatException>(() => GraphPlanCodec.Read(damaged));
            Assert.Throws<SnapshotFormatException>(() => GraphPlanCodec.Read(blob.AsSpan(0, i).ToArray()));
            // The magic and the layout's version are no content, and their damage is told by reading.
            Assert.True(i < 8 || !GraphPlanCodec.IsIntact(damaged, checksum));
        }
        Assert.Throws<SnapshotFormatException>(() => GraphPlanCodec.Read([.. blob, 0]));
    }

    // Written by somebody who computes checksums correctly, and is no plan all the same. Offsets as the codec's summary gives them; the sample has 3 clusters of 2
    // numbers and 3 items: ids from 40, centroids from 52, lengths from 76, keys from 88, edges from 112.
    [Theory]
    [InlineData(24, -1, "clusters")]
    [InlineData(24, 0, "clusters")]
    [InlineData(28, 0, "numbers")]
    [InlineData(28, 3, "bytes")]
    [InlineData(32, -3, "items")]
    [InlineData(36, 4, "bytes")]
    [InlineData(40, -1, "negative or occurs twice")]
    [InlineData(40, 1, "negative or occurs twice")]
    [InlineData(52, 0x7FC00000, "Centroid 0")]
    [InlineData(76, -2, "Row 0")]
    [InlineData(76, 9, "Row 0")]
    [InlineData(84, 2, "4 edges")]
    [InlineData(92, -1, "ascend")]
    [InlineData(112, 3, "not listed")]
    [InlineData(112, -1, "not listed")]
    public void Impossible_plan_is_refused(int at, int value, string says)
    {
        var (blob, _) = GraphPlanCodec.Write(GraphPlans.Sample(3));
        BitConverter.GetBytes(value).CopyTo(blob, at);
        BitConverter.GetBytes(XxHash3.HashToUInt64(blob.AsSpan(16))).CopyTo(blob, 8);
        Assert.Contains(says, Assert.Throws<SnapshotFormatException>(() => GraphPlanCodec.Read(blob)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Item_twice_in_a_row_is_refused()
    {
        var (blob, _) = GraphPlanCodec.Write(new GraphPlan(1, [[1]], [1], [[new ActionKey(5), new ActionKey(5)]]));
        Assert.Contains("twice", Assert.Throws<SnapshotFormatException>(() => GraphPlanCodec.Read(blob)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Head_reads_what_it_writes_and_nothing_else()
    {
        var head = new GraphHead(12, 0xAB, 30_001);
        Assert.Equal("12,00000000000000ab,30001", head.ToString());
        Assert.Equal(head, GraphHead.Parse(head.ToString()));
        Assert.Equal(GraphHead.None, GraphHead.Parse(GraphHead.None.ToString()));
        foreach (var bad in (string[])["", "1,2", "1,00000000000000ab,0", "-1,00000000000000ab,3", "1,ab,3", "1,00000000000000xx,3", "1,00000000000000ab,3,4"])
            Assert.Null(GraphHead.Parse(bad));
    }

    [Fact]
    public void Dropping_a_plan_raises_the_version_and_keeps_used_ids_used()
    {
        Assert.Equal(new GraphHead(4, 0, 9), new GraphHead(3, 7, 9).WithoutPlan());
        Assert.Same(GraphHead.None, GraphHead.None.WithoutPlan());
    }
}
