using Recsys.Bandits.Exploration;
using Xunit;

namespace Recsys.Bandits.Tests.Exploration;

public sealed class GammaScheduleTests
{
    [Theory]
    [InlineData(10, 0.5, 0, 10)]
    [InlineData(10, 0.5, 1, 10)]
    [InlineData(10, 0.5, 100, 100)]
    [InlineData(3, 0, 1_000_000, 3)]
    [InlineData(0, 0.5, 50, 0)]
    [InlineData(2, 1, 50, 100)]
    [InlineData(1e9, 1, long.MaxValue, 9.2233720368547758E+27)]
    public void At_is_a_power_of_experience(double scale, double exponent, long interactions, double expected) =>
        Assert.Equal(expected, GammaSchedule.At(scale, exponent, interactions), expected * 1e-12);

    [Fact]
    public void Inverse_gap_weighting_with_the_largest_gamma_gives_every_action_a_positive_number()
    {
        var p = new float[3];
        new SquareCb(GammaSchedule.At(1e9, 1, 1L << 40)).Distribute([0.5f, 0.4f, -1], [0, 0, 0], p);
        Assert.Equal(1, p[0]);
        Assert.All(p, static x => Assert.True(x > 0));
    }
}
