using CsCheck;
using Recsys.Bandits.Exploration;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Exploration;

/// <summary>What first-order inverse gap weighting owes beyond what every rule does.</summary>
public sealed class FastCbTests
{
    private const string Seed = "0000000000000";

    // Estimates may leave [0, 1] by one whole range on either side; few distinct values make ties common.
    private static readonly Gen<float[]> Means =
        Gen.OneOf(Gen.Int[-4, 8].Select(static i => i / 4f), Gen.Float[0, 1], Gen.Float[0.99f, 1.01f], Gen.Float[-1, 2]).Array[1, 12];

    private static readonly Gen<double> Gamma = Gen.OneOf(Gen.Double[-3, 9].Select(static e => Math.Pow(10, e)), Gen.Const(0.0));

    [Fact]
    public void The_best_have_at_least_one_share_together_and_alike() => Gen.Select(Means, Gamma).Sample(
        sample =>
        {
            var (means, gamma) = sample;
            var p = Distribute(new FastCb(gamma), means);
            var best = Enumerable.Range(0, p.Length).Where(i => means[i] == means.Max()).ToArray();
            Assert.All(best, i => Assert.Equal(p[best[0]], p[i]));
            Assert.All(p, x => Assert.True(x <= p[best[0]] * (1 + 1e-6f), $"{x} exceeds that of the best, {p[best[0]]}"));
            Assert.True(p[best[0]] >= (1 - 1e-6) / p.Length, $"{p[best[0]]}");
        },
        seed: Seed, iter: 10_000, threads: 1);

    [Fact]
    public void The_rest_never_have_more_than_with_the_same_gamma_of_the_plain_rule() => Gen.Select(Means, Gamma).Sample(
        sample =>
        {
            var (means, gamma) = sample;
            float[] first = Distribute(new FastCb(gamma), means), plain = Distribute(new SquareCb(gamma), means);
            for (var i = 0; i < means.Length; i++)
                Assert.True(means[i] == means.Max() || first[i] <= plain[i], $"action {i} has {first[i]} and with the plain rule {plain[i]}");
        },
        seed: Seed, iter: 10_000, threads: 1);

    [Fact]
    public void A_larger_gap_never_gets_more() => Gen.Select(Means, Gamma).Sample(
        sample =>
        {
            var (means, gamma) = sample;
            var p = Distribute(new FastCb(gamma), means);
            for (var i = 0; i < p.Length; i++)
            {
                for (var j = 0; j < p.Length; j++)
                    Assert.True(means[i] >= means[j] || p[i] <= p[j] * (1 + 1e-6f), $"{means[i]} gets {p[i]}, {means[j]} gets {p[j]}");
            }
        },
        seed: Seed, iter: 3000, threads: 1);

    [Fact]
    public void It_explores_less_where_the_best_promises_more()
    {
        float before = 1;
        foreach (var best in new[] { 0.05f, 0.3f, 0.6f, 0.9f, 0.99f, 0.999f })
        {
            var p = Distribute(new FastCb(20), [best, best - 0.1f])[1];
            Assert.True(p < before, $"{p} at {best}, {before} below");
            before = p;
        }
        // Below a thousandth a smaller loss makes no difference, and above 1 a larger one does not.
        Assert.Equal(Distribute(new FastCb(20), [1f, 0.875f]), Distribute(new FastCb(20), [2f, 1.875f]));
        Assert.Equal(Distribute(new FastCb(20), [0f, -0.125f]), Distribute(new FastCb(20), [-0.5f, -0.625f]));
        Assert.Equal(Distribute(new SquareCb(20), [0f, -0.125f]), Distribute(new FastCb(20), [0f, -0.125f]));
    }

    [Fact]
    public void Perfect_actions_share_and_have_numbers() =>
        Assert.Equal([0.5f, 0.5f], Distribute(new FastCb(10), [1f, 1f]));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1e9)]
    [InlineData(double.PositiveInfinity)]
    public void Estimates_a_whole_range_outside_keep_their_order(double gamma)
    {
        var p = Distribute(new FastCb(gamma), [-1, 2, 1.5f, 0, 1]);
        Assert.Equal(1, p.Sum(static x => (double)x), 6);
        Assert.True(p[1] >= p[2] && p[2] >= p[4] && p[4] >= p[3] && p[3] >= p[0]);
        if (gamma == 0)
            Assert.All(p, static x => Assert.Equal(0.2f, x, 1e-7f));
        else
            Assert.True(p[1] > p[2]);
    }

    [Fact]
    public void Optimistic_means_spread_over_the_uncertain_and_go_back_to_the_paper_without_width()
    {
        float[] means = [0.5f, 0.4f, 0.4f], known = [0, 0, 0], unsure = [0, 0.08f, 0];
        var rule = new OptimisticMeans<SquareCb>(new SquareCb(100), 1);
        Assert.Equal(Distribute(new SquareCb(100), means), Distribute(rule, means, known));
        var p = Distribute(rule, means, unsure);
        Assert.True(p[1] > 2 * p[2], $"{p[1]} for the uncertain, {p[2]} for the known");
        Assert.Equal(Distribute(new SquareCb(100), [0.5f, (float)(0.4f + (double)0.08f), 0.4f]), p);
    }

    [Fact]
    public void Optimistic_means_need_widths_only_when_they_use_them()
    {
        Assert.False(new OptimisticMeans<SquareCb>(new SquareCb(1), 0).NeedsWidths);
        Assert.True(new OptimisticMeans<SquareCb>(new SquareCb(1), 0.1).NeedsWidths);
        Assert.True(new OptimisticMeans<Thompson>(new Thompson(1, 0), 0).NeedsWidths);
        // Without α they may be missing altogether.
        Assert.Equal([0.5f, 0.5f], Distribute(new OptimisticMeans<FastCb>(new FastCb(1), 0), [0.3f, 0.3f], []));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(2000)]
    public void Optimistic_means_allocate_nothing_for_any_number_of_actions(int count)
    {
        float[] means = [.. Enumerable.Range(0, count).Select(static i => i % 7 / 8f)], widths = [.. means.Select(static m => 1 - m)], p = new float[count];
        var rule = new OptimisticMeans<FastCb>(new FastCb(30), 0.5);
        Assert.Equal(0, Allocation.Least(() => rule.Distribute(means, widths, p)));
        Assert.Equal(Distribute(new FastCb(30), [.. means.Zip(widths, static (m, w) => (float)(m + 0.5 * w))]), p);
    }

    private static float[] Distribute(IExplorer explorer, float[] means, float[]? widths = null)
    {
        var p = new float[means.Length];
        explorer.Distribute(means, widths ?? new float[means.Length], p);
        return p;
    }
}
