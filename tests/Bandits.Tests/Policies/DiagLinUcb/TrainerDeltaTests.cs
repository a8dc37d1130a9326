using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>What a trainer writes since it last published, against the whole.</summary>
public sealed class TrainerDeltaTests
{
    private const long Period = 8 * 86_400_000L / 1000;

    /// <summary>The start of a period of eight half-lives of a thousandth of a day, in milliseconds.</summary>
    private const long Start = 1_700_000_000_000 / Period * Period;

    [Theory]
    [InlineData("0", "thompson")]
    [InlineData("0.001", "thompson")]
    [InlineData("0.001", "pending")]
    public void The_whole_at_the_mark_and_all_deltas_since_add_up_to_the_whole(string halfLifeDays, string selection)
    {
        var trainer = new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb", null, null, ("halfLifeDays", halfLifeDays), ("selection", selection)));
        var open = new Queue<Impression>();
        var world = new AffinityWorld(1);
        var random = new Random(2);
        trainer.Learn(world.Log(200, _ => Start));
        Assert.Null(Delta(trainer));
        var published = Whole(trainer);
        trainer.MarkPublished();
        Assert.Equal(0, Delta(trainer)!.Edges);
        for (var round = 0; round < 60; round++)
        {
            foreach (var shown in world.Log(random.Next(20)))
            {
                trainer.Expect(shown.Impression);
                open.Enqueue(shown.Impression);
            }
            for (var settled = random.Next(20); settled > 0 && open.TryDequeue(out var impression); settled--)
                trainer.Settle(impression);
            // Some weights are refused, and that is published too.
            trainer.Learn(world.Log(random.Next(1, 30), _ => Start + 1000 * random.Next(600)));
            trainer.Learn([EdgeLogs.Interaction("a", 1, new ClusterWeight(0, 2)) with { DecidedAt = Start }]);
            // Until it is marked, a delta contains the one before.
            var delta = Delta(trainer)!;
            Assert.Equal(Shards.Bytes(trainer.WriteParameters), Shards.Bytes(NaiveTables.Merge(published, delta).Write));
            if (random.Next(2) == 0)
                continue;
            published = NaiveTables.Merge(published, delta);
            trainer.MarkPublished();
        }
        Assert.Equal(60, trainer.RefusedUpdates);
    }

    [Fact]
    public void A_delta_costs_what_has_changed()
    {
        var trainer = new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb"));
        trainer.Learn(EdgeLogs.Random(5000, 1));
        trainer.MarkPublished();
        trainer.Learn(EdgeLogs.Random(1, 2));
        Assert.True(trainer.Edges > 150);
        Assert.InRange(Delta(trainer)!.Edges, 1, 4);
    }

    [Fact]
    public void After_a_checkpoint_or_a_period_that_lets_go_only_the_whole_will_do()
    {
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("halfLifeDays", "0.001"));
        var trainer = new DiagLinUcbTrainer(spec);
        var world = new AffinityWorld(3);
        trainer.Learn(world.Log(50, _ => Start));
        trainer.MarkPublished();
        trainer.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
        trainer.Learn(world.Log(5, _ => Start));
        Assert.Null(Delta(trainer));
        trainer.MarkPublished();
        Assert.NotNull(Delta(trainer));

        // The next period keeps the last; the one after it does not.
        var published = Whole(trainer);
        trainer.Learn(world.Log(20, _ => Start + Period));
        Assert.Equal(Shards.Bytes(trainer.WriteParameters), Shards.Bytes(NaiveTables.Merge(published, Delta(trainer)!).Write));
        trainer.Learn(world.Log(20, _ => Start + 2 * Period));
        Assert.Null(Delta(trainer));
        trainer.MarkPublished();
        trainer.Learn(world.Log(2, _ => Start + 2 * Period));
        Assert.NotNull(Delta(trainer));
    }

    private static EdgeTable Whole(DiagLinUcbTrainer trainer) => EdgeTable.Read(Shards.Bytes(trainer.WriteParameters));

    private static EdgeTable? Delta(DiagLinUcbTrainer trainer)
    {
        var wrote = false;
        var bytes = Shards.Bytes(output => wrote = trainer.TryWriteDelta(output));
        Assert.Equal(wrote, bytes.Length > 0);
        return wrote ? EdgeTable.Read(bytes) : null;
    }
}
