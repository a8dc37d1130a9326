using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>The learner of an error memory and the picture that serves, together: decisions are corrected, traced, learned and published.</summary>
public sealed class MemoryPictureTests
{
    private static readonly MemoryOptions Options = new(new MemoryShape(12, 7), Window: 120, RenewAfter: 150);

    public static TheoryData<string> Kinds => ["neu-fast-cb", "neural-linear", "lin-ucb", "diag-lin-ucb"];

    /// <summary>Whenever partitions publish, and whatever happens in between (keys are renewed, losses jump), deltas one after the other give what whole states give.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Deltas_give_the_bits_of_whole_states(string kind)
    {
        var world = new World(kind, Options, partitions: 3, seed: 1);
        for (var round = 0; round < 1100; round++)
        {
            world.Turned = round >= 800;
            world.Decide(round % 3);
            if (world.Random.Next(3) > 0)
                continue;
            var p = world.Random.Next(3);
            world.Publish(p);
            if (round % 7 > 0)
                continue;
            // Whole states of all partitions, in any order.
            var shards = Enumerable.Range(0, 3).Select(world.LastPublished).Where(static s => s is not null).Select(static s => s!).ToArray();
            world.Random.Shuffle(shards);
            world.Same(MemoryPicture.Empty(Options, world.Spec).With(shards, whole: true), world.Picture);
        }
        Assert.True(world.Learners[0].Interactions > 200 && world.Learners.Sum(static l => l.Alarms) > 0, "The jump was not seen.");
        Assert.True(world.Picture.Entries > 0);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_restart_goes_on_with_the_same_bytes(string kind)
    {
        var world = new World(kind, Options, partitions: 1, seed: 2);
        for (var round = 0; round < 500; round++)
        {
            world.Turned = round >= 300;
            world.Decide(0);
            world.Publish(0);
            if (round % 37 != 0)
                continue;
            var before = Checkpoint(world.Learners[0]);
            var again = MemoryLearner.Read(before, Options, world.Spec, makesKeys: true);
            Assert.Equal(before, Checkpoint(again));
            Assert.Equal(Whole(world.Learners[0]), Whole(again));
            world.Learners[0] = again;
        }
        // The same decisions without any restart.
        var straight = new World(kind, Options, partitions: 1, seed: 2);
        for (var round = 0; round < 500; round++)
        {
            straight.Turned = round >= 300;
            straight.Decide(0);
            straight.Publish(0);
        }
        Assert.Equal(Checkpoint(straight.Learners[0]), Checkpoint(world.Learners[0]));
    }

    /// <summary>Against the definition: what a trace says was nearby, in doubles; some candidates have features and some have none.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_candidate_is_corrected_by_what_its_own_address_holds(string kind)
    {
        var options = Options with { Evidence = 2, Lambda = 0.7, Gamma = 0.8 };
        var world = new World(kind, options, partitions: 1, seed: 3);
        for (var round = 0; round < 200; round++)
        {
            world.Decide(0);
            world.Publish(0);
        }
        var hits = 0;
        for (var i = 0; i < 30; i++)
        {
            var candidates = World.Candidates();
            var query = new DecisionQuery(world.Context(), candidates, World.Clusters);
            float[] means = [.. candidates.Select(_ => world.Random.NextSingle())], corrected = [.. means], corrections = new float[means.Length];
            hits += world.Picture.Correct(query, corrected, corrections);
            var traces = new TraceBuffer();
            world.Picture.Trace(query, [.. candidates.Select(static (_, a) => new ChosenSlot(a, 1))], corrected, corrections, traces);
            for (var a = 0; a < means.Length; a++)
            {
                var trace = traces.ToTrace(a);
                var expected = means[a] + 0.7 * trace.Evidence / (trace.Evidence + 2.0) * (trace.Local - 0.8 * means[a]);
                Assert.Equal(trace.Evidence > 0 ? Math.Clamp(expected, 0, 1) : means[a], corrected[a], 1e-5);
                Assert.Equal(means[a], trace.Expected, 1e-6);
                Assert.Equal(corrected[a], trace.Corrected);
                // Alone it has the same address as among others.
                var alone = new TraceBuffer();
                world.Picture.Trace(new DecisionQuery(query.Context, candidates.AsSpan(a, 1), World.Clusters), [new ChosenSlot(0, 1)], corrected.AsSpan(a, 1), corrections.AsSpan(a, 1), alone);
                Assert.Equal(trace.Addresses.Select(static t => (t.Space, string.Join(',', t.Codes.ToArray()))), alone.ToTrace(0).Addresses.Select(static t => (t.Space, string.Join(',', t.Codes.ToArray()))));
            }
        }
        Assert.InRange(hits, 20, 30 * 6);
    }

    [Fact]
    public void Lambda_0_leaves_every_bit()
    {
        var world = new World("lin-ucb", Options with { Lambda = 0 }, partitions: 1, seed: 4);
        for (var round = 0; round < 150; round++)
        {
            world.Decide(0);
            world.Publish(0);
        }
        var candidates = World.Candidates();
        float[] means = [0.1f, 0.7f, 1.2f, -0.3f, 0, 1], before = [.. means], corrections = [9, 9, 9, 9, 9, 9];
        Assert.True(world.Picture.Correct(new DecisionQuery(world.Context(), candidates, World.Clusters), means, corrections) > 0);
        Memories.SameBits(before, means);
        Assert.Equal(new float[6], corrections);
    }

    [Fact]
    public void Samples_of_other_spaces_are_counted_and_left_out()
    {
        var world = new World("lin-ucb", Options, partitions: 1, seed: 5);
        for (var round = 0; round < 400; round++)
        {
            world.Decide(0);
            world.Publish(0);
        }
        var learner = world.Learners[0];
        Assert.Equal(0, learner.Stale);
        Assert.True(learner.Untraced >= MemoryLearner.FirstKeysAfter);
        var samples = learner.Samples;
        var good = world.LastTrace!.Addresses[0];
        MemoryAddress[] bad =
        [
            good with { Space = new KeySpace(good.Space.Value ^ (1UL << 60)) },
            good with { Space = new KeySpace(good.Space.Value & ~((1UL << 40) - 1) | 1) },
            good with { Codes = good.Codes[..^1] },
            good with { Codes = new ushort[] { 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
        ];
        foreach (var address in bad)
            learner.Learn(world.Interaction(new MemoryTrace(0.5f, 0.5f, 0, 0, [address])));
        Assert.Equal((bad.Length, samples), (learner.Stale, learner.Samples));
    }

    [Fact]
    public void Settings_that_only_change_reading_keep_what_was_learned_and_others_begin_anew()
    {
        var world = new World("neu-fast-cb", Options, partitions: 1, seed: 6);
        for (var round = 0; round < 200; round++)
        {
            world.Decide(0);
            world.Publish(0);
        }
        var learner = world.Learners[0];
        Assert.True(learner.Samples > 50);
        foreach (var kept in new[] { Options with { Lambda = 0.3 }, Options with { Gamma = 0 }, Options with { Evidence = 5 }, Options with { Window = 77 } })
            Assert.Equal((learner.Samples, learner.Interactions), (learner.Under(kept).Samples, learner.Under(kept).Interactions));
        foreach (var anew in new[] { Options with { Reset = 1 }, Options with { Shape = new MemoryShape(13, 7) }, Options with { Keys = MemoryKeys.Input }, Options with { Seed = 2 } })
            Assert.Equal((0, 0), (learner.Under(anew).Samples, learner.Under(anew).Interactions));
        // What was published under others is refused, and the picture stays.
        Memories.Damaged(
            () => MemoryPicture.Empty(Options with { Reset = 1 }, world.Spec).With([new PolicyShard(0, 1, Whole(learner))], whole: true), "other settings");
    }

    /// <summary>Any bytes are refused as damaged, or are a state.</summary>
    [Theory]
    [InlineData("neu-fast-cb")]
    [InlineData("lin-ucb")]
    public void Damaged_bytes_are_refused(string kind)
    {
        var world = new World(kind, Options, partitions: 1, seed: 7);
        for (var round = 0; round < 260; round++)
        {
            world.Decide(0);
            world.Publish(0);
        }
        world.Decide(0);
        var learner = world.Learners[0];
        var delta = new ArrayBufferWriter<byte>();
        Assert.True(learner.TryWriteDelta(delta));
        foreach (var (bytes, whole) in new[] { (Whole(learner), true), (delta.WrittenSpan.ToArray(), false) })
        {
            MemoryPicture.Verify(Options, world.Spec, bytes, whole);
            for (var i = 0; i < 400; i++)
                Try(() => world.Picture.With([new PolicyShard(0, 999, Damage(bytes, world.Random))], whole));
        }
        Memories.Damaged(() => MemoryPicture.Empty(Options, world.Spec).With([new PolicyShard(0, 999, delta.WrittenSpan.ToArray())], whole: false), "nothing is known");
        var checkpoint = Checkpoint(learner);
        for (var i = 0; i < 400; i++)
            Try(() => MemoryLearner.Read(Damage(checkpoint, world.Random), Options, world.Spec, makesKeys: true));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Correcting_and_tracing_allocate_nothing(string kind)
    {
        var world = new World(kind, MemoryOptions.Default with { Window = 120, RenewAfter = 150 }, partitions: 1, seed: 8);
        for (var round = 0; round < 200; round++)
        {
            world.Decide(0);
            world.Publish(0);
        }
        var (context, candidates, slots) = (world.Context(), World.Candidates(), new[] { new ChosenSlot(2, 0.5f), new ChosenSlot(0, 0.5f) });
        float[] means = new float[6], corrections = new float[6];
        var traces = new TraceBuffer();
        Assert.Equal(0, Allocation.Least(
            () =>
            {
                var query = new DecisionQuery(context, candidates, World.Clusters);
                world.Picture.Correct(query, means, corrections);
                world.Picture.Trace(query, slots, means, corrections, traces);
            }, 50));
    }

    /// <summary>The vectors of inputs, made by loops: dense ones scaled by what was seen, hashed ones folded less their mean.</summary>
    [Fact]
    public void Input_keys_know_nothing_of_scale_and_much_of_direction()
    {
        var schema = new FeatureSchema { ContextVector = 200 };
        var spec = PolicyCatalog.Configure(PolicyCatalog.Find("lin-ucb"), [], schema, RewardRange.Unit, 0, []);
        var random = new Random(9);
        FeatureSet Draw(float scale) => new(default, Enumerable.Range(0, 200).Select(i => (i % 2 == 0 ? 1000f : 0.001f) * scale * (random.NextSingle() - 0.5f) + 5).ToArray());
        var statistics = new InputStatistics(schema);
        for (var i = 0; i < 200; i++)
            statistics.Observe(new Interaction(Draw(1), new ActionKey(1), FeatureSet.Empty, default, 1, 0, 0));
        var bytes = new ArrayBufferWriter<byte>();
        statistics.WriteKeys(new StateWriter(bytes), new KeySpace(5));
        var keys = FrozenKeys.Read(bytes.WrittenSpan, spec);
        Assert.Equal((new KeySpace(5), 128 + 64), (keys.Space, keys.Dimension));
        Candidate[] one = [new(default, new ActionKey(1), FeatureSet.Empty)];
        float[] row = new float[keys.Dimension], wild = new float[keys.Dimension];
        keys.Fill(new DecisionQuery(Draw(1), one, World.Clusters), row);
        // About 200 numbers of unit variance in 128 places.
        Assert.InRange(row.Sum(static v => v * v), 60, 500);
        keys.Fill(new DecisionQuery(new FeatureSet(default, Enumerable.Repeat(float.NaN, 100).Concat(Enumerable.Repeat(float.MaxValue, 100)).ToArray()), one, World.Clusters), wild);
        Assert.All(wild, static v => Assert.True(float.IsFinite(v)));
    }

    private static byte[] Whole(MemoryLearner learner)
    {
        var output = new ArrayBufferWriter<byte>();
        learner.Write(output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Checkpoint(MemoryLearner learner)
    {
        var output = new ArrayBufferWriter<byte>();
        learner.WriteCheckpoint(output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Damage(byte[] bytes, Random random)
    {
        var damaged = bytes.ToArray();
        for (var n = random.Next(3); n >= 0; n--)
            damaged[random.Next(random.Next(2) == 0 ? Math.Min(200, damaged.Length) : damaged.Length)] ^= (byte)(1 << random.Next(8));
        return random.Next(4) == 0 ? damaged[..random.Next(damaged.Length)] : damaged;
    }

    private static void Try(Action read)
    {
        try
        {
            read();
        }
        catch (SnapshotFormatException)
        {
            // Refused.
        }
    }

    /// <summary>Six actions, of which four have features; which one is right follows from the context, until the world turns.</summary>
    private sealed class World
    {
        public static readonly ClusterWeight[] Clusters = [new(0, 1)];
        private static readonly FeatureSchema Schema = new() { ContextVector = 5 };
        private readonly MemoryOptions _options;
        private readonly IPolicyTrainer[] _trainers;
        private readonly PolicyShard?[] _published;
        private readonly ArrayBufferWriter<byte> _output = new();

        public World(string kind, MemoryOptions options, int partitions, int seed)
        {
            var errors = new List<string>();
            Spec = PolicyCatalog.Configure(PolicyCatalog.Find(kind), [], Schema, RewardRange.Unit, 0, errors);
            Assert.Empty(errors);
            _options = options;
            Random = new Random(seed);
            _trainers = [.. Enumerable.Range(0, partitions).Select(_ => PolicyCatalog.Find(kind).CreateTrainer(Spec))];
            Learners = [.. Enumerable.Range(0, partitions).Select(p => new MemoryLearner(options, Spec, makesKeys: p == 0))];
            _published = new PolicyShard?[partitions];
            Picture = MemoryPicture.Empty(options, Spec);
        }

        public PolicySpec Spec { get; }

        public Random Random { get; }

        public MemoryLearner[] Learners { get; }

        public MemoryPicture Picture { get; private set; }

        public MemoryTrace? LastTrace { get; private set; }

        public bool Turned { get; set; }

        public PolicyShard? LastPublished(int partition) => _published[partition];

        public FeatureSet Context() => new(
            new[] { new SparseFeature((uint)Random.Next(8), 1) }, Enumerable.Range(0, 5).Select(_ => Random.NextSingle() * 40 - 20).ToArray());

        public static Candidate[] Candidates() =>
        [
            .. Enumerable.Range(0, 6).Select(static i => new Candidate(
                default, new ActionKey((ulong)i + 1), i < 2 ? FeatureSet.Empty : new FeatureSet(new[] { new SparseFeature((uint)i, 1) }, default))),
        ];

        public Interaction Interaction(MemoryTrace trace) => new(Context(), new ActionKey(1), FeatureSet.Empty, Clusters, 1, 1, 0) { Trace = trace };

        /// <summary>The model says that the right action, as it was before the world turned, earns nearly for certain.</summary>
        public void Decide(int partition)
        {
            var (context, candidates) = (Context(), Candidates());
            var query = new DecisionQuery(context, candidates, Clusters);
            var right = context.Dense.Span[0] > 0 ? 1 : 4;
            float[] means = [.. candidates.Select((_, a) => a == right ? 0.9f : 0.1f)], corrections = new float[6];
            Picture.Correct(query, means, corrections);
            var action = Random.Next(6);
            var traces = new TraceBuffer();
            Picture.Trace(query, [new ChosenSlot(action, 0.2f)], means, corrections, traces);
            LastTrace = traces.Count == 0 ? null : traces.ToTrace(0);
            var reward = action == right == !Turned ? 1f : 0f;
            var interaction = new Interaction(context, candidates[action].Key, candidates[action].Features, Clusters, 0.2f, reward, 0) { Trace = LastTrace };
            Learners[partition].Learn(interaction);
            _trainers[partition].Learn([interaction]);
            Learners[partition].RenewKeys(_trainers[partition]);
        }

        public void Publish(int partition)
        {
            var learner = Learners[partition];
            _published[partition] = new PolicyShard(partition, learner.Interactions, Whole(learner));
            _output.ResetWrittenCount();
            var isDelta = learner.TryWriteDelta(_output);
            if (!isDelta)
                learner.Write(_output);
            Picture = Picture.With([new PolicyShard(partition, learner.Interactions, _output.WrittenSpan.ToArray())], whole: !isDelta);
            learner.MarkPublished();
        }

        public void Same(MemoryPicture expected, MemoryPicture actual)
        {
            Assert.Equal((expected.Version, expected.Entries), (actual.Version, actual.Entries));
            for (var i = 0; i < 5; i++)
            {
                var (context, candidates) = (Context(), Candidates());
                var query = new DecisionQuery(context, candidates, Clusters);
                float[] left = [.. candidates.Select(_ => Random.NextSingle())], right = [.. left], corrections = new float[6];
                Assert.Equal(expected.Correct(query, left, corrections), actual.Correct(query, right, corrections));
                Memories.SameBits(left, right);
                TraceBuffer first = new(), second = new();
                expected.Trace(query, [new ChosenSlot(i, 1)], left, corrections, first);
                actual.Trace(query, [new ChosenSlot(i, 1)], right, corrections, second);
                Assert.Equal(first.Count, second.Count);
                if (first.Count > 0)
                    Assert.Equal(first.ToTrace(0).Addresses.Select(static a => a.Space), second.ToTrace(0).Addresses.Select(static a => a.Space));
            }
        }
    }
}
