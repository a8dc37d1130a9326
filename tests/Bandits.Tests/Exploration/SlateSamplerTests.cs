using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;
using Xunit;

namespace Recsys.Bandits.Tests.Exploration;

/// <summary>Positions are drawn one by one from what is left, and what is reported is what was drawn with.</summary>
public sealed class SlateSamplerTests
{
    private static readonly float[] Means = [0.5f, 0.5f, 0.45f, 0.2f, 0.62f];
    private static readonly float[] Widths = [0.1f, 0.2f, 0.05f, 0.3f, 0.01f];

    public static TheoryData<string> Names => [.. Explorers.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Draw_reports_the_conditional_propensity_of_every_position(string name)
    {
        var policy = new ExplorerOnly(Explorers.Find(name));
        for (var seed = 0UL; seed < 200; seed++)
        {
            var slots = Draw(policy, seed, 5);
            var left = Enumerable.Range(0, 5).ToList();
            foreach (var slot in slots)
            {
                Assert.Equal(Conditional(policy, left)[left.IndexOf(slot.Action)], slot.Propensity);
                Assert.True(slot.Propensity > 0);
                left.Remove(slot.Action);
            }
            Assert.Empty(left);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Draw_fills_each_position_as_often_as_the_product_of_propensities_says(string name)
    {
        const int Draws = 20_000;
        var policy = new ExplorerOnly(Explorers.Find(name));
        var counts = new Dictionary<string, int>();
        var reported = new Dictionary<string, double>();
        for (var i = 0; i < Draws; i++)
        {
            var slots = Draw(policy, DecisionSeed.Of(3, BitConverter.GetBytes(i)).Value, 3);
            var (path, probability) = ("", 1.0);
            foreach (var slot in slots)
            {
                path += slot.Action;
                probability *= slot.Propensity;
                counts[path] = counts.GetValueOrDefault(path) + 1;
                // The probability of a beginning of a slate is the product of what was reported on the way, whoever reports it.
                Assert.Equal(probability, reported.TryGetValue(path, out var known) ? known : reported[path] = probability, 1e-12);
            }
        }
        foreach (var (path, probability) in reported)
        {
            var sigma = Math.Sqrt(Draws * probability * (1 - probability));
            Assert.True(Math.Abs(counts[path] - Draws * probability) <= 4.5 * sigma + 3, $"{path}: {counts[path]} of {Draws}, reported {probability}");
        }
        for (var length = 1; length <= 3; length++)
            Assert.True(reported.Where(r => r.Key.Length == length).Sum(static r => r.Value) > 0.99);
    }

    [Fact]
    public void Draw_does_not_depend_on_the_order_in_which_the_actions_are_listed_beyond_relabelling()
    {
        // The distribution of position 2 given position 1, for the same first action, from both orders.
        var policy = new ExplorerOnly(new SquareCb(20));
        for (var seed = 0UL; seed < 100; seed++)
        {
            var slots = Draw(policy, seed, 2);
            var left = Enumerable.Range(0, 5).Where(i => i != slots[0].Action).Reverse().ToList();
            Assert.Equal(Conditional(policy, left)[left.IndexOf(slots[1].Action)], slots[1].Propensity, 1e-6f);
        }
    }

    [Fact]
    public void Draw_is_a_function_of_the_seed_and_uses_new_randomness_for_each_position()
    {
        var policy = new ExplorerOnly(default(UniformExplorer));
        Assert.Equal(Draw(policy, 42, 5), Draw(policy, 42, 5));
        var same = Enumerable.Range(0, 4000).Count(seed => Draw(policy, (ulong)seed, 2) is var s && s[0].Action == 0 && s[1].Action == 1);
        Assert.InRange(same, 4000 / 20 - 60, 4000 / 20 + 60);
    }

    private static ChosenSlot[] Draw(IPolicy policy, ulong seed, int positions)
    {
        var slots = new ChosenSlot[positions];
        SlateSampler.Draw(policy, Means, Widths, new DecisionSeed(seed), slots, new float[SlateSampler.ScratchLength(Means.Length)], new int[Means.Length]);
        return slots;
    }

    private static float[] Conditional(ExplorerOnly policy, List<int> left)
    {
        var p = new float[left.Count];
        policy.Distribute([.. left.Select(static i => Means[i])], [.. left.Select(static i => Widths[i])], p);
        return p;
    }

    private sealed class ExplorerOnly(IExplorer explorer) : IPolicy
    {
        public PolicyDescriptor Descriptor { get; } = new("explorer", 0, 0);

        public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths) => throw new NotSupportedException();

        public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
            explorer.Distribute(means, widths, propensities);
    }
}
