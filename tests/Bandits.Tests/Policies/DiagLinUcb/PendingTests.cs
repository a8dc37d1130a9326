using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Bandits.Snapshots;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Awaited impressions: in the widths as if they had been learned, in the means not at all, and nowhere unless asked for.</summary>
public sealed class PendingTests
{
    private static readonly DiagLinUcbKind Kind = new();

    [Theory]
    [InlineData("diagonal", 1)]
    [InlineData("calibrated", 2)]
    [InlineData("pooled", 3)]
    public void Widths_are_those_of_what_will_be_learned_and_means_those_of_what_was(string estimate, int seed)
    {
        var spec = Spec(("estimate", estimate));
        var world = new AffinityWorld(seed);
        // Items 20 and beyond have impressions and no reward yet, 25 and beyond not even those.
        var log = world.Log(150, to: 20);
        var open = world.Log(120).Select(static x => x.Impression).ToArray();
        var policy = Assemble(spec, [log[..100], log[100..]], [open[..70], open[70..]]);
        var plain = Assemble(spec, [log], [[]]);
        var (narrowed, unknown, mixed) = (0, 0, 0);
        var naive = new NaivePooling(log, null, open);
        var edges = new Dictionary<(int, ActionKey), (List<double> Seen, List<double> Awaited)>();
        foreach (var (shown, isOpen) in log.Select(static x => (x.Impression, false)).Concat(open.Select(static x => (x, true))))
        {
            foreach (var (cluster, weight) in shown.Clusters.ToArray())
            {
                if (!edges.TryGetValue((cluster, shown.Action), out var edge))
                    edges.Add((cluster, shown.Action), edge = ([], []));
                (isOpen ? edge.Awaited : edge.Seen).Add(weight);
            }
        }
        for (var trial = 0; trial < 200; trial++)
        {
            var (user, clusters) = (world.User(), world.Clusters());
            Candidate[] candidates = [.. Enumerable.Range(0, 6).Select(_ => world.Candidate(world.Next(27), clusters.Length))];
            var (means, widths) = Shards.Estimate(policy, user, candidates, clusters);
            var (plainMeans, plainWidths) = Shards.Estimate(plain, user, candidates, clusters);
            Assert.Equal(plainMeans, means);
            for (var j = 0; j < candidates.Length; j++)
            {
                var connected = clusters.Where((_, c) => (candidates[j].ClusterMask >> c & 1) != 0).ToArray();
                var touched = connected.Select(c => edges.GetValueOrDefault((c.Cluster, candidates[j].Key), ([], []))).ToArray();
                var known = plainWidths[j] < DiagLinUcbEstimator.FreshWidth;
                Assert.True(widths[j] <= plainWidths[j]);
                Assert.Equal(known, widths[j] < DiagLinUcbEstimator.FreshWidth);
                var (width, total) = (widths[j] - (known ? 0 : DiagLinUcbEstimator.FreshWidth), connected.Sum(static c => (double)c.Weight));
                var squares = connected.Sum(static c => (double)c.Weight * c.Weight);
                var variance = connected.Zip(touched, (c, e) => c.Weight * c.Weight / (1 + (estimate == "diagonal" ? Precision(e) : Size(e)))).Sum();
                var expected = estimate switch
                {
                    "diagonal" => naive.Noise * (known ? variance : variance / squares),
                    "calibrated" => naive.Noise * (known ? variance / (total * total) : variance / squares),
                    _ => Math.Pow(naive.Estimate(user, candidates[j], clusters).Width, 2),
                };
                Assert.Equal(Math.Sqrt(expected), width, 1e-4);
                narrowed += widths[j] < plainWidths[j] ? 1 : 0;
                unknown += !known && widths[j] < plainWidths[j] ? 1 : 0;
                mixed += touched.Any(static e => e.Seen.Count > 0 && e.Awaited.Count > 0) ? 1 : 0;
            }
        }
        Assert.True(narrowed > 100 && unknown > 5 && mixed > 20, $"{narrowed} narrowed, {unknown} of them unknown, {mixed} with both: not all was tried");

        static double Precision((List<double> Seen, List<double> Awaited) edge) => edge.Seen.Concat(edge.Awaited).Sum(static w => w * w);

        static double Size((List<double> Seen, List<double> Awaited) edge)
        {
            static double Kish(IReadOnlyCollection<double> weights) => weights.Count == 0 ? 0 : Math.Pow(weights.Sum(), 2) / weights.Sum(static w => w * w);
            return Math.Max(Kish(edge.Seen), Kish([.. edge.Seen, .. edge.Awaited]));
        }
    }

    [Theory]
    [InlineData("diagonal")]
    [InlineData("calibrated")]
    [InlineData("pooled")]
    public void A_flood_of_late_rewards_does_not_go_to_one_action(string estimate)
    {
        var spec = Spec(("estimate", estimate), ("floor", "0"));
        var log = Enumerable.Range(0, 40).Select(i => EdgeLogs.Interaction($"a{i % 2}", i % 4 < 2 ? 1 : 0, new ClusterWeight(0, 1))).ToArray();
        Candidate[] known = [Shards.Candidate("a0"), Shards.Candidate("a1")], unknown = [Shards.Candidate("x"), Shards.Candidate("y")];
        var last = float.PositiveInfinity;
        for (var open = 0; open < 5; open++)
        {
            Impression[] awaited = [.. Enumerable.Repeat(EdgeLogs.Interaction("a0", 0, new ClusterWeight(0, 1)).Impression, 20 * open),
                .. Enumerable.Repeat(EdgeLogs.Interaction("x", 0, new ClusterWeight(0, 1)).Impression, open)];
            var policy = Assemble(spec, [log], [awaited]);
            // Of two that did as well, the one that was not just shown; of two that nobody knows, rather that one.
            Assert.Equal(open == 0 ? [0.5f, 0.5f] : [0, 1], Propensities(policy, known));
            var shares = Propensities(policy, unknown);
            Assert.Equal(1, shares.Sum(), 1e-5f);
            var width = Shards.Estimate(policy, default, unknown).Widths[0];
            Assert.InRange(width, DiagLinUcbEstimator.FreshWidth, last);
            Assert.True(width < last);
            last = width;
        }
    }

    [Fact]
    public void What_is_written_for_a_version_stays_and_the_state_knows_nothing_of_it()
    {
        var trainer = new DiagLinUcbTrainer(Spec());
        Interaction[] log = EdgeLogs.Random(30, 1);
        trainer.Learn(log.AsSpan(..10));
        var state = Shards.Bytes(trainer.WriteCheckpoint);
        trainer.Expect(log[10].Impression);
        var first = Shards.Bytes(trainer.WriteParameters);
        trainer.Expect(log[11].Impression);
        Assert.Equal(first, Shards.Bytes(trainer.WriteParameters));
        Assert.Equal(state, Shards.Bytes(trainer.WriteCheckpoint));
        trainer.MarkPublished();
        trainer.Settle(log[10].Impression);
        Assert.Empty(Delta(trainer).Pending.Keys);
        Assert.Equal(first, Shards.Bytes(trainer.WriteParameters));

        // With the next version all of it shows: one came, one went.
        trainer.Learn(log.AsSpan(10..11));
        Assert.Equal(Edges(log[11]), EdgeTable.Read(Shards.Bytes(trainer.WriteParameters)).Pending.Keys);
        Assert.Equal(Edges(log[10], log[11]), Delta(trainer).Pending.Keys);
        trainer.ForgetExpected();
        trainer.Learn(log.AsSpan(11..12));
        Assert.Empty(EdgeTable.Read(Shards.Bytes(trainer.WriteParameters)).Pending.Keys);
        Assert.Equal(Edges(log[10]), Delta(trainer).Pending.Keys);
        trainer.Expect(log[12].Impression);
        trainer.ReadCheckpoint(state);
        Assert.Equal(state, Shards.Bytes(trainer.WriteParameters));
        Assert.Throws<SnapshotFormatException>(() => trainer.ReadCheckpoint(first));

        static EdgeKey[] Edges(params Interaction[] shown) =>
            [.. shown.SelectMany(static x => x.Clusters.ToArray().Select(c => new EdgeKey(c.Cluster, x.Action))).Distinct().Order()];
    }

    [Fact]
    public void Other_selections_take_no_notice()
    {
        foreach (var selection in (string[])["thompson", "optimistic", "top-k"])
        {
            var trainer = new DiagLinUcbTrainer(Shards.Spec("diag-lin-ucb", null, null, ("selection", selection)));
            Interaction[] log = EdgeLogs.Random(20, 1);
            trainer.Learn(log.AsSpan(..10));
            Assert.False(trainer.IsExpecting);
            trainer.Expect(log[15].Impression);
            Assert.Equal(Shards.Bytes(trainer.WriteCheckpoint), Shards.Bytes(trainer.WriteParameters));
            trainer.MarkPublished();
            trainer.Learn(log.AsSpan(10..11));
            Assert.Empty(Delta(trainer).Pending.Keys);
        }
    }

    [Fact]
    public void Edges_that_await_nothing_are_let_go()
    {
        var (spec, world) = (Spec(), new AffinityWorld(4, items: 200, clusters: 20));
        var (trainer, log) = (new DiagLinUcbTrainer(spec), world.Log(4000));
        trainer.Learn(log.AsSpan(..100));
        Each(log[100..], trainer.Expect);
        var policy = Serve();
        var most = Pending().Edges;
        trainer.MarkPublished();
        Each(log[100..^20], trainer.Settle);
        trainer.Learn(log.AsSpan(..1));
        policy = Kind.Apply(spec, policy, [new PolicyShard(0, 101, Shards.Bytes(output => Assert.True(trainer.TryWriteDelta(output))))]);
        Assert.InRange(Pending().Edges, 20, most / 20);
        AssertServesAlike();
        // And some of them come back.
        trainer.MarkPublished();
        Each(log[100..200], trainer.Expect);
        trainer.Learn(log.AsSpan(..1));
        policy = Kind.Apply(spec, policy, [new PolicyShard(0, 102, Shards.Bytes(output => Assert.True(trainer.TryWriteDelta(output))))]);
        AssertServesAlike();

        IPolicy Serve() => Kind.Assemble(spec, [new PolicyShard(0, trainer.Interactions, Shards.Bytes(trainer.WriteParameters))]);

        PendingPicture Pending() => ((IEstimatorPolicy<DiagLinUcbEstimator>)policy).Estimator.Picture.Pending;

        void AssertServesAlike()
        {
            var whole = Serve();
            for (var trial = 0; trial < 20; trial++)
            {
                var (user, clusters) = (world.User(), world.Clusters());
                Candidate[] candidates = [.. Enumerable.Range(0, 50).Select(_ => world.Candidate(world.Next(200), clusters.Length))];
                Assert.Equal(Shards.Estimate(whole, user, candidates, clusters).Widths, Shards.Estimate(policy, user, candidates, clusters).Widths);
            }
        }
    }

    [Fact]
    public void Damaged_impressions_are_refused_or_served()
    {
        var spec = Spec();
        var trainer = new DiagLinUcbTrainer(spec);
        Interaction[] log = EdgeLogs.Random(60, 5);
        trainer.Learn(log.AsSpan(..20));
        Each(log[20..], trainer.Expect);
        var bytes = Shards.Bytes(trainer.WriteParameters);
        var begin = bytes.Length - EdgeTable.Read(bytes).Pending.Keys.Length * EdgeTable.PendingBytes - 4;
        var random = new Random(6);
        var (refused, served) = (0, 0);
        for (var trial = 0; trial < 2000; trial++)
        {
            var damaged = (byte[])bytes.Clone();
            for (var i = random.Next(3); i >= 0; i--)
                damaged[random.Next(begin, bytes.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                Kind.VerifyDelta(spec, damaged);
                var policy = Kind.Assemble(spec, [new PolicyShard(0, 20, damaged)]);
                var (means, widths) = Shards.Estimate(policy, default, [.. Enumerable.Range(0, 20).Select(i => Shards.Candidate($"a{i}"))], EdgeLogs.Clusters(random));
                Assert.All(means.Concat(widths), static x => Assert.True(float.IsFinite(x) && x >= 0));
                served++;
            }
            catch (SnapshotFormatException)
            {
                refused++;
            }
        }
        Assert.True(refused > 300 && served > 300, $"{refused} refused, {served} served");
        for (var length = begin; length < bytes.Length; length++)
            Assert.Throws<SnapshotFormatException>(() => EdgeTable.Read(bytes.AsSpan(0, length)));
        Assert.Throws<SnapshotFormatException>(() => EdgeTable.Read([.. bytes, 0]));

        // More settled than was awaited.
        var empty = Kind.Assemble(spec, []);
        var less = EdgeTable.Empty with { Pending = new PendingList([new EdgeKey(1, new ActionKey(2))], [default(PendingSums) - PendingSums.Of(0.5f)]) };
        Assert.Throws<SnapshotFormatException>(() => Kind.Apply(spec, empty, [new PolicyShard(0, 1, Shards.Bytes(less.Write))]));
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var world = new AffinityWorld(9);
        var policy = Assemble(Spec(), [world.Log(200, to: 15)], [world.Log(100).Select(static x => x.Impression)]);
        var (user, clusters) = (world.User(), world.Clusters());
        Candidate[] candidates = [.. Enumerable.Range(0, 25).Select(i => world.Candidate(i, clusters.Length))];
        float[] means = new float[25], widths = new float[25], propensities = new float[25];
        Assert.Equal(0, Allocation.Least(() =>
        {
            policy.Estimate(new DecisionQuery(user, candidates, clusters), means, widths);
            policy.Distribute(means, widths, propensities);
        }));
    }

    private static PolicySpec Spec(params (string, string)[] parameters) => Shards.Spec("diag-lin-ucb", null, null, [("selection", "pending"), .. parameters]);

    private static IPolicy Assemble(PolicySpec spec, IEnumerable<Interaction[]> logs, IEnumerable<IEnumerable<Impression>> open) =>
        Kind.Assemble(spec, [.. logs.Zip(open, (log, awaited) =>
        {
            var trainer = new DiagLinUcbTrainer(spec);
            trainer.Learn(log);
            foreach (var impression in awaited)
                trainer.Expect(impression);
            return Shards.Bytes(trainer.WriteParameters);
        }).Select((bytes, p) => new PolicyShard(p, 1, bytes))]);

    private delegate void Handle(in Impression impression);

    private static void Each(IEnumerable<Interaction> shown, Handle handle)
    {
        foreach (var interaction in shown)
            handle(interaction.Impression);
    }

    private static EdgeTable Delta(DiagLinUcbTrainer trainer) => EdgeTable.Read(Shards.Bytes(output => Assert.True(trainer.TryWriteDelta(output))));

    private static float[] Propensities(IPolicy policy, Candidate[] candidates)
    {
        var (means, widths) = Shards.Estimate(policy, default(FeatureSet), candidates);
        var propensities = new float[candidates.Length];
        policy.Distribute(means, widths, propensities);
        return propensities;
    }
}
