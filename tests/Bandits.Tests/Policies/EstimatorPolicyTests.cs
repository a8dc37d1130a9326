using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Xunit;

namespace Recsys.Bandits.Tests.Policies;

public sealed class EstimatorPolicyTests
{
    private static readonly float[] Means = [0.2f, 0.9f, 0.9f, -0.3f, 1.4f];

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-5, 15)]
    [InlineData(0, 1e-6)]
    [InlineData(-1e6, 1e6)]
    public void Policy_estimates_in_the_experiments_units_and_explores_in_normalised_ones(double minimum, double maximum)
    {
        var range = new RewardRange(minimum, maximum);
        var policy = new EstimatorPolicy<Fixed, SquareCb>(new PolicyDescriptor("fixed", 0, 0), new Fixed(true), new SquareCb(7), range);
        float[] means = new float[5], widths = new float[5], p = new float[5], expected = new float[5];
        policy.Estimate(new DecisionQuery(default, new Candidate[5], []), means, widths);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(minimum + Means[i] * (maximum - minimum), means[i], 1e-6 * (maximum - minimum));
            Assert.Equal(0.5 * (maximum - minimum), widths[i], 1e-6 * (maximum - minimum));
        }
        policy.Distribute(means, widths, p);
        new SquareCb(7).Distribute(Means, new float[5], expected);
        Assert.All(expected.Zip(p), static both => Assert.Equal(both.First, both.Second, 1e-5f));
        Assert.Equal(p[1], p[2]);
    }

    [Fact]
    public void Distribute_of_more_actions_than_fit_the_stack_is_the_same_rule()
    {
        var policy = new EstimatorPolicy<Fixed, Optimistic>(new PolicyDescriptor("fixed", 0, 0), new Fixed(true), new Optimistic(1, 0.1), RewardRange.Unit);
        var random = new Random(1);
        foreach (var count in new[] { 127, 128, 129, 1000 })
        {
            float[] means = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())], widths = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
            float[] p = new float[count], expected = new float[count];
            policy.Distribute(means, widths, p);
            new Optimistic(1, 0.1).Distribute(means, widths, expected);
            Assert.Equal(expected, p);
        }
    }

    [Fact]
    public void Pairing_a_rule_that_needs_widths_with_a_model_that_has_none_is_refused() =>
        Assert.Throws<ArgumentException>(() => new EstimatorPolicy<Fixed, Optimistic>(new PolicyDescriptor("fixed", 0, 0), new Fixed(false), new Optimistic(1, 0), RewardRange.Unit));

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(2, 0.25)]
    [InlineData(6, 0.75)]
    [InlineData(99, 1)]
    public void Normalize_clips_to_the_range(double reward, double expected) => Assert.Equal(expected, new RewardRange(0, 8).Normalize(reward));

    private sealed class Fixed(bool hasWidths) : IRewardEstimator
    {
        public bool HasWidths => hasWidths;

        public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
        {
            Means.CopyTo(means);
            widths.Fill(0.5f);
        }
    }
}
