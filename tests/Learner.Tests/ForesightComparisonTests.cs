using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

/// <summary>When parameters are worse beyond noise.</summary>
public sealed class ForesightComparisonTests
{
    [Fact]
    public void Errors_are_those_of_a_calculation_by_hand()
    {
        // Rewards of 10 and 30 in a range of [10, 30]: 0 and 1. The older policy says 1/2 always, the newer one 0 always.
        var range = new RewardRange(10, 30);
        var interactions = Interactions(20, static i => i % 2 == 0 ? 10 : 30);
        var comparison = ForesightComparison.Of(new Says(static _ => 20), new Says(static _ => 10), range, interactions);
        Assert.Equal((20, 0.25, 0.5), (comparison.Count, comparison.Before, comparison.After));
        // Differences of -1/4 and 3/4.
        Assert.Equal(Math.Sqrt(20 * 0.25 / 19 / 20), comparison.StandardError, 1e-9);
        Assert.False(comparison.IsWorse);
        Assert.Equal(
            "The mean squared error over the newest 20 interactions is 0.500, that of what is served 0.250, and the difference 0.250 ± 0.115.", comparison.ToString());
    }

    [Theory]
    [InlineData(64, 0.9, 0.1, true)]
    [InlineData(16, 0.9, 0.1, true)]
    [InlineData(15, 0.9, 0.1, false)]
    [InlineData(64, 0.9, 0.9, false)]
    [InlineData(64, 0.1, 0.9, false)]
    [InlineData(64, 0.9, 0.87, false)]
    public void Every_reward_is_one_and_the_estimates_are(int count, double older, double newer, bool isWorse) =>
        Assert.Equal(isWorse, Compare(count, older, newer).IsWorse);

    [Fact]
    public void What_is_within_noise_is_let_through_almost_always()
    {
        // Both estimates are off by as much, each for itself, as those of networks with a few hundred interactions are.
        var random = new Random(7);
        double Off(double range) => range * (2 * random.NextDouble() - 1);
        var worse = 0;
        for (var trial = 0; trial < 2000; trial++)
        {
            Dictionary<ActionKey, double> older = [], newer = [];
            var interactions = Interactions(64, i => random.NextDouble() < Rate(i) ? 1 : 0);
            foreach (var (interaction, i) in interactions.Select(static (interaction, i) => (interaction, i)))
                (older[interaction.Action], newer[interaction.Action]) = (Rate(i) + Off(0.3), Rate(i) + Off(0.3));
            if (ForesightComparison.Of(new Says(a => older[a]), new Says(a => newer[a]), RewardRange.Unit, interactions).IsWorse)
                worse++;
        }
        Assert.InRange(worse, 0, 1);

        static double Rate(int i) => 0.1 + (0.8 * i / 64);
    }

    private static ForesightComparison Compare(int count, double older, double newer) =>
        ForesightComparison.Of(new Says(_ => older), new Says(_ => newer), RewardRange.Unit, Interactions(count, static _ => 1));

    private static Interaction[] Interactions(int count, Func<int, double> reward) =>
        [.. Enumerable.Range(0, count).Select(i => new Interaction(default, ActionKey.Of($"{i}"), default, default, 1, (float)reward(i), i))];

    /// <summary>Estimates by action alone.</summary>
    private sealed class Says(Func<ActionKey, double> mean) : IPolicy
    {
        public PolicyDescriptor Descriptor => new("says", 0, 0);

        public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
        {
            for (var k = 0; k < means.Length; k++)
                means[k] = (float)mean(query.Candidates[k].Key);
        }

        public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) => throw new NotSupportedException();
    }
}
