using Recsys.Bandits.Numerics;
using Xunit;

namespace Recsys.Bandits.Tests.Numerics;

public sealed class StableMathTests
{
    [Theory]
    [InlineData(0.5f, 0.5f)]
    [InlineData(-3e6f, -1e6f)]
    [InlineData(float.PositiveInfinity, 1e6f)]
    [InlineData(float.NaN, 0f)]
    public void ClipFeature_bounds_and_drops_what_is_no_number(float value, float expected) => Assert.Equal(expected, StableMath.ClipFeature(value));

    [Theory]
    [InlineData(1.5, 1.5f)]
    [InlineData(-7, -1f)]
    [InlineData(double.PositiveInfinity, 2f)]
    [InlineData(double.NaN, 0.5f)]
    public void ClipEstimate_keeps_one_range_beyond_the_rewards(double estimate, float expected) => Assert.Equal(expected, StableMath.ClipEstimate(estimate));

    [Theory]
    [InlineData(4, 2f)]
    [InlineData(-1e-18, 0f)]
    [InlineData(double.NaN, 0f)]
    public void Root_takes_rounding_below_zero_as_zero(double squared, float expected) => Assert.Equal(expected, StableMath.Root(squared));

    [Theory]
    [InlineData(0.25, 0.75)]
    [InlineData(-1, 1)]
    [InlineData(0.9995, 0.001)]
    [InlineData(2, 0.001)]
    public void Loss_is_what_is_missing_to_the_best_reward(double mean, double expected) => Assert.Equal(expected, StableMath.Loss(mean), 1e-15);
}
