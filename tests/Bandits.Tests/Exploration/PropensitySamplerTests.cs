using CsCheck;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Randomness;
using Xunit;

namespace Recsys.Bandits.Tests.Exploration;

public sealed class PropensitySamplerTests
{
    [Fact]
    public void Draw_hits_every_action_as_often_as_its_propensity_says()
    {
        float[] p = [0.5f, 0, 0.25f, 0.2f, 0.04f, 0.01f, 0];
        const int Draws = 200_000;
        var hits = new int[p.Length];
        for (var i = 0; i < Draws; i++)
            hits[PropensitySampler.Draw(p, new DecisionSeed((ulong)i).Uniform(0))]++;
        for (var i = 0; i < p.Length; i++)
            Assert.True(Math.Abs(hits[i] - p[i] * Draws) <= 4 * Math.Sqrt(Draws * p[i] * (1 - p[i])), $"action {i}: {hits[i]} of {Draws} with propensity {p[i]}");
    }

    [Fact]
    public void Draw_is_the_inverse_of_the_cumulative_sum() =>
        Gen.Select(Gen.Int[0, 20].Array[1, 9].Where(static weights => weights.Sum() > 0), Gen.Double[0, 1]).Where(static s => s.Item2 < 1).Sample(
            (weights, uniform) =>
            {
                // Powers of two as a total, so that the sums of the twin are exact.
                var total = (float)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)weights.Sum());
                float[] p = [.. weights.Select(w => w / total), (total - weights.Sum()) / total];
                var drawn = PropensitySampler.Draw(p, uniform);
                Assert.True(p[drawn] > 0);
                Assert.InRange(uniform, p[..drawn].Sum(static x => (double)x), p[..(drawn + 1)].Sum(static x => (double)x));
            },
            seed: "0000000000000", iter: 5000, threads: 1);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.49999999, 1)]
    [InlineData(0.5, 3)]
    [InlineData(0.99999999999999989, 3)]
    public void Draw_never_gives_an_action_without_propensity(double uniform, int expected) =>
        Assert.Equal(expected, PropensitySampler.Draw([0, 0.5f, 0, 0.5f, 0], uniform));

    [Theory]
    [InlineData(0.5f, 0.4f)]
    [InlineData(0.5f, 0.5001f)]
    [InlineData(1.5f, -0.5f)]
    [InlineData(float.NaN, 1f)]
    [InlineData(float.PositiveInfinity, 0f)]
    [InlineData(0f, 0f)]
    public void Draw_refuses_what_is_no_distribution(float first, float second) =>
        Assert.Throws<InvalidOperationException>(() => PropensitySampler.Draw([first, second], 0.5));

    [Fact]
    public void Draw_refuses_nothing_at_all() => Assert.Throws<InvalidOperationException>(() => PropensitySampler.Draw([], 0.5));
}
