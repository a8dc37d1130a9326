using System.Buffers;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;
using Recsys.Bandits.Snapshots;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Policies;

/// <summary>What every kind in the catalogue owes to its users.</summary>
public sealed class PolicyContractTests
{
    private static readonly FeatureSchema Schema = new(ContextVector: 3, ActionVector: 3);

    public static TheoryData<string> Kinds => [.. PolicyCatalog.Kinds.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Distribution_is_valid_and_follows_a_permutation_of_the_actions(string kind)
    {
        var policy = Trained(kind, 200);
        for (var seed = 0; seed < 50; seed++)
        {
            var candidates = Enumerable.Range(0, 7).Select(i => Candidate(i, seed)).ToArray();
            var shuffled = candidates.Reverse().ToArray();
            var p = Distribution(policy, candidates, seed);
            var q = Distribution(policy, shuffled, seed);
            Assert.Equal(1, p.Sum(), 3);
            Assert.All(p, static x => Assert.True(x > 0 && x <= 1, $"propensity {x}"));
            Assert.Equal(p, q.Reverse().ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Checkpoint_round_trip_and_other_batches_give_the_same_bytes(string kind)
    {
        var spec = Spec(kind);
        var one = PolicyCatalog.Find(kind).CreateTrainer(spec);
        var cut = PolicyCatalog.Find(kind).CreateTrainer(spec);
        var interactions = Interactions(300, 1);
        one.Learn(interactions);
        foreach (var chunk in interactions.Chunk(7))
            cut.Learn(chunk);
        Assert.Equal(Bytes(one.WriteCheckpoint), Bytes(cut.WriteCheckpoint));
        var restored = PolicyCatalog.Find(kind).CreateTrainer(spec);
        restored.ReadCheckpoint(Bytes(one.WriteCheckpoint));
        Assert.Equal(Bytes(one.WriteCheckpoint), Bytes(restored.WriteCheckpoint));
        restored.Learn([]);
        Assert.Equal(Bytes(one.WriteParameters), Bytes(restored.WriteParameters));
        Assert.Equal(300, restored.Interactions);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Shards_merge_to_the_same_policy_in_any_order(string kind)
    {
        var spec = Spec(kind);
        var shards = Enumerable.Range(0, 3).Select(p =>
        {
            var trainer = PolicyCatalog.Find(kind).CreateTrainer(spec);
            trainer.Learn(Interactions(100, p));
            return new PolicyShard(p, trainer.Interactions, Bytes(trainer.WriteParameters));
        }).ToList();
        var merged = PolicyCatalog.Find(kind).Assemble(spec, shards);
        var reversed = PolicyCatalog.Find(kind).Assemble(spec, [.. Enumerable.Reverse(shards)]);
        Assert.Equal(300, merged.Descriptor.Version);
        var candidates = Enumerable.Range(0, 5).Select(static i => Candidate(i, 3)).ToArray();
        Assert.Equal(Distribution(merged, candidates, 3), Distribution(reversed, candidates, 3));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Damaged_bytes_are_refused_and_change_nothing(string kind)
    {
        var trainer = PolicyCatalog.Find(kind).CreateTrainer(Spec(kind));
        trainer.Learn(Interactions(20, 1));
        var before = Bytes(trainer.WriteCheckpoint);
        Assert.Throws<SnapshotFormatException>(() => trainer.ReadCheckpoint(before.AsSpan(0, before.Length - 1)));
        Assert.Throws<SnapshotFormatException>(() => trainer.ReadCheckpoint([]));
        Assert.Equal(before, Bytes(trainer.WriteCheckpoint));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Deciding_allocates_nothing(string kind)
    {
        var policy = Trained(kind, 100);
        var candidates = Enumerable.Range(0, 10).Select(static i => Candidate(i, 5)).ToArray();
        float[] means = new float[10], widths = new float[10], scratch = new float[30];
        var order = new int[10];
        var slots = new ChosenSlot[2];
        var clusters = new[] { new ClusterWeight(0, 0.6f), new ClusterWeight(1, 0.4f) };
        var context = Context(5);
        var seed = 0UL;
        Assert.Equal(0, Allocation.Least(() =>
        {
            policy.Estimate(new DecisionQuery(context, candidates, clusters), means, widths);
            SlateSampler.Draw(policy, means, widths, new DecisionSeed(seed++), slots, scratch, order);
        }));
    }

    [Theory]
    [InlineData("lin-ucb")]
    [InlineData("linear-square-cb")]
    [InlineData("epsilon-greedy")]
    [InlineData("diag-lin-ucb")]
    [InlineData("neu-square-cb")]
    [InlineData("neu-fast-cb")]
    [InlineData("neural-ucb")]
    [InlineData("neural-ts")]
    [InlineData("neural-epsilon-greedy")]
    public void Learns_which_action_suits_which_context(string kind)
    {
        // Two kinds of users, two actions, each liked by one kind: told apart by a hashed feature and by cluster.
        var spec = Shards.Spec(kind, null, null, Shards.Small(kind));
        var trainer = PolicyCatalog.Find(kind).CreateTrainer(spec);
        var candidates = new[] { new Candidate("x"u8.ToArray(), ActionKey.Of("x"), default), new Candidate("y"u8.ToArray(), ActionKey.Of("y"), default) };
        float[] means = new float[2], widths = new float[2], scratch = new float[6];
        var order = new int[2];
        var slots = new ChosenSlot[1];
        double late = 0;
        for (var round = 0; round < 1000; round++)
        {
            var user = (int)(Mix(round) % 2);
            var context = new FeatureSet(new[] { new SparseFeature((uint)(1000 + user), 1) }, default);
            var clusters = new[] { new ClusterWeight(user, 1) };
            var policy = PolicyCatalog.Find(kind).Assemble(spec, [new PolicyShard(0, round, Bytes(trainer.WriteParameters))]);
            policy.Estimate(new DecisionQuery(context, candidates, clusters), means, widths);
            SlateSampler.Draw(policy, means, widths, new DecisionSeed(Mix(round)), slots, scratch, order);
            var reward = slots[0].Action == user ? 1 : 0;
            late += round >= 500 ? reward : 0;
            trainer.Learn([new Interaction(context, candidates[slots[0].Action].Key, default, clusters, slots[0].Propensity, reward, round)]);
        }
        Assert.True(late / 500 > 0.85, $"{kind} earned {late / 500} where uniform earns 0.5");
    }

    private static IPolicy Trained(string kind, int count)
    {
        var spec = Spec(kind);
        var trainer = PolicyCatalog.Find(kind).CreateTrainer(spec);
        trainer.Learn(Interactions(count, 1));
        return PolicyCatalog.Find(kind).Assemble(spec, [new PolicyShard(0, count, Bytes(trainer.WriteParameters))]);
    }

    private static PolicySpec Spec(string kind) => Shards.Spec(kind, Schema, null, Shards.Small(kind));

    private static float[] Distribution(IPolicy policy, Candidate[] candidates, int seed)
    {
        float[] means = new float[candidates.Length], widths = new float[candidates.Length], p = new float[candidates.Length];
        policy.Estimate(new DecisionQuery(Context(seed), candidates, [new ClusterWeight(0, 0.6f), new ClusterWeight(1, 0.4f)]), means, widths);
        policy.Distribute(means, widths, p);
        return p;
    }

    private static Interaction[] Interactions(int count, int seed) => [.. Enumerable.Range(1000 * seed, count).Select(static i => new Interaction(
        Context(i), ActionKey.Of("a" + i % 4), new FeatureSet(default, Vector(i + 7)), new[] { new ClusterWeight(i % 3, 0.7f), new ClusterWeight(3, 0.3f) },
        0.25f, Mix(i) % 3 == 0 ? 1 : 0, i))];

    private static FeatureSet Context(int i) => new(new[] { new SparseFeature((uint)(i % 5), 1) }, Vector(i));

    private static Candidate Candidate(int i, int seed) => new(new[] { (byte)i }, ActionKey.Of("a" + i), new FeatureSet(default, Vector(i + seed)));

    private static float[] Vector(int i) => [Mix(i) % 100 / 100f, Mix(i + 1) % 100 / 100f, Mix(i + 2) % 100 / 100f];

    private static ulong Mix(int i)
    {
        var z = (ulong)i * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        return (z ^ (z >> 27)) >> 3;
    }

    private static byte[] Bytes(Action<IBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}
