using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.Neural;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural;

public sealed class FeatureScalerTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(7.3f)]
    [InlineData(-1e12f)]
    public void A_constant_input_is_no_information(float constant)
    {
        var scaler = Seen(Enumerable.Repeat(constant, 100));
        Assert.Equal(0, Scaled(scaler, constant));
        // Neither is what deviates from a constant for the first time, until it has been seen.
        Assert.Equal(0, Scaled(scaler, constant + 3));
    }

    [Fact]
    public void The_first_departure_from_a_constant_is_no_outlier_of_hundreds()
    {
        var scaler = Seen(Enumerable.Repeat(5f, 63).Append(6f));
        Assert.Equal(FeatureScaler.Limit, Scaled(scaler, 1e6f));
        Assert.InRange(Scaled(scaler, 6), 1, 8);
        Assert.InRange(Scaled(scaler, 5), -0.2f, 0);
    }

    [Fact]
    public void Inputs_get_zero_mean_and_unit_variance()
    {
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, 4096).Select(_ => 300 + 20 * (float)Normal(random))];
        var scaler = Seen(values);
        double[] scaled = [.. values.Select(v => (double)Scaled(scaler, v))];
        Assert.Equal(0, scaled.Average(), 0.01);
        Assert.Equal(1, scaled.Average(static s => s * s), 0.02);
    }

    [Fact]
    public void Inputs_that_are_mostly_zero_are_not_centred()
    {
        var random = new Random(2);
        float[] values = [.. Enumerable.Range(0, 4096).Select(_ => random.Next(10) == 0 ? 4 + (float)Normal(random) : 0)];
        var scaler = Seen(values);
        Assert.Equal(0, Scaled(scaler, 0));
        Assert.Equal(1, values.Average(v => (double)Scaled(scaler, v) * Scaled(scaler, v)), 0.05);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(1e30f)]
    [InlineData(float.MaxValue)]
    [InlineData(float.Epsilon)]
    public void Whatever_comes_the_scale_stays_a_number_and_small(float wild)
    {
        var scaler = Seen(Enumerable.Range(0, 200).Select(i => i % 7 == 0 ? wild : i % 3));
        Assert.True(scaler.IsValid);
        Assert.True(float.IsFinite(scaler.Shift[0]) && float.IsFinite(scaler.Scale[0]));
        foreach (var value in (float[])[wild, -wild, 0, 1, 2, float.NaN, float.MinValue, float.NegativeInfinity])
            Assert.InRange(Scaled(scaler, value), -FeatureScaler.Limit, FeatureScaler.Limit);
        Assert.Equal(0, Scaled(scaler, float.NaN));
    }

    [Fact]
    public void A_vector_that_is_too_short_counts_as_unknown_beyond_its_end()
    {
        float[] scaled = [9, 9, 9];
        FeatureScaler.Apply([1], [0], [2], scaled);
        Assert.Equal([2, 0, 0], scaled);
    }

    /// <summary>The bits of the formula as a loop, wherever in a vector a number stands and whatever it is.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(37)]
    [InlineData(64)]
    public void A_vector_is_scaled_as_a_loop_over_its_numbers_does(int length)
    {
        float[] wild = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f, -float.MaxValue, 0, -0f, float.Epsilon];
        var random = new Random(length);
        for (var trial = 0; trial < 50; trial++)
        {
            float Any(double share, double size) => random.NextDouble() < share ? wild[random.Next(wild.Length)] : (float)(size * Normal(random));
            float[] inputs = [.. Enumerable.Range(0, length).Select(_ => Any(0.2, 3))];
            // A checkpoint may have any finite shifts and scales; infinity less itself, times 0, is where no number comes from numbers.
            float[] shift = [.. Enumerable.Range(0, length).Select(_ => Any(0.1, 1))], scale = [.. Enumerable.Range(0, length).Select(_ => Any(0.1, 2))];
            var scaled = new float[length + 2];
            FeatureScaler.Apply(inputs, shift, scale, scaled);
            for (var i = 0; i < length; i++)
            {
                var value = (Math.Clamp(inputs[i], -1e18f, 1e18f) - shift[i]) * scale[i];
                var expected = float.IsNaN(value) ? 0 : Math.Clamp(value, -FeatureScaler.Limit, FeatureScaler.Limit);
                Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(scaled[i]));
            }
            Assert.Equal([0f, 0], scaled[length..]);
        }
    }

    /// <summary>Powers of two keep every bit; other factors and shifts only differ by rounding.</summary>
    [Theory]
    [InlineData("neu-square-cb", 1024, 0, 0)]
    [InlineData("neural-ucb", 0.0009765625, 0, 0)]
    [InlineData("neu-fast-cb", 1000, 0, 0.02)]
    [InlineData("neural-epsilon-greedy", 1000, 0, 0.02)]
    [InlineData("neural-ts", 1, 100, 0.02)]
    public void Decisions_do_not_depend_on_the_unit_of_a_feature(string kind, double factor, double shift, double tolerance)
    {
        var schema = new FeatureSchema(3, 12, 2, 12);
        var spec = NeuralStreams.Spec(kind, schema);
        var interactions = NeuralStreams.Random(schema, 150, 4, isHashed: false);
        IEnumerable<Interaction> others = interactions.Select(i => i with { Context = Other(i.Context), ActionFeatures = Other(i.ActionFeatures) });
        var (one, other) = (Shards.Assemble(spec, interactions), Shards.Assemble(spec, others));
        var random = new Random(12);
        for (var trial = 0; trial < 20; trial++)
        {
            var context = NeuralStreams.Set(random, 3, isHashed: false);
            Candidate[] candidates = [.. Enumerable.Range(0, 5).Select(k => Shards.Candidate("a" + k, NeuralStreams.Set(random, 2, isHashed: false)))];
            Candidate[] changed = [.. candidates.Select(c => c with { Features = Other(c.Features) })];
            var (means, _) = Shards.Estimate(one, context, candidates);
            var (again, _) = Shards.Estimate(other, Other(context), changed);
            for (var k = 0; k < means.Length; k++)
                Assert.Equal(means[k], again[k], tolerance);
        }

        // The first element of either vector, in another unit.
        FeatureSet Other(FeatureSet set)
        {
            var dense = set.Dense.ToArray();
            dense[0] = (float)(factor * dense[0] + shift);
            return set with { Dense = dense };
        }
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static FeatureScaler Seen(IEnumerable<float> values)
    {
        var scaler = new FeatureScaler(1);
        foreach (var value in values)
            scaler.Observe([value]);
        scaler.Refresh();
        return scaler;
    }

    private static float Scaled(FeatureScaler scaler, float value)
    {
        var scaled = new float[1];
        scaler.Apply([value], scaled);
        return scaled[0];
    }
}
