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
            Assert.True(Math.Abs(NormalLaw.LogBelow(z) - exact) <= 2e-5 * Math.Min(1, 2 * Math.Exp(-z)), $"z = {z}: {NormalLaw.LogBelow(z)}, not {exact}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(43)]
    public void LogBelow_of_many_is_that_of_each(int count)
    {
        var random = new Random(count);
        for (var trial = 0; trial < 50; trial++)
        {
            double[] means = [.. Enumerable.Range(0, count).Select(_ => random.NextDouble())];
            // Some far below a part of the values, one without a width to speak of, and one that is nowhere.
            double[] precisions = [.. Enumerable.Range(0, count).Select(_ => Math.Pow(10, 3 * random.NextDouble()))];
            if (count > 3)
                (means[1], precisions[2]) = (-1e300, 1e12);
            var each = new double[count];
            var value = random.NextDouble();
            var sum = NormalLaw.LogBelow(value, means, precisions, each);
            for (var i = 0; i < count; i++)
                Assert.Equal(NormalLaw.LogBelow((value - means[i]) * precisions[i]), each[i]);
            Assert.Equal(each.Sum(), sum, 1e-12 * Math.Abs(sum));
        }
        Assert.Throws<ArgumentException>(() => NormalLaw.LogBelow(0, new double[count + 1], new double[count], new double[count]));
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
