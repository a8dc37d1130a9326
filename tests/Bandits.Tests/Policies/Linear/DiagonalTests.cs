using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Linear;

/// <summary>Diagonal beliefs against a Kalman filter that keeps the diagonal of its covariance, and the way from the exact form to them.</summary>
public sealed class DiagonalTests
{
    [Theory]
    [InlineData("per-action", "own")]
    [InlineData("shared", "shared")]
    [InlineData("both", "both")]
    [InlineData("auto", "both")]
    public void Estimate_agrees_with_the_naive_filter(string scope, string inputs)
    {
        var spec = Shards.Spec("lin-ucb", LinearLogs.Schema, null, ("scope", scope), ("covariance", "diagonal"));
        var log = LinearLogs.Random(200, 3);
        AssertFiltered(Shards.Assemble(spec, log), log, inputs);
    }

    [Fact]
    public void A_hash_that_repeats_counts_as_one_input_with_the_sum_and_does_not_overshoot()
    {
        var spec = Shards.Spec("lin-ucb", null, null, ("covariance", "diagonal"), ("scope", "per-action"));
        var repeated = new FeatureSet(Enumerable.Repeat(new SparseFeature(77, 1), 10).ToArray(), default);
        var once = new FeatureSet(new[] { new SparseFeature(77, 10) }, default);
        var policies = new[] { repeated, once }.Select(c => Shards.Assemble(spec, Enumerable.Range(0, 5).Select(i => new Interaction(c, ActionKey.Of("a"), default, default, 1, 1, i)))).ToArray();
        foreach (var context in new[] { repeated, once })
        {
            var (means, widths) = Shards.Estimate(policies[0], context, [Shards.Candidate("a")]);
            Assert.Equal(Shards.Estimate(policies[1], context, [Shards.Candidate("a")]).Means[0], means[0]);
            Assert.Equal(Shards.Estimate(policies[1], once, [Shards.Candidate("a")]).Widths[0], widths[0]);
            Assert.InRange(means[0], 0.95f, 1f);
        }
        // Repetitions beyond the first sixty-four words of low bits, and values that cancel.
        var cancelled = new FeatureSet(new[] { new SparseFeature(5, 1), new SparseFeature(5 + 4096, -1) }, default);
        Assert.Equal(
            Shards.Estimate(policies[0], default, [Shards.Candidate("a")]).Means[0], Shards.Estimate(policies[0], cancelled, [Shards.Candidate("a")]).Means[0]);
    }

    [Fact]
    public void Merging_shards_multiplies_beliefs_and_counts_the_prior_once()
    {
        // One weight: the exact posterior of all observations, whatever the split.
        var spec = Shards.Spec("lin-ucb", null, null, ("covariance", "diagonal"), ("scope", "shared"), ("ridge", "2"));
        Interaction[] log = [.. Enumerable.Range(0, 30).Select(static i => new Interaction(default, ActionKey.Of("a"), default, default, 1, i % 3 == 0 ? 1 : 0, i))];
        var whole = Shards.Estimate(Shards.Assemble(spec, log), default, [Shards.Candidate("a")]);
        var split = Shards.Estimate(Shards.Assemble(spec, log[..7], log[7..20], log[20..], []), default, [Shards.Candidate("a")]);
        Assert.Equal(0.5 + log.Sum(static x => x.Reward - 0.5) / 32, whole.Means[0], 1e-6);
        Assert.Equal(Math.Sqrt(1.0 / 32), whole.Widths[0], 1e-6);
        Assert.Equal(whole.Means[0], split.Means[0], 1e-6f);
        Assert.Equal(whole.Widths[0], split.Widths[0], 1e-6f);
    }

    [Theory]
    [InlineData(126, false)]
    [InlineData(127, false)]
    [InlineData(128, true)]
    public void Auto_is_exact_up_to_128_features_and_diagonal_beyond_with_everything_learned(int features, bool spilled)
    {
        // The bias is one feature more.
        var schema = new FeatureSchema(ContextHashBits: 12);
        var spec = Shards.Spec("lin-ucb", schema);
        Interaction[] log = [.. Enumerable.Range(0, 2 * features).Select(i => new Interaction(
            new FeatureSet(new[] { new SparseFeature((uint)(i % features), 1) }, default), ActionKey.Of("a"), default, default, 1, i % 5 == 0 ? 1 : 0, i))];
        var bytes = Shards.Bytes(Shards.Train(spec, log).WriteCheckpoint);
        Assert.Equal(spilled ? 1 : 0, BitConverter.ToInt32(bytes, 16));

        var diagonal = Shards.Assemble(Shards.Spec("lin-ucb", schema, null, ("covariance", "diagonal")), log);
        var context = new FeatureSet(new[] { new SparseFeature(3, 1) }, default);
        var (means, widths) = Shards.Estimate(Shards.Assemble(spec, log), context, [Shards.Candidate("a")]);
        var other = Shards.Estimate(diagonal, context, [Shards.Candidate("a")]);
        Assert.Equal(spilled, means[0] == other.Means[0] && widths[0] == other.Widths[0]);

        // One shard that spilled takes all with it: actions must not be compared across forms.
        if (!spilled)
            return;
        var merged = Shards.Assemble(spec, log, log[..20]);
        var expected = Shards.Assemble(Shards.Spec("lin-ucb", schema, null, ("covariance", "diagonal")), log, log[..20]);
        Assert.Equal(Shards.Estimate(expected, context, [Shards.Candidate("a")]).Means[0], Shards.Estimate(merged, context, [Shards.Candidate("a")]).Means[0]);
    }

    [Fact]
    public void Shards_that_fit_alone_and_not_together_are_served_from_the_diagonal()
    {
        var schema = new FeatureSchema(ContextHashBits: 12);
        Interaction[] Log(int first) => [.. Enumerable.Range(0, 100).Select(i => new Interaction(
            new FeatureSet(new[] { new SparseFeature((uint)(first + i), 1) }, default), ActionKey.Of("a"), default, default, 1, i % 2, i))];
        var context = new FeatureSet(new[] { new SparseFeature(150, 1) }, default);
        var merged = Shards.Estimate(Shards.Assemble(Shards.Spec("lin-ucb", schema), Log(0), Log(100)), context, [Shards.Candidate("a")]);
        var diagonal = Shards.Estimate(
            Shards.Assemble(Shards.Spec("lin-ucb", schema, null, ("covariance", "diagonal")), Log(0), Log(100)), context, [Shards.Candidate("a")]);
        Assert.Equal(diagonal.Means[0], merged.Means[0]);
        Assert.Equal(diagonal.Widths[0], merged.Widths[0]);
    }

    [Theory]
    [InlineData("full")]
    [InlineData("diagonal")]
    [InlineData("auto")]
    public void Bytes_do_not_depend_on_batches_or_restarts(string covariance)
    {
        var spec = Shards.Spec("lin-ucb", LinearLogs.Schema, null, ("covariance", covariance), ("scope", "both"));
        var log = LinearLogs.Random(300, 12);
        var whole = Shards.Bytes(Shards.Train(spec, log).WriteCheckpoint);
        var random = new Random(1);
        var trainer = PolicyCatalog.Find("lin-ucb").CreateTrainer(spec);
        for (var at = 0; at < log.Length;)
        {
            var count = Math.Min(log.Length - at, random.Next(1, 40));
            trainer.Learn(log.AsSpan(at, count));
            at += count;
            var restored = PolicyCatalog.Find("lin-ucb").CreateTrainer(spec);
            restored.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
            trainer = restored;
        }
        Assert.Equal(whole, Shards.Bytes(trainer.WriteCheckpoint));
    }

    [Fact]
    public void Learn_refuses_vectors_of_another_length_and_learns_nothing_of_the_batch()
    {
        var trainer = PolicyCatalog.Find("lin-ucb").CreateTrainer(Shards.Spec("lin-ucb", new FeatureSchema(ContextVector: 2)));
        var before = Shards.Bytes(trainer.WriteCheckpoint);
        Interaction Of(params float[] vector) => new(new FeatureSet(default, vector), ActionKey.Of("a"), default, default, 1, 1, 0);
        Assert.Throws<ArgumentException>(() => trainer.Learn([Of(1, 2), Of(1)]));
        Assert.Equal(before, Shards.Bytes(trainer.WriteCheckpoint));
    }

    [Fact]
    public void Thousands_of_features_on_both_sides_are_bounded_and_stay_finite()
    {
        var schema = new FeatureSchema(ContextHashBits: 20, ActionHashBits: 20);
        FeatureSet Many(uint salt, int count) => new(Enumerable.Range(0, count).Select(i => new SparseFeature((uint)i * 2654435761u + salt, i % 7 - 3)).ToArray(), default);
        var spec = Shards.Spec("lin-ucb", schema, null, ("scope", "both"));
        var policy = Shards.Assemble(spec, Enumerable.Range(0, 20).Select(i => new Interaction(Many(1, 900), ActionKey.Of("a"), Many(2, 300), default, 1, i % 2, i)));
        var (means, widths) = Shards.Estimate(policy, Many(1, 900), [Shards.Candidate("a", Many(2, 300)), Shards.Candidate("b", Many(3, 300))]);
        Assert.InRange(means[0], 0, 1);
        Assert.All(widths, static w => Assert.True(float.IsFinite(w) && w > 0));
    }

    private static void AssertFiltered(IPolicy policy, Interaction[] log, string inputs)
    {
        var filter = new NaiveLinear.Kalman(0.25);
        foreach (var x in log)
            filter.Learn(NaiveLinear.Inputs(inputs, LinearLogs.Schema, x.Context, x.Action, x.ActionFeatures), x.Reward);
        var random = new Random(98);
        for (var trial = 0; trial < 10; trial++)
        {
            var context = LinearLogs.Context(random, 20);
            var (means, widths) = Shards.Estimate(policy, context, LinearLogs.Candidates);
            for (var k = 0; k < means.Length; k++)
            {
                var candidate = LinearLogs.Candidates[k];
                var (mean, width) = filter.Predict(NaiveLinear.Inputs(inputs, LinearLogs.Schema, context, candidate.Key, candidate.Features));
                Assert.Equal(Math.Clamp(mean, -1, 2), means[k], 1e-4);
                Assert.Equal(width, widths[k], 1e-4);
            }
        }
    }
}
