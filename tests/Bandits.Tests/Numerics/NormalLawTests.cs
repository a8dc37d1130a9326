using MathNet.Numerics;
using Recsys.Bandits.Numerics;
using Xunit;

namespace Recsys.Bandits.Tests.Numerics;

public sealed class NormalLawTests
{
    [Fact]
    public void LogBelow_is_the_logarithm_of_the_normal_distribution_function()
    {
        for (var z = -8.0; z <= 8; z += 0.00317)
        {
            // ln Φ(z) for z > 0 from the complement, where Φ itself has no digits left.
            var exact = z < 0 ? Math.Log(0.5 * SpecialFunctions.Erfc(-z / Math.Sqrt(2))) : SpecialFunctions.Log1p(-0.5 * SpecialFunctions.Erfc(z / Math.Sqrt(2)));
            Assert.True(Math.Abs(NormalLaw.LogBelow(z) - exact) <= 4e-5 * Math.Min(1, 2 * Math.Exp(-z)), $"z = {z}: {NormalLaw.LogBelow(z)}, not {exact}");
        }
    }

    [Fact]
    public void LogBelow_far_below_follows_the_asymptotic_series()
    {
        foreach (var z in new[] { -8.0001, -9, -12, -30, -1e4, -1e9 })
        {
            var exact = -0.5 * z * z - Math.Log(-z * Math.Sqrt(2 * Math.PI)) + Math.Log(1 - 1 / (z * z) + 3 / Math.Pow(z, 4) - 15 / Math.Pow(z, 6));
            Assert.Equal(exact, NormalLaw.LogBelow(z), Math.Abs(exact) * 1e-3);
        }
    }

    [Fact]
    public void LogBelow_never_decreases()
    {
        var before = double.NegativeInfinity;
        for (var z = -9.0; z <= 9; z += 0.0007)
        {
            var now = NormalLaw.LogBelow(z);
            Assert.True(now >= before, $"falls at {z}");
            before = now;
        }
        Assert.Equal(0, NormalLaw.LogBelow(1e9));
        Assert.Equal(0, NormalLaw.LogBelow(double.PositiveInfinity));
        Assert.Equal(double.NegativeInfinity, NormalLaw.LogBelow(double.NegativeInfinity));
    }
}
