using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>What affinity is, and what is learned about its worth.</summary>
public sealed class AffinityTests
{
    [Fact]
    public void Of_is_the_product_with_the_users_direction_compressed()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 300; trial++)
        {
            var length = random.Next(1, 40);
            float[] user = [.. Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f)], item = [.. Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f)];
            var affinity = Affinity.Of(user, item);
            Assert.Equal(NaiveAffinity.Of(user, item), affinity, 1e-5);
            Assert.Equal(affinity, Affinity.Of(user, Affinity.Norm(user), item));
            // The length of the user does not matter; turning either around turns the sign.
            Assert.Equal(affinity, Affinity.Of([.. user.Select(static x => 17 * x)], item), 1e-5);
            Assert.Equal(-affinity, Affinity.Of([.. user.Select(static x => -x)], item), 1e-6);
            Assert.Equal(-affinity, Affinity.Of(user, [.. item.Select(static x => -x)]), 1e-6);
        }
        Assert.Equal(Math.Asinh(3), Affinity.Of([2, 0], [3, 100]), 1e-6);
    }

    [Fact]
    public void Of_two_directions_is_symmetric()
    {
        float[] left = [0.6f, 0.8f, 0], right = [0, 0.28f, 0.96f];
        Assert.Equal(Affinity.Of(left, right), Affinity.Of(right, left), 1e-6);
    }

    [Fact]
    public void Of_is_bounded_and_0_where_there_is_none()
    {
        Assert.Equal(Affinity.Most, Affinity.Of([1, 0], [1e30f, 0]));
        Assert.Equal(-Affinity.Most, Affinity.Of([1, 0], [-1e30f, 0]));
        Assert.Equal(0, Affinity.Of([], []));
        Assert.Equal(0, Affinity.Of([1, 2], [1]));
        Assert.Equal(0, Affinity.Of([0, 0], [1, 2]));
        Assert.Equal(0, Affinity.Of([1, 2], [0, 0]));
        foreach (var odd in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue })
        {
            foreach (var affinity in new[] { Affinity.Of([1, odd], [1, 1]), Affinity.Of([1, 1], [1, odd]), Affinity.Of([odd, odd], [odd, odd]), Affinity.Of([1, -1], [odd, odd]) })
                Assert.InRange(affinity, -Affinity.Most, Affinity.Most);
        }
        Assert.Equal(0, Affinity.Of([1, float.NaN], [1, 1]));
        Assert.Equal(0, Affinity.Of([1, 1], [1, float.NaN]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Where_affinity_predicts_reward_unknown_items_are_ordered_by_it(int seed)
    {
        var world = new AffinityWorld(10 * seed, items: 200, slope: 0.15);
        var policy = Shards.Assemble(Shards.Spec("diag-lin-ucb"), world.Log(20_000, to: 180, retrieved: 8));
        var slope = ((IEstimatorPolicy<DiagLinUcbEstimator>)policy).Estimator.Model.Slope;
        Assert.InRange(slope, 0.08, 0.25);
        var user = world.User();
        Candidate[] unknown = [.. Enumerable.Range(180, 20).Select(i => world.Candidate(i, 1))];
        var (means, widths) = Shards.Estimate(policy, user, unknown);
        Assert.All(widths, static w => Assert.True(w > DiagLinUcbEstimator.FreshWidth));
        int[] order = [.. Enumerable.Range(0, 20)];
        Assert.Equal(
            order.OrderBy(i => NaiveAffinity.Of(user.Dense.Span, unknown[i].Features.Dense.Span)), order.OrderBy(i => means[i]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Where_affinity_says_nothing_its_slope_falls_to_0(int seed)
    {
        var world = new AffinityWorld(10 * seed, items: 200, slope: 0, itemSpread: 0.05);
        double Slope(int decisions) =>
            ((IEstimatorPolicy<DiagLinUcbEstimator>)Shards.Assemble(Shards.Spec("diag-lin-ucb"), world.Log(decisions, retrieved: 8))).Estimator.Model.Slope;
        Assert.True(Slope(10) > 0.15, "retrieval is believed at first");
        Assert.InRange(Slope(40_000), -0.05, 0.05);
    }
}
