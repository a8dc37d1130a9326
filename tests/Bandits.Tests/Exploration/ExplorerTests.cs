using CsCheck;
using Recsys.Bandits.Exploration;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Exploration;

/// <summary>What every rule owes: its equation, a distribution, symmetry, and numbers whatever the estimates.</summary>
public sealed class ExplorerTests
{
    private const string Seed = "0000000000000";

    // Few distinct values, so that ties are common, and none so close together that a normal law on a scale of thousands cannot tell them apart.
    private static readonly Gen<float> Mean = Gen.OneOf(
        OneOf(0f, -0f, 1f, 0.5f, 0.25f, -1f, 2f), Gen.Float[0, 1], Gen.Float[0.5f, 0.501f], Gen.Float[-1, 2]).Select(static m => MathF.Round(m * 65536) / 65536);

    private static readonly Gen<float> Width = Gen.OneOf(
        OneOf(0f, 0.1f, 1f, 1000f), Gen.Float[0, 0.05f], Gen.Float[0, 1], Gen.Double[-30, 3].Select(static e => (float)Math.Pow(10, e)));

    private static readonly Gen<(float[] Means, float[] Widths)> Estimates =
        Gen.Select(Mean, Width).Array[1, 12].Select(static pairs => (pairs.Select(static p => p.Item1).ToArray(), pairs.Select(static p => p.Item2).ToArray()));

    public static TheoryData<string> Names => [.. Explorers.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Distribute_agrees_with_the_equation(string name)
    {
        var explorer = Explorers.Find(name);
        // Whatever the rule, the unknown are sampled.
        var isThompson = name.Contains("thompson", StringComparison.Ordinal) || name.Contains("rationed", StringComparison.Ordinal);
        Estimates.Sample(
            estimates =>
            {
                // Widths a billion times narrower than the range, and not zero, are the only ones that are neither steps nor resolved.
                if (isThompson && !IsClear(estimates.Means, estimates.Widths))
                    return;
                var p = Distribute(explorer, estimates.Means, estimates.Widths);
                var (twin, tolerance) = Explorers.Twin(name, estimates.Means, estimates.Widths);
                for (var i = 0; i < p.Length; i++)
                    Assert.True(Math.Abs(p[i] - twin[i]) <= tolerance, $"action {i} got {p[i]}, the equation says {twin[i]}");
            },
            seed: Seed, iter: isThompson ? 300 : 3000, threads: 1);
    }

    // What is rationed is sampled apart, the unknown and the known, and the range of each may be another.
    private static bool IsClear(float[] means, float[] widths)
    {
        var all = means.Zip(widths).ToArray();
        (float Mean, float Width)[][] parts =
        [
            all,
            [.. all.Where(static a => a.Second < Explorers.Mark / 2)],
            [.. all.Where(static a => a.Second >= Explorers.Mark / 2).Select(static a => (a.First, Math.Max(0, a.Second - Explorers.Mark)))],
        ];
        return Array.TrueForAll(parts, static part => part.Length == 0 || Array.TrueForAll(
            [1, 0.3], alpha => ProbabilityOfBest.IsClear([.. part.Select(static a => a.Mean)], [.. part.Select(static a => a.Width)], alpha)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Distribute_gives_a_distribution(string name)
    {
        var explorer = Explorers.Find(name);
        Estimates.Sample(
            estimates =>
            {
                var p = Distribute(explorer, estimates.Means, estimates.Widths);
                Assert.All(p, static x => Assert.True(x is >= 0 and <= 1, $"{x}"));
                Assert.Equal(1, p.Sum(static x => (double)x), 6);
            },
            seed: Seed, iter: 3000, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Distribute_follows_a_permutation_and_splits_ties_evenly(string name)
    {
        var explorer = Explorers.Find(name);
        Estimates.SelectMany(static e => Gen.Shuffle(Enumerable.Range(0, e.Means.Length).ToArray()).Select(order => (e.Means, e.Widths, order))).Sample(
            sample =>
            {
                var (means, widths, order) = sample;
                var p = Distribute(explorer, means, widths);
                var q = Distribute(explorer, [.. order.Select(i => means[i])], [.. order.Select(i => widths[i])]);
                for (var i = 0; i < order.Length; i++)
                    Assert.Equal(p[order[i]], q[i], 1e-6f);
                for (var i = 0; i < p.Length; i++)
                {
                    for (var j = 0; j < i; j++)
                    {
                        if (means[i] == means[j] && (widths[i] == widths[j] || !explorer.NeedsWidths))
                            Assert.Equal(p[i], p[j]);
                    }
                }
            },
            seed: Seed, iter: 1000, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Distribute_gives_one_action_everything_and_equal_actions_equal_shares(string name)
    {
        var explorer = Explorers.Find(name);
        foreach (var mean in new[] { -1f, 0f, 0.3f, 2f })
        {
            foreach (var width in new[] { 0f, 1e-30f, 0.2f, 1000f })
            {
                for (var count = 1; count <= 500; count = count * 2 + 1)
                {
                    var p = Distribute(explorer, [.. Enumerable.Repeat(mean, count)], [.. Enumerable.Repeat(width, count)]);
                    Assert.All(p, x => Assert.Equal(1.0 / count, x, 1e-7));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Distribute_writes_no_further_than_the_actions_and_allocates_nothing(string name)
    {
        var explorer = Explorers.Find(name);
        float[] means = [0.1f, 0.5f, 0.5f], widths = [0.3f, 0.1f, 0.2f], p = [9, 9, 9, 9];
        Assert.Equal(0, Allocation.Least(() => explorer.Distribute(means, widths, p.AsSpan(0, 3))));
        Assert.Equal(9, p[3]);
    }

    [Fact]
    public void Rationed_gives_the_unknown_exactly_their_share_where_there_are_both()
    {
        var explorer = Explorers.Find("rationed 0.3 thompson");
        Estimates.Sample(
            estimates =>
            {
                var unknown = estimates.Widths.Select(static w => w >= 50).ToArray();
                var p = Distribute(explorer, estimates.Means, estimates.Widths);
                Assert.Equal(unknown.All(static u => u) ? 1 : unknown.Any(static u => u) ? 0.3 : 0, p.Where((_, i) => unknown[i]).Sum(static x => (double)x), 1e-6);
            },
            seed: Seed, iter: 3000, threads: 1);
    }

    [Theory]
    [InlineData("epsilon 0.1", 0.1)]
    [InlineData("optimistic 1", 0.01)]
    [InlineData("top 3", 0.01)]
    [InlineData("floored 0.02 top 2", -0.02)]
    [InlineData("thompson 1", 0.01)]
    [InlineData("floored 0.02 square-cb 1e6", -0.02)]
    [InlineData("floored 0.02 thompson", -0.02)]
    [InlineData("sliced 0.7 square-cb", 0.05)]
    [InlineData("sliced 0 optimistic", 0.05)]
    [InlineData("floored 0.02 sliced 0.8 rationed 0.3 thompson", -0.02)]
    public void Distribute_keeps_the_floor(string name, double floor)
    {
        var explorer = Explorers.Find(name);
        Estimates.Sample(
            estimates =>
            {
                // A positive number is a share for all together, a negative one a propensity for each.
                var least = floor > 0 ? floor / estimates.Means.Length : -floor;
                Assert.All(Distribute(explorer, estimates.Means, estimates.Widths), x => Assert.True(x >= least * (1 - 1e-6), $"{x} below {least}"));
            },
            seed: Seed, iter: 1000, threads: 1);
    }

    private static Gen<float> OneOf(params float[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static float[] Distribute(IExplorer explorer, float[] means, float[] widths)
    {
        var p = new float[means.Length];
        explorer.Distribute(means, widths, p);
        return p;
    }
}
