using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Sums that do not depend on order, partition, batch or restart, bit for bit.</summary>
public sealed class DiagLinUcbTrainerTests
{
    private static readonly PolicySpec Spec = Shards.Spec("diag-lin-ucb");

    [Fact]
    public void Any_order_any_batches_and_any_partitions_give_the_same_bits()
    {
        // More updates than wait for the accumulator at once, so that flushes fall in between.
        var log = EdgeLogs.Random(4000, 1);
        var reference = EdgeTable.Read(Shards.Shard(Spec, 0, log).Parameters.Span);
        var random = new Random(5);
        for (var trial = 0; trial < 5; trial++)
        {
            var shuffled = log.OrderBy(_ => random.Next()).ToArray();
            var parts = shuffled.GroupBy(_ => random.Next(3)).Select(static g => g.ToArray()).ToArray();
            var merged = EdgeTable.Empty;
            foreach (var part in parts)
            {
                var trainer = PolicyCatalog.Find(Spec.Kind).CreateTrainer(Spec);
                foreach (var batch in part.Chunk(random.Next(1, 300)))
                {
                    trainer.Learn(batch);
                    if (random.Next(3) == 0)
                        trainer = Restored(trainer);
                }
                merged = NaiveTables.Merge(merged, EdgeTable.Read(Shards.Bytes(trainer.WriteParameters)));
            }
            Assert.Equal(Bytes(reference), Bytes(merged));
        }

        static IPolicyTrainer Restored(IPolicyTrainer trainer)
        {
            var restored = PolicyCatalog.Find(Spec.Kind).CreateTrainer(Spec);
            restored.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
            return restored;
        }
    }

    [Fact]
    public void Sums_are_those_of_the_equations_to_half_a_unit_of_fixed_point_per_interaction()
    {
        var log = EdgeLogs.Random(2000, 6);
        var table = EdgeTable.Read(Shards.Shard(Spec, 0, log).Parameters.Span);
        for (var i = 0; i < table.Current.Keys.Length; i++)
        {
            var seen = log.Where(x => x.Action == table.Current.Keys[i].Action).SelectMany(static x => x.Clusters.ToArray().Select(c => (c.Cluster, W: (double)c.Weight, R: (double)x.Reward)))
                .Where(x => x.Cluster == table.Current.Keys[i].Cluster).ToList();
            var bound = 0.5 * seen.Count / EdgeSums.Scale;
            Assert.Equal(seen.Count, table.Current.Sums[i].Count);
            Assert.Equal(seen.Sum(static x => x.W * x.W), table.Current.Sums[i].Precision / EdgeSums.Scale, bound);
            Assert.Equal(seen.Sum(static x => x.W * x.R), table.Current.Sums[i].Reward / EdgeSums.Scale, bound);
            Assert.Equal(seen.Sum(static x => x.W), table.Current.Sums[i].Weight / EdgeSums.Scale, bound);
        }
        Assert.Equal(log.SelectMany(static x => x.Clusters.ToArray().Select(c => (c.Cluster, x.Action))).Distinct().Count(), table.Current.Keys.Length);
    }

    [Fact]
    public void Updates_beyond_edgesMax_and_weights_out_of_range_are_refused_and_counted()
    {
        var trainer = new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb", null, null, ("edgesMax", "3")));
        trainer.Learn([.. Enumerable.Range(0, 10).Select(static i => EdgeLogs.Interaction($"a{i % 5}", 1, new ClusterWeight(0, 1)))]);
        Assert.Equal((3, 4L, 10L), (trainer.Edges, trainer.RefusedUpdates, trainer.Interactions));
        ClusterWeight[] impossible = [new(0, 0), new(0, -0.5f), new(0, 1.0001f), new(0, float.NaN), new(-1, 0.5f), new(0, MathF.BitDecrement(EdgeSums.WeightMin))];
        trainer.Learn([EdgeLogs.Interaction("a0", 1, impossible)]);
        Assert.Equal((3, 10L, 11L), (trainer.Edges, trainer.RefusedUpdates, trainer.Interactions));

        var table = EdgeTable.Read(Shards.Bytes(trainer.WriteCheckpoint));
        Assert.Equal((10, 11), (table.Refused, table.Interactions));
        Assert.All(table.Current.Sums, static s => Assert.Equal(2, s.Count));
        var restored = new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb", null, null, ("edgesMax", "3")));
        restored.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
        Assert.Equal((3, 10L, 11L), (restored.Edges, restored.RefusedUpdates, restored.Interactions));
        Assert.Throws<Recsys.Bandits.Snapshots.SnapshotFormatException>(
            () => new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb", null, null, ("edgesMax", "2"))).ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint)));
    }

    [Fact]
    public void Rewards_are_normalised_to_their_range()
    {
        var trainer = new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb", null, new RewardRange(-10, 30)));
        trainer.Learn([EdgeLogs.Interaction("a", 0, new ClusterWeight(0, 1)), EdgeLogs.Interaction("a", 99, new ClusterWeight(0, 1))]);
        Assert.Equal(1.25, EdgeTable.Read(Shards.Bytes(trainer.WriteCheckpoint)).Current.Sums.Single().Reward / EdgeSums.Scale);
    }

    private static byte[] Bytes(EdgeTable table) => Shards.Bytes(table.Write);
}
