using Recsys.Bandits.Randomness;
using Xunit;

namespace Recsys.Bandits.Tests.Randomness;

public sealed class DecisionSeedTests
{
    // A retried decision must get its old answer from any later version, so these never change.
    [Theory]
    [InlineData(0UL, "7f0c1a52", 5988093592786801867UL, 0.6196503735769564, 0.95429568347289218)]
    [InlineData(1UL, "7f0c1a52", 12258017865214116291UL, 0.97704643744777375, 0.8886806140817366)]
    [InlineData(0xFFFFFFFFFFFFFFFFUL, "é", 7568468932049881350UL, 0.38368193774223924, 0.69550780951656199)]
    public void Of_and_Uniform_have_not_changed(ulong salt, string decisionId, ulong value, double first, double second)
    {
        var seed = DecisionSeed.Of(salt, System.Text.Encoding.UTF8.GetBytes(decisionId));
        Assert.Equal((value, first, second), (seed.Value, seed.Uniform(0), seed.Uniform(1)));
    }

    [Fact]
    public void Of_without_salt_is_the_published_hash_of_the_id() =>
        Assert.Equal(0xb8fd8403c5ec973cUL, DecisionSeed.Of(0, "a1"u8).Value);

    [Fact]
    public void Uniform_is_uniform_and_independent_between_positions_decisions_and_salts()
    {
        const int Bins = 10, Draws = 40_000;
        (string Name, Func<int, (double, double)> Pair)[] pairs =
        [
            ("positions", static i => (new DecisionSeed((ulong)i).Uniform(0), new DecisionSeed((ulong)i).Uniform(1))),
            ("distant positions", static i => (Of(1, i).Uniform(0), Of(1, i).Uniform(49))),
            ("consecutive decisions", static i => (Of(1, i).Uniform(0), Of(1, i + 1).Uniform(0))),
            ("salts", static i => (Of(1, i).Uniform(0), Of(2, i).Uniform(0))),
        ];
        foreach (var (name, pair) in pairs)
        {
            var counts = new int[Bins * Bins];
            for (var i = 0; i < Draws; i++)
            {
                var (x, y) = pair(i);
                Assert.InRange(x, 0, Math.BitDecrement(1));
                counts[(int)(x * Bins) * Bins + (int)(y * Bins)]++;
            }
            const double Expected = Draws / (double)(Bins * Bins);
            var chiSquare = counts.Sum(static c => (c - Expected) * (c - Expected) / Expected);
            // 99 degrees of freedom: mean 99, standard deviation 14; 160 has probability 1e-4, 40 less.
            Assert.True(chiSquare is > 50 and < 160, $"{name}: {chiSquare}");
        }

        static DecisionSeed Of(ulong salt, int i) => DecisionSeed.Of(salt, System.Text.Encoding.UTF8.GetBytes($"decision-{i}"));
    }
}
