using Recsys.Bandits.Policies.Neural.Optimizers;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>The norm test, and what makes it fit for a stream: bounds and the way back.</summary>
public sealed class BatchSizeTests
{
    private static readonly BatchSizeControl Control = new(Smallest: 8, Largest: 512, Noise: 0.5);

    [Theory]
    [InlineData(1, 40)]
    [InlineData(5, 20)]
    public void Micro_batches_tell_the_variance_of_single_gradients(int size, int count)
    {
        // Against the definition, with all single gradients at hand; averaged over trials, since both are estimates of the same number.
        var random = new Random(size);
        var (fromMeans, fromSingles) = (0.0, 0.0);
        for (var trial = 0; trial < 400; trial++)
        {
            double[] Single() => [.. RuleCases.Normals(random, 3).Select((g, i) => (i + 1) * (double)g + 0.5)];
            var singles = Enumerable.Range(0, size * count).Select(_ => Single()).ToArray();
            var means = singles.Chunk(size).Select(Mean).ToArray();
            var mean = Mean(singles);
            var noise = GradientNoise.OfMicroBatches(means.Sum(Squared), count, size, Squared(mean));
            Assert.Equal(Squared(mean), noise.SquaredMean);
            var exact = Enumerable.Range(0, 3).Sum(i => singles.Sum(g => Math.Pow(g[i] - mean[i], 2)) / (singles.Length - 1));
            if (size == 1)
                Assert.Equal(exact, noise.Variance, 1e-9);
            fromMeans += noise.Variance / 400;
            fromSingles += exact / 400;
        }
        Assert.Equal(1 + 4 + 9, fromSingles, 0.3);
        Assert.Equal(1 + 4 + 9, fromMeans, 0.6);
    }

    [Theory]
    [InlineData(64, 10, 1, 40)] // 10/(0.25·1), between 32 and 128
    [InlineData(64, 10.1, 1, 41)] // rounded up
    [InlineData(64, 1000, 1, 128)] // at most the double
    [InlineData(64, 0.01, 1, 32)] // at most the half
    [InlineData(400, 1000, 1, 512)] // the largest
    [InlineData(9, 0, 1, 8)] // the smallest
    [InlineData(64, 5, 0, 128)] // only noise
    [InlineData(64, 0, 0, 64)] // nothing at all
    [InlineData(64, double.NaN, 1, 64)]
    [InlineData(100_000, 0.01, 1, 256)] // from outside of the bounds
    [InlineData(-3, 1000, 1, 16)]
    public void Next_size_is_the_norm_tests_within_bounds(int current, double variance, double squaredMean, int next) =>
        Assert.Equal(next, Control.Next(current, new GradientNoise(variance, squaredMean)));

    [Fact]
    public void Bounds_that_make_no_sense_are_refused()
    {
        Assert.Throws<InvalidOperationException>(() => new BatchSizeControl(Smallest: 0).Next(8, default));
        Assert.Throws<InvalidOperationException>(() => new BatchSizeControl(Smallest: 9, Largest: 8).Next(8, default));
        Assert.Throws<InvalidOperationException>(() => new BatchSizeControl(Noise: 0).Next(8, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientNoise.OfMicroBatches(1, 1, 1, 1));
    }

    /// <summary>
    /// Estimating a mean of ten numbers: far from it gradients agree, near it they are noise, and after a jump they agree again.
    /// </summary>
    [Fact]
    public void Batches_grow_as_noise_takes_over_and_shrink_after_a_shift()
    {
        var random = new Random(21);
        var rule = new Sgd();
        var tensor = new ParameterTensor(new float[10], rule);
        var size = Control.Smallest;
        int[] Run(float optimum, int first) => Enumerable.Range(first, 30).Select(t =>
        {
            double[] Single() => [.. tensor.Values.Select(v => v - optimum + RuleCases.Normal(random))];
            var singles = Enumerable.Range(0, size).Select(_ => Single()).ToArray();
            var mean = Mean(singles);
            Array.ConvertAll(mean, g => (float)g).CopyTo(tensor.Gradient, 0);
            rule.Step([tensor], 0.3f, t);
            return size = Control.Next(size, GradientNoise.OfMicroBatches(singles.Sum(Squared), size, 1, Squared(mean)));
        }).ToArray();

        var before = Run(4, 1);
        Assert.Equal(8, before[0]);
        Assert.InRange(before[^5..].Average(), 256, 512);
        var after = Run(-4, 31);
        Assert.True(after.Min() == 8, $"shrinks to {after.Min()} only");
        Assert.InRange(after[^5..].Average(), 256, 512);
    }

    private static double Squared(double[] a) => a.Sum(x => x * x);

    private static double[] Mean(double[][] rows) => [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Average(r => r[i]))];
}
