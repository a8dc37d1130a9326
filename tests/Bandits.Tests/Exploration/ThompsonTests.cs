using Recsys.Bandits.Exploration;
using Xunit;

namespace Recsys.Bandits.Tests.Exploration;

/// <summary>The probability of being best where the answer is known, and at sizes that the general twin cannot reach.</summary>
public sealed class ThompsonTests
{
    [Fact]
    public void Distribute_of_two_actions_is_the_closed_form()
    {
        // P(X > Y) = Φ((μx − μy) / √(σx² + σy²)).
        foreach (var (gap, first, second) in from gap in new[] { 0, 0.01, 0.1, 0.5, 1 } from s in new[] { 0.01, 0.1, 1 } from t in new[] { 0, 1e-7, 0.01, 0.1, 1000 } select (gap, s, t))
        {
            var p = Distribute(new Thompson(1, 0), [(float)gap, 0], [(float)first, (float)second]);
            var expected = MathNet.Numerics.Distributions.Normal.CDF(0, 1, (double)(float)gap / Math.Sqrt(first * first + second * second));
            Assert.True(Math.Abs(p[0] - expected) < 0.003, $"gap {gap}, widths {first} and {second}: {p[0]}, not {expected}");
        }
    }

    [Fact]
    public void Distribute_of_a_certain_and_an_uncertain_action_with_one_mean_gives_each_half()
    {
        foreach (var width in new[] { 1e-6f, 0.1f, 1000f })
            Assert.Equal(0.5, Distribute(new Thompson(1, 0), [0.5f, 0.5f], [0, width])[0], 0.003);
    }

    [Fact]
    public void Distribute_agrees_with_drawing()
    {
        var random = new Random(7);
        for (var world = 0; world < 8; world++)
        {
            var count = 2 + 3 * world;
            float[] means = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
            float[] widths = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * (world % 2 == 0 ? 0.3f : 0.05f))];
            var p = Distribute(new Thompson(1, 0), means, widths);
            const int Draws = 40_000;
            var wins = new int[count];
            for (var draw = 0; draw < Draws; draw++)
            {
                var (best, most) = (0, double.NegativeInfinity);
                for (var i = 0; i < count; i++)
                {
                    var value = MathNet.Numerics.Distributions.Normal.Sample(random, means[i], widths[i]);
                    if (value > most)
                        (best, most) = (i, value);
                }
                wins[best]++;
            }
            for (var i = 0; i < count; i++)
                Assert.True(Math.Abs(p[i] - (double)wins[i] / Draws) < 0.001 + 4 * Math.Sqrt(p[i] * (1 - p[i]) / Draws), $"action {i}: {p[i]}, won {wins[i]} of {Draws}");
        }
    }

    [Fact]
    public void Distribute_of_hundreds_of_actions_agrees_with_the_integral()
    {
        var random = new Random(11);
        foreach (var count in new[] { 192, 193, 400 })
        {
            float[] means = [.. Enumerable.Range(0, count).Select(_ => 0.1f * random.NextSingle())];
            float[] widths = [.. Enumerable.Range(0, count).Select(_ => 0.02f + 0.1f * random.NextSingle())];
            var p = Distribute(new Thompson(1, 0), means, widths);
            var twin = ProbabilityOfBest.Of(means, widths, 1, points: 100);
            Assert.Equal(1, p.Sum(static x => (double)x), 6);
            for (var i = 0; i < count; i++)
                Assert.Equal(twin[i], p[i], 2e-3);
        }
    }

    [Fact]
    public void Distribute_for_widths_of_one_order_of_magnitude_is_within_a_thousandth()
    {
        var random = new Random(13);
        for (var world = 0; world < 200; world++)
        {
            var count = random.Next(2, 13);
            float[] means = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
            float[] widths = [.. Enumerable.Range(0, count).Select(_ => 0.03f + 0.3f * random.NextSingle())];
            var p = Distribute(new Thompson(1, 0), means, widths);
            Assert.All(ProbabilityOfBest.Of(means, widths, 1, points: 100).Zip(p), static both => Assert.Equal(both.First, both.Second, 1e-3));
        }
    }

    [Fact]
    public void Distribute_ranks_known_actions_the_same_whether_or_not_a_fresh_one_competes()
    {
        var alone = Distribute(new Thompson(1, 0), [0.5f, 0.45f, 0.3f], [0.01f, 0.05f, 0.1f]);
        var beside = Distribute(new Thompson(1, 0), [0.5f, 0.45f, 0.3f, 0.5f], [0.01f, 0.05f, 0.1f, 1000]);
        Assert.Equal(0.5, beside[3], 0.001);
        for (var i = 0; i < 3; i++)
            Assert.Equal(alone[i] / 2, beside[i], 0.001);
    }

    [Fact]
    public void Distribute_shares_decisions_among_fresh_items_and_lets_known_ones_through_only_as_often_as_all_fresh_ones_fall_short()
    {
        var p = Distribute(new Thompson(1, 0), [0.5f, 0.5f, 0.5f, 0.9f, 0.1f], [1000, 1000, 1000, 0.01f, 0.01f]);
        Assert.Equal(0.125, p[3], 0.002);
        Assert.All(p[..3], static x => Assert.Equal(0.875 / 3, x, 0.002));
        Assert.Equal(0, p[4]);
    }

    private static float[] Distribute(Thompson explorer, float[] means, float[] widths)
    {
        var p = new float[means.Length];
        explorer.Distribute(means, widths, p);
        return p;
    }
}
