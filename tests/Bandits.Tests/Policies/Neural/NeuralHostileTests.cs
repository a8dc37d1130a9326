using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>Streams that mean no good: parameters stay numbers, estimates stay in range, and what carries information is still learned.</summary>
public sealed class NeuralHostileTests
{
    private static readonly FeatureSchema Plain = new(), Vectors = new(3, 12, 2, 12);

    public static TheoryData<string> Kinds => [.. NeuralStreams.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_reward_that_is_no_number_is_refused_and_nothing_is_learned(string kind)
    {
        var spec = NeuralStreams.Spec(kind, Vectors);
        var trainer = Shards.Train(spec, NeuralStreams.Random(Vectors, 30, 1));
        var before = Shards.Bytes(trainer.WriteCheckpoint);
        var batch = NeuralStreams.Random(Vectors, 4, 2);
        batch[3] = batch[3] with { Reward = float.NaN };
        Assert.Throws<ArgumentException>(() => trainer.Learn(batch));
        batch[3] = batch[3] with { Reward = 1, Context = new FeatureSet(default, new float[4]) };
        Assert.Throws<ArgumentException>(() => trainer.Learn(batch));
        Assert.Equal(before, Shards.Bytes(trainer.WriteCheckpoint));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Rewards_out_of_range_are_those_at_its_end(string kind)
    {
        var spec = NeuralStreams.Spec(kind, Vectors);
        var interactions = NeuralStreams.Random(Vectors, 60, 1);
        Interaction[] wild = [.. interactions.Select(static (i, t) => i with { Reward = i.Reward > 0 ? (t % 2 == 0 ? float.PositiveInfinity : 1e30f) : (t % 2 == 0 ? float.NegativeInfinity : -7) })];
        Assert.Equal(Shards.Bytes(Shards.Train(spec, interactions).WriteCheckpoint), Shards.Bytes(Shards.Train(spec, wild).WriteCheckpoint));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Wild_features_leave_numbers_and_a_signal_beside_them_is_learned(string kind)
    {
        float[] wild = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f, -1e30f, 0, 1, float.Epsilon];
        var spec = NeuralStreams.Spec(kind, Vectors, ("rate", "0.01"));
        var random = new Random(3);
        // The first is wild, the second constant, the third decides; a hashed input is wild as well.
        FeatureSet Context(int side) => new(new[] { new SparseFeature(7, wild[random.Next(wild.Length)]) }, new[] { wild[random.Next(wild.Length)], 3, side });
        FeatureSet Action() => new(default, new[] { wild[random.Next(wild.Length)], 1e30f });
        var trainer = NeuralStreams.Trainer(spec);
        for (var t = 0; t < 600; t++)
        {
            var (side, action) = (random.Next(2), random.Next(2));
            trainer.Learn([new Interaction(Context(side), ActionKey.Of("a" + action), Action(), default, 0.5f, side == action ? 1 : 0, t)]);
        }
        AssertNumbers(trainer);
        var policy = NeuralStreams.Policy(spec, trainer);
        var right = 0;
        for (var trial = 0; trial < 100; trial++)
        {
            var side = trial % 2;
            var (means, _) = Served(policy, Context(side), [Shards.Candidate("a0", Action()), Shards.Candidate("a1", Action())]);
            right += means[side] > means[1 - side] ? 1 : 0;
        }
        Assert.True(right >= 75, $"{right} of 100 right");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void One_action_is_taken_and_its_mean_is_that_of_its_rewards(string kind)
    {
        var spec = NeuralStreams.Spec(kind, Vectors);
        var random = new Random(4);
        var trainer = Shards.Train(spec, Enumerable.Range(0, 1000).Select(t =>
            new Interaction(NeuralStreams.Set(random, 3), ActionKey.Of("a"), NeuralStreams.Set(random, 2), default, 1, random.Next(10) < 3 ? 1 : 0, t)));
        var policy = NeuralStreams.Policy(spec, trainer);
        var mean = Enumerable.Range(0, 200).Average(_ => Served(policy, NeuralStreams.Set(random, 3), [Shards.Candidate("a", NeuralStreams.Set(random, 2))]).Means[0]);
        Assert.Equal(0.3, mean, 0.1);
        var p = new float[1];
        policy.Distribute([0.3f], [0.1f], p);
        Assert.Equal([1f], p);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_thousand_actions_are_learned_apart(string kind)
    {
        var spec = NeuralStreams.Spec(kind, Plain, ("rate", "0.01"));
        var trainer = NeuralStreams.Trainer(spec);
        // Every third is liked.
        for (var t = 0; t < 6000; t++)
            trainer.Learn([new Interaction(default, ActionKey.Of("a" + t % 1000), default, default, 0.001f, t % 1000 % 3 == 0 ? 1 : 0, t)]);
        var policy = NeuralStreams.Policy(spec, trainer);
        var (means, _) = Served(policy, default, [.. Enumerable.Range(0, 1000).Select(static a => Shards.Candidate("a" + a))]);
        var least = means.Where(static (_, a) => a % 3 == 0).Min();
        Assert.True(least > means.Where(static (_, a) => a % 3 != 0).Max(), "a liked action is below another");
        AssertNumbers(trainer);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Actions_beyond_the_most_share_one_output(string kind)
    {
        var spec = NeuralStreams.Spec(kind, Plain, ("actionsMax", "3"), ("rate", "0.01"));
        var trainer = NeuralStreams.Trainer(spec);
        for (var t = 0; t < 1500; t++)
            trainer.Learn([new Interaction(default, ActionKey.Of("a" + t % 10), default, default, 0.1f, t % 10 < 3 ? 1 : 0, t)]);
        Assert.Equal(3, trainer.State.Networks.Heads.Count);
        var (means, widths) = Served(NeuralStreams.Policy(spec, trainer), default, [.. Enumerable.Range(0, 12).Select(static a => Shards.Candidate("a" + a))]);
        Assert.All(means[..3], static m => Assert.True(m > 0.7, $"{m}"));
        Assert.All(means[3..], m => Assert.Equal(means[3], m));
        Assert.True(means[3] < 0.3);
        Assert.All(widths[3..], w => Assert.Equal(widths[3], w));
    }

    [Fact]
    public void Hashed_inputs_beyond_the_bound_are_counted_and_not_seen()
    {
        var spec = NeuralStreams.Spec("neu-fast-cb", Plain with { ContextHashBits = 18 }, ("networks", "1"), ("batch", "1"), ("replay", "1"));
        var options = NeuralStreams.Options(spec) with { HashedInputs = 5 };
        var table = new InputTable(options);
        var example = table.Encode(new Interaction(Hashed(0, 1, 2, 3), ActionKey.Of("a"), default, default, 1, 1, 0));
        Assert.Equal([0, 1, 2, 3], example.Rows);
        example = table.Encode(new Interaction(Hashed(3, 4, 5, 6), ActionKey.Of("a"), default, default, 1, 1, 0));
        Assert.Equal([3, 4], example.Rows);
        Assert.Equal(2, example.Values.Length);
        Assert.Equal(2, table.Refused);
        Assert.Equal(5, table.RowIds.Count);

        // And through the whole of a trainer, at the bound that there is.
        var trainer = NeuralStreams.Trainer(spec);
        const int Each = 1024;
        for (var t = 0; t < NeuralOptions.HashedInputsMax / Each + 1; t++)
            trainer.Learn([new Interaction(Hashed([.. Enumerable.Range(t * Each, Each)]), ActionKey.Of("a"), default, default, 1, 1, t)]);
        Assert.Equal(NeuralOptions.HashedInputsMax, trainer.State.Networks.Rows.Count);
        Assert.Equal(Each, trainer.State.Inputs.Refused);
        var restored = NeuralStreams.Trainer(spec);
        restored.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
        Assert.Equal(Each, restored.State.Inputs.Refused);
        var policy = NeuralStreams.Policy(spec, restored);
        Assert.Equal(Served(policy, default, [Shards.Candidate("a")]).Means, Served(policy, Hashed(200_000), [Shards.Candidate("a")]).Means);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Features_that_come_twice_are_learned_from(string kind)
    {
        var spec = NeuralStreams.Spec(kind, new FeatureSchema(2), ("rate", "0.01"));
        FeatureSet Context(int side) => new(new[] { new SparseFeature((uint)side, 1), new SparseFeature((uint)side, 1), new SparseFeature((uint)side, 1) }, new float[] { side, side });
        var trainer = NeuralStreams.Trainer(spec);
        for (var t = 0; t < 400; t++)
            trainer.Learn([new Interaction(Context(t % 2), ActionKey.Of("a" + t / 2 % 2), default, default, 0.5f, t % 2 == t / 2 % 2 ? 1 : 0, t)]);
        var policy = NeuralStreams.Policy(spec, trainer);
        for (var side = 0; side < 2; side++)
        {
            var (means, _) = Served(policy, Context(side), [Shards.Candidate("a0"), Shards.Candidate("a1")]);
            Assert.True(means[side] > 0.8 && means[1 - side] < 0.2, $"{means[0]}, {means[1]}");
        }
        AssertNumbers(trainer);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(0, 0, true)]
    [InlineData(3, 0, false)]
    [InlineData(0, 2, true)]
    [InlineData(0, 2, false)]
    public void Any_part_may_be_missing(int context, int action, bool isHashed)
    {
        foreach (var kind in NeuralStreams.Kinds)
        {
            var schema = new FeatureSchema(context, 12, action, 12);
            var spec = NeuralStreams.Spec(kind, schema);
            var random = new Random(6);
            var untrained = Shards.Assemble(spec, Array.Empty<Interaction>());
            Served(untrained, NeuralStreams.Set(random, context, isHashed), [Shards.Candidate("a0", NeuralStreams.Set(random, action, isHashed))]);
            var trainer = Shards.Train(spec, NeuralStreams.Random(schema, 200, 7, isHashed: isHashed));
            var policy = NeuralStreams.Policy(spec, trainer);
            Served(policy, NeuralStreams.Set(random, context, isHashed), [Shards.Candidate("a0", NeuralStreams.Set(random, action, isHashed)), Shards.Candidate("new", new FeatureSet(default, new float[action]))]);
            Served(policy, new FeatureSet(default, new float[context]), []);
        }
    }

    [Fact]
    public void A_vector_that_is_missing_where_it_is_asked_for_counts_as_unknown()
    {
        var spec = NeuralStreams.Spec("neural-ucb", Vectors);
        var policy = NeuralStreams.Policy(spec, Shards.Train(spec, NeuralStreams.Random(Vectors, 100, 7)));
        var first = Served(policy, default, [Shards.Candidate("a0"), Shards.Candidate("a1")]);
        // Whatever earlier decisions have left in memory.
        Served(policy, new FeatureSet(default, new float[] { 9, 9, 9 }), [Shards.Candidate("a0", new FeatureSet(default, new float[] { 9, 9 })), Shards.Candidate("a1", new FeatureSet(default, new float[] { -9, 9 }))]);
        var again = Served(policy, default, [Shards.Candidate("a0"), Shards.Candidate("a1")]);
        Assert.Equal(first.Means, again.Means);
        Assert.Equal(first.Widths, again.Widths);
    }

    [Theory]
    [InlineData("sgd")]
    [InlineData("momentum")]
    [InlineData("adamw")]
    [InlineData("sgd-sai")]
    [InlineData("lion")]
    public void The_largest_rate_there_is_leaves_numbers(string rule)
    {
        foreach (var kind in NeuralStreams.Kinds)
        {
            foreach (var loss in (string[])["square", "log"])
            {
                var spec = NeuralStreams.Spec(kind, Vectors, ("rate", "10"), ("clip", "1000000"), ("pull", "0"), ("optimizer", rule), ("loss", loss), ("average", "0.9"));
                var trainer = NeuralStreams.Trainer(spec);
                trainer.Learn(NeuralStreams.Random(Vectors, 300, 8));
                AssertNumbers(trainer);
                var restored = NeuralStreams.Trainer(spec);
                restored.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
                var random = new Random(9);
                Served(NeuralStreams.Policy(spec, trainer), NeuralStreams.Set(random, 3), [Shards.Candidate("a0", NeuralStreams.Set(random, 2)), Shards.Candidate("x", NeuralStreams.Set(random, 2))]);
            }
        }
    }

    [Fact]
    public void Weights_are_usable_up_to_their_bound_at_every_place()
    {
        for (var length = 0; length < 40; length++)
        {
            float[] weights = [.. Enumerable.Range(0, length).Select(static i => i % 2 == 0 ? Weights.Largest : -Weights.Largest)];
            Assert.True(Weights.IsUsable(weights));
            for (var i = 0; i < length; i++)
            {
                foreach (var bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity, -1.001f * Weights.Largest])
                {
                    var good = weights[i];
                    weights[i] = bad;
                    Assert.False(Weights.IsUsable(weights));
                    weights[i] = good;
                }
            }
        }
    }

    [Theory]
    [InlineData("average=0")]
    [InlineData("average=0.9")]
    public void A_network_that_has_left_all_bounds_begins_anew_and_learns(string average)
    {
        var spec = NeuralStreams.Spec("neu-fast-cb", new FeatureSchema(), ("rate", "0.01"), ("average", average[8..]));
        var trainer = NeuralStreams.Trainer(spec);
        trainer.Learn(NeuralStreams.Random(new FeatureSchema(), 50, 1));
        trainer.State.Networks.Bias.Tensor.Values[0] = 2 * Weights.Largest;
        trainer.Learn(NeuralStreams.Random(new FeatureSchema(), 1, 2));
        Assert.Equal(1, trainer.State.Networks.Restarts);
        AssertNumbers(trainer);
        for (var t = 0; t < 400; t++)
            trainer.Learn([new Interaction(default, ActionKey.Of("a" + t % 2), default, default, 0.5f, t % 2, t)]);
        var (means, _) = Served(NeuralStreams.Policy(spec, trainer), default, [Shards.Candidate("a0"), Shards.Candidate("a1")]);
        Assert.True(means[0] < 0.2 && means[1] > 0.8, $"{means[0]}, {means[1]}");
        Assert.Equal(1, trainer.State.Networks.Restarts);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Estimates_follow_a_permutation_and_do_not_depend_on_the_other_candidates(string kind)
    {
        foreach (var schema in (FeatureSchema[])[Plain, new FeatureSchema(3), Vectors])
        {
            var spec = NeuralStreams.Spec(kind, schema);
            var policy = Shards.Assemble(spec, NeuralStreams.Random(schema, 150, 3), NeuralStreams.Random(schema, 90, 4));
            var random = new Random(5);
            var context = NeuralStreams.Set(random, schema.ContextVector);
            Candidate[] candidates = [.. Enumerable.Range(0, 300).Select(k => Shards.Candidate("a" + k % 7, NeuralStreams.Set(random, schema.ActionVector)))];
            var (means, widths) = Served(policy, context, candidates);
            int[] order = [.. Enumerable.Range(0, candidates.Length)];
            random.Shuffle(order);
            var (shuffled, shuffledWidths) = Served(policy, context, [.. order.Select(k => candidates[k])]);
            for (var i = 0; i < order.Length; i++)
                Assert.Equal((means[order[i]], widths[order[i]]), (shuffled[i], shuffledWidths[i]));
            foreach (var count in (int[])[1, 2, 3, 5, 255, 256, 257])
            {
                var (some, someWidths) = Served(policy, context, candidates[..count]);
                Assert.Equal(means[..count], some);
                Assert.Equal(widths[..count], someWidths);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Deciding_allocates_nothing_and_learning_only_the_example(string kind)
    {
        var spec = NeuralStreams.Spec(kind, Vectors, ("replay", "64"));
        var interactions = NeuralStreams.Random(Vectors, 600, 3);
        var trainer = NeuralStreams.Trainer(spec);
        trainer.Learn(interactions);
        var policy = PolicyCatalog.Find(kind).Assemble(spec,
            [.. Enumerable.Range(0, 2).Select(p => new PolicyShard(p, trainer.Interactions, Shards.Bytes(trainer.WriteParameters)))]);
        var random = new Random(5);
        foreach (var count in (int[])[1, 20, 1000])
        {
            var context = NeuralStreams.Set(random, 3);
            Candidate[] candidates = [.. Enumerable.Range(0, count).Select(k => Shards.Candidate("a" + k, NeuralStreams.Set(random, 2)))];
            float[] means = new float[count], widths = new float[count], p = new float[count];
            Assert.Equal(0, Allocation.Least(() =>
            {
                policy.Estimate(new DecisionQuery(context, candidates, []), means, widths);
                policy.Distribute(means, widths, p);
            }, 20));
        }
        var next = 0;
        // Three arrays, two lists and what enumerates: nothing that grows with the network or the minibatch.
        Assert.InRange(Allocation.Least(() => trainer.Learn(interactions.AsSpan(next++ % interactions.Length, 1))), 1, 600);
    }

    private static FeatureSet Hashed(params int[] hashes) => new(hashes.Select(static h => new SparseFeature((uint)h, 1)).ToArray(), default);

    private static (float[] Means, float[] Widths) Served(IPolicy policy, FeatureSet context, Candidate[] candidates)
    {
        var (means, widths) = Shards.Estimate(policy, context, candidates);
        Assert.All(means, static m => Assert.InRange(m, -1, 2));
        Assert.All(widths, static w => Assert.True(float.IsFinite(w) && w >= 0, $"width {w}"));
        if (candidates.Length > 0)
        {
            var p = new float[candidates.Length];
            policy.Distribute(means, widths, p);
            Assert.Equal(1, p.Sum(), 1e-3f);
            Assert.All(p, static x => Assert.InRange(x, 0, 1.0001f));
        }
        return (means, widths);
    }

    private static void AssertNumbers(NeuralTrainer trainer) =>
        Assert.All(trainer.State.Networks.All.SelectMany(static w => w.Arrays()).SelectMany(static a => a), static v => Assert.True(float.IsFinite(v), $"{v}"));
}
