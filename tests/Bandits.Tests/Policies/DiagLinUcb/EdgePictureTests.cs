using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>A picture is a function of what it was made of, bit by bit, whichever way it was made; and nobody can change it.</summary>
public sealed class EdgePictureTests
{
    private const int Partitions = 3;
    private const long Start = 1_700_000_000_000;

    [Theory]
    [InlineData(1, "0", "thompson")]
    [InlineData(2, "0", "pending")]
    [InlineData(3, "0.001", "thompson")]
    [InlineData(4, "0.001", "pending")]
    public void Deltas_give_the_bits_of_whole_tables(int seed, string halfLifeDays, string selection)
    {
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("halfLifeDays", halfLifeDays), ("selection", selection));
        var world = new AffinityWorld(100 * seed, items: 90, clusters: 20);
        var random = new Random(seed);
        var trainers = Enumerable.Range(0, Partitions).Select(_ => new DiagLinUcbTrainer(spec)).ToArray();
        var wholes = new EdgeTable[Partitions];
        for (var p = 0; p < Partitions; p++)
        {
            trainers[p].Learn(world.Log(400, _ => Start, to: 15));
            Publish(p);
        }
        var picture = Whole(spec, wholes, random);
        int deltas = 0, rebuilt = 0, centres = 0, spreads = 0, awaited = 0;
        var open = trainers.Select(static _ => new Queue<Impression>()).ToArray();
        var now = Start;
        for (var round = 0; round < 70; round++)
        {
            // Time stands still more often than not, so that some deltas fall into the step of the one before; some events are late.
            now += random.Next(3) == 0 ? 80_000 : 0;
            var p = random.Next(Partitions);
            trainers[p].Learn(world.Log(random.Next(1, 60), _ => now - random.Next(2) * random.Next(300_000), to: 15 + round));
            // More and more is awaited, and then less and less; some of it about what nobody has seen.
            foreach (var shown in world.Log(random.Next(40)))
            {
                trainers[p].Expect(shown.Impression);
                open[p].Enqueue(shown.Impression);
            }
            for (var settled = random.Next(round < 40 ? 20 : 80); settled > 0 && open[p].TryDequeue(out var impression); settled--)
                trainers[p].Settle(impression);
            if (random.Next(4) == 0)
                continue;
            var delta = Delta(trainers[p]);
            Publish(p);
            var before = picture;
            picture = delta is null ? Whole(spec, wholes, random) : picture.With(p, delta);
            Same(Whole(spec, wholes, random), picture, world);
            awaited = Math.Max(awaited, picture.Pending.Edges);
            (deltas, rebuilt) = (deltas + (delta is null ? 0 : 1), rebuilt + (delta is null ? 1 : 0));
            spreads += before.Model.EdgeSpread != picture.Model.EdgeSpread ? 1 : 0;
            centres += Enumerable.Range(0, 20).Count(c => before.CentreOf(c) != picture.CentreOf(c));
        }
        Assert.True(deltas > 30 && centres > 5 && spreads > 0, $"{deltas} deltas, {centres} centres moved, {spreads} spreads moved: not all was tried");
        Assert.Equal(halfLifeDays != "0", rebuilt > 0);
        Assert.Equal(selection == "pending", awaited > 200);

        void Publish(int p)
        {
            wholes[p] = EdgeTable.Read(Shards.Bytes(trainers[p].WriteParameters));
            trainers[p].MarkPublished();
        }
    }

    [Fact]
    public void Two_successors_of_one_picture_know_nothing_of_each_other()
    {
        var spec = Shards.Spec("diag-lin-ucb");
        var world = new AffinityWorld(7, items: 60, clusters: 15);
        EdgeTable[] wholes = [Table(spec, world.Log(2000, to: 30)), Table(spec, world.Log(1000, to: 30))];
        var picture = Whole(spec, wholes, new Random(1));
        EdgeTable left = Table(spec, world.Log(30, to: 60)), right = Table(spec, world.Log(50, from: 25));
        var withLeft = picture.With(0, left);
        var withRight = picture.With(1, right);
        Same(Whole(spec, wholes, new Random(2)), picture, world);
        Same(Whole(spec, [NaiveTables.Merge(wholes[0], left), wholes[1]], new Random(3)), withLeft, world);
        Same(Whole(spec, [wholes[0], NaiveTables.Merge(wholes[1], right)], new Random(4)), withRight, world);
        Same(withLeft.With(1, right), withRight.With(0, left), world);
        // Each goes on by itself, the old one too.
        Same(withRight.With(0, left), picture.With(1, right).With(0, left), world);
        Same(Whole(spec, wholes, new Random(5)), picture, world);
        Assert.True(withLeft.Edges > picture.Edges && withRight.Edges > picture.Edges, "no delta brought a new edge");
    }

    [Fact]
    public void A_refused_delta_leaves_the_picture_good()
    {
        var spec = Shards.Spec("diag-lin-ucb");
        var world = new AffinityWorld(8);
        EdgeTable[] wholes = [Table(spec, world.Log(300))];
        var picture = Whole(spec, wholes, new Random(1));
        var delta = Table(spec, world.Log(10));
        var last = delta.Current.Keys.Length - 1;
        var impossible = delta with
        {
            // The first edges are new and go in; what then is too much is only found when it is added.
            Current = new EdgeList(
                [new EdgeKey(0, new ActionKey(1)), .. delta.Current.Keys[1..]],
                [.. delta.Current.Sums[..last], new EdgeSums(EdgeSums.CountMax, 0, 0, EdgeSums.CountMax << 24, 0) + delta.Current.Sums[last]]),
        };
        Assert.Throws<SnapshotFormatException>(() => picture.With(0, impossible));
        Assert.Throws<SnapshotFormatException>(() => picture.With(0, delta with { Interactions = long.MaxValue }));
        Same(Whole(spec, wholes, new Random(2)), picture, world);
        Same(Whole(spec, [NaiveTables.Merge(wholes[0], delta)], new Random(3)), picture.With(0, delta), world);
    }

    [Fact]
    public void Readers_see_one_picture_while_successors_are_made()
    {
        var spec = Shards.Spec("diag-lin-ucb");
        var world = new AffinityWorld(9, items: 200, clusters: 20);
        var picture = EdgePicture.Empty(default, pooled: true).With(0, Table(spec, world.Log(2000, to: 50)));
        var deltas = Enumerable.Range(0, 60).Select(i => Table(spec, world.Log(100, to: 50 + 2 * i))).ToArray();
        var queries = Queries(world);
        var expected = Answers(picture, queries);
        var (reading, done, wrong) = (0, false, 0);
        var readers = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            do
            {
                wrong += Answers(picture, queries).SequenceEqual(expected) ? 0 : 1;
                Interlocked.Increment(ref reading);
            }
            while (!Volatile.Read(ref done));
        })).ToArray();
        foreach (var reader in readers)
            reader.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref reading) > 0);
        var next = picture;
        foreach (var delta in deltas)
            next = next.With(0, delta);
        Volatile.Write(ref done, true);
        foreach (var reader in readers)
            reader.Join();
        Assert.Equal(0, wrong);
        Assert.True(next.Edges > 2 * picture.Edges);
    }

    [Fact]
    public void Apply_and_Assemble_of_the_kind_serve_the_same_and_refuse_what_is_not_theirs()
    {
        var spec = Shards.Spec("diag-lin-ucb");
        var kind = new DiagLinUcbKind();
        var world = new AffinityWorld(10);
        var trainer = new DiagLinUcbTrainer(spec);
        trainer.Learn(world.Log(500));
        var old = kind.Assemble(spec, [new PolicyShard(0, 500, Shards.Bytes(trainer.WriteParameters))]);
        trainer.MarkPublished();
        trainer.Learn(world.Log(20));
        var delta = Shards.Bytes(output => Assert.True(trainer.TryWriteDelta(output)));
        kind.VerifyDelta(spec, delta);
        var applied = kind.Apply(spec, old, [new PolicyShard(0, 520, delta)]);
        var whole = kind.Assemble(spec, [new PolicyShard(0, 520, Shards.Bytes(trainer.WriteParameters))]);
        Assert.Equal((500, 520, 520), (old.Descriptor.Version, applied.Descriptor.Version, whole.Descriptor.Version));
        Candidate[] candidates = [.. Enumerable.Range(0, 10).Select(i => world.Candidate(i, 1))];
        var (means, widths) = Shards.Estimate(applied, world.User(), candidates);
        float[] p = new float[10], q = new float[10];
        applied.Distribute(means, widths, p);
        whole.Distribute(means, widths, q);
        Assert.Equal(q, p);
        Same(((IEstimatorPolicy<DiagLinUcbEstimator>)whole).Estimator.Picture, ((IEstimatorPolicy<DiagLinUcbEstimator>)applied).Estimator.Picture, world);
        Assert.Throws<SnapshotFormatException>(() => kind.Apply(spec, old, [new PolicyShard(0, 520, delta.AsMemory(0, delta.Length - 1))]));
        Assert.Throws<SnapshotFormatException>(() => kind.VerifyDelta(spec, delta.AsSpan(0, delta.Length - 1)));
        Assert.Throws<ArgumentException>(() => kind.Apply(spec, Shards.Assemble(Shards.Spec("uniform")), []));
    }

    private static EdgeTable? Delta(DiagLinUcbTrainer trainer)
    {
        var wrote = false;
        var bytes = Shards.Bytes(output => wrote = trainer.TryWriteDelta(output));
        return wrote ? EdgeTable.Read(bytes) : null;
    }

    private static EdgeTable Table(PolicySpec spec, IEnumerable<Interaction> log) => EdgeTable.Read(Shards.Shard(spec, 0, log).Parameters.Span);

    private static EdgePicture Whole(PolicySpec spec, EdgeTable[] tables, Random random) =>
        Enumerable.Range(0, tables.Length).OrderBy(_ => random.Next())
            .Aggregate(EdgePicture.Empty(DiagLinUcbKind.ForgettingOf(spec), pooled: true), (picture, p) => picture.With(p, tables[p]));

    private static void Same(EdgePicture expected, EdgePicture actual, AffinityWorld world)
    {
        Assert.Equal(expected.Interactions, actual.Interactions);
        Assert.Equal(expected.MeanReward, actual.MeanReward);
        Assert.Equal(expected.Model, actual.Model);
        Assert.Equal(expected.IsFull, actual.IsFull);
        Assert.Equal(expected.Pending.Edges, actual.Pending.Edges);
        var queries = Queries(world);
        Assert.Equal(Answers(expected, queries), Answers(actual, queries));
    }

    private static (Bandits.Features.FeatureSet User, ClusterWeight[] Clusters, Candidate[] Candidates)[] Queries(AffinityWorld world) =>
    [
        .. Enumerable.Range(0, 15).Select(_ => world.Clusters()).Select(clusters =>
            (world.User(), clusters, Enumerable.Range(0, 30).Select(_ => world.Candidate(world.Next(210), clusters.Length)).ToArray())),
    ];

    /// <summary>Bits of means and widths, by all estimates.</summary>
    private static int[] Answers(EdgePicture picture, (Bandits.Features.FeatureSet User, ClusterWeight[] Clusters, Candidate[] Candidates)[] queries)
    {
        var bits = new List<int>();
        foreach (var estimate in Enum.GetValues<EdgeEstimate>())
        {
            var estimator = new DiagLinUcbEstimator(picture, new DiagLinUcbPrior(estimate, 1));
            foreach (var (user, clusters, candidates) in queries)
            {
                float[] means = new float[candidates.Length], widths = new float[candidates.Length];
                estimator.Estimate(new DecisionQuery(user, candidates, clusters), means, widths);
                bits.AddRange(means.Concat(widths).Select(BitConverter.SingleToInt32Bits));
            }
        }
        return [.. bits];
    }
}
