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

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(1_000_000)]
    public void No_window_is_the_power_of_experience(long interactions)
    {
        Assert.Equal(GammaSchedule.At(10, 0.5, interactions), GammaSchedule.At(10, 0.5, interactions, 0));
        Assert.Equal(GammaSchedule.At(10, 0.5, interactions), GammaSchedule.At(10, 0.5, interactions, double.PositiveInfinity));
    }

    /// <summary>n_eff = Σ (1 − 1/W)^k over the n latest, as the sum that the closed form stands for.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(500)]
    [InlineData(1000)]
    [InlineData(20_000)]
    public void A_window_counts_interactions_with_weights_that_fade(long interactions)
    {
        const double Window = 1000;
        double counted = 0;
        for (var i = 0; i < interactions; i++)
            counted = counted * Math.Exp(-1 / Window) + 1;
        // A sum over whole interactions exceeds the integral by half a step in W.
        Assert.Equal(2 * Math.Max(1, counted), GammaSchedule.At(2, 1, interactions, Window), counted / Window + 1e-9);
    }

    [Fact]
    public void A_window_ends_the_growth_of_gamma()
    {
        const double Window = 5000;
        double before = 0;
        for (long n = 0; n < 1L << 40; n = n * 2 + 1)
        {
            var gamma = GammaSchedule.At(10, 0.5, n, Window);
            Assert.True(gamma >= before, $"gamma fell at {n}");
            Assert.True(gamma <= GammaSchedule.At(10, 0.5, n), $"gamma exceeds the one without a window at {n}");
            before = gamma;
        }
        Assert.Equal(10 * Math.Sqrt(Window), before, 1e-9);
        Assert.Equal(10, GammaSchedule.At(10, 0.5, long.MaxValue, 0.25));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public void A_window_that_is_none_is_refused(double window) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GammaSchedule.At(10, 0.5, 5, window));
}
