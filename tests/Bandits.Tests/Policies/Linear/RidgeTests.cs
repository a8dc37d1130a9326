using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Linear;

/// <summary>Exact ridge regression against the closed form, for every scope and however the log was split.</summary>
public sealed class RidgeTests
{
    [Theory]
    [InlineData("per-action", "0.25", 1)]
    [InlineData("per-action", "3", 3)]
    [InlineData("shared", "0.25", 1)]
    [InlineData("shared", "1", 3)]
    [InlineData("both", "0.25", 1)]
    [InlineData("both", "0.25", 4)]
    public void Estimate_is_the_closed_form(string scope, string ridge, int partitions)
    {
        var spec = Shards.Spec("lin-ucb", LinearLogs.Schema, null, ("scope", scope), ("ridge", ridge), ("covariance", "full"));
        var log = LinearLogs.Random(150, partitions);
        var policy = Shards.Assemble(spec, log.Select((x, i) => (x, i)).GroupBy(x => x.i * 7 % partitions).Select(static g => g.Select(static x => x.x)));
        AssertClosedForm(policy, log, scope, double.Parse(ridge, System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Estimate_in_other_units_is_the_same_regression()
    {
        var log = LinearLogs.Random(100, 5);
        var unit = Shards.Assemble(Shards.Spec("lin-ucb", LinearLogs.Schema), log);
        var other = Shards.Assemble(
            Shards.Spec("lin-ucb", LinearLogs.Schema, new RewardRange(-20, 60)), log.Select(static x => x with { Reward = -20 + 80 * x.Reward }));
        var random = new Random(1);
        var context = LinearLogs.Context(random, 5);
        var (means, widths) = Shards.Estimate(unit, context, LinearLogs.Candidates);
        var (scaledMeans, scaledWidths) = Shards.Estimate(other, context, LinearLogs.Candidates);
        for (var i = 0; i < means.Length; i++)
        {
            Assert.Equal(-20 + 80 * means[i], scaledMeans[i], 1e-3f);
            Assert.Equal(80 * widths[i], scaledWidths[i], 1e-3f);
        }
    }

    [Theory]
    [InlineData("per-action")]
    [InlineData("shared")]
    [InlineData("both")]
    public void Assemble_with_a_predecessor_gives_the_numbers_of_a_fresh_solve(string scope)
    {
        var spec = Shards.Spec("lin-ucb", LinearLogs.Schema, null, ("scope", scope));
        var kind = PolicyCatalog.Find("lin-ucb");
        var log = LinearLogs.Random(200, 8);
        // Two partitions, of which now one and now the other learns, so that numbers of features shift in the merge.
        IPolicyTrainer[] trainers = [kind.CreateTrainer(spec), kind.CreateTrainer(spec)];
        IPolicy? previous = null;
        for (var i = 0; i < log.Length; i += 10)
        {
            trainers[i / 10 % 3 == 0 ? 1 : 0].Learn(log.AsSpan(i, 10));
            PolicyShard[] shards = [.. trainers.Select(static (t, p) => new PolicyShard(p, t.Interactions, Shards.Bytes(t.WriteParameters)))];
            foreach (var some in new[] { shards, shards[..1] })
            {
                var fresh = kind.Assemble(spec, some);
                previous = kind.Assemble(spec, some, previous);
                var context = LinearLogs.Context(new Random(i), 15);
                var (expected, shared) = (Shards.Estimate(fresh, context, LinearLogs.Candidates), Shards.Estimate(previous, context, LinearLogs.Candidates));
                Assert.Equal(expected.Means, shared.Means);
                Assert.Equal(expected.Widths, shared.Widths);
            }
        }
    }

    [Fact]
    public void Features_are_clipped_and_what_is_no_number_is_absent()
    {
        var spec = Shards.Spec("lin-ucb", new FeatureSchema(1), null, ("scope", "per-action"));
        Interaction With(float value) => new(new FeatureSet(default, new[] { value }), ActionKey.Of("a"), default, default, 1, 1, 0);
        float[] Of(params float[] values) => Shards.Estimate(Shards.Assemble(spec, values.Select(With)), new FeatureSet(default, new[] { 0.5f }), [Shards.Candidate("a")]).Widths;
        Assert.Equal(Of(0, 1e6f, -1e6f), Of(float.NaN, float.PositiveInfinity, -1e9f));
    }

    [Fact]
    public void Estimate_of_an_action_never_seen_is_the_mean_reward_with_the_widest_width()
    {
        var policy = Shards.Assemble(Shards.Spec("lin-ucb", LinearLogs.Schema, null, ("scope", "per-action")), LinearLogs.Random(120, 2));
        var (means, widths) = Shards.Estimate(policy, new FeatureSet(default, new[] { 0.3f, 1 }), LinearLogs.Candidates);
        Assert.Equal(Centre(LinearLogs.Random(120, 2)), means[4], 1e-6);
        Assert.Equal(Math.Sqrt((1 + 0.09 + 1) / 0.25), widths[4], 1e-5);
        Assert.All(widths[..4], w => Assert.True(w < widths[4]));
        Assert.Equal(0.5f, Shards.Estimate(Shards.Assemble(Shards.Spec("lin-ucb")), default, [Shards.Candidate("a")]).Means[0]);
    }

    /// <summary>The mean reward, with ten imaginary interactions of 1/2.</summary>
    private static double Centre(Interaction[] log) => (log.Sum(static x => (double)x.Reward) + 5) / (log.Length + 10);

    private static void AssertClosedForm(IPolicy policy, Interaction[] log, string scope, double ridge)
    {
        var centre = Centre(log);
        var rows = log.Select(x => (x.Action, Inputs: NaiveLinear.Inputs(scope, LinearLogs.Schema, x.Context, x.Action, x.ActionFeatures), Reward: (double)x.Reward)).ToList();
        var random = new Random(99);
        for (var trial = 0; trial < 10; trial++)
        {
            var context = LinearLogs.Context(random, 20);
            var (means, widths) = Shards.Estimate(policy, context, LinearLogs.Candidates);
            for (var k = 0; k < means.Length; k++)
            {
                var candidate = LinearLogs.Candidates[k];
                var block = rows.Where(x => scope != "per-action" || x.Action == candidate.Key).Select(static x => (x.Inputs, x.Reward));
                var (mean, width) = NaiveLinear.Ridge(block, NaiveLinear.Inputs(scope, LinearLogs.Schema, context, candidate.Key, candidate.Features), centre, ridge);
                Assert.Equal(Math.Clamp(mean, -1, 2), means[k], 1e-4);
                Assert.Equal(width, widths[k], 1e-4 * Math.Max(1, width));
            }
        }
    }
}
