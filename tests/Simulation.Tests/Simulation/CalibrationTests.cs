using Recsys.Learner.Simulation.Catalogue;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>Whether what a policy expects is what comes.</summary>
public sealed class CalibrationTests
{
    [Fact]
    public void Ledger_compares_means_overall_and_by_band()
    {
        var ledger = new CalibrationLedger();
        Assert.Null(ledger.Ratio);
        ledger.Add(0.12, 0.1);
        ledger.Add(0.18, 0.2);
        ledger.Add(0.55, 0.25);
        ledger.Add(1.7, 0.5);
        ledger.Add(-0.3, 0.05);
        Assert.Equal(2.25 / 1.1, ledger.Ratio!.Value, 1e-12);
        Assert.Equal(
            [(-0.3, 0.05, 1L), (0.15, 0.15, 2), (0.55, 0.25, 1), (1.7, 0.5, 1)],
            ledger.Reliability.Select(static b => (Math.Round(b.Estimate, 9), Math.Round(b.Probability, 6), b.Rounds)));
    }

    [Theory]
    [InlineData(1, 0.1, 1.00)]
    [InlineData(5, 0.03, 1.01)]
    [InlineData(5, 0.1, 1.22)]
    [InlineData(5, 0.3, 3.16)]
    [InlineData(10, 0.3, 5.35)]
    [InlineData(20, 1.0, 19.06)]
    public void Constant_reward_shows_the_inflation_of_the_diagonal_and_none_of_the_others(int clustersPerUser, double temperature, double inflation)
    {
        var probe = ConstantRewardProbe.Run(clustersPerUser, temperature, seed: 1);
        // The specification's table is of another draw of fifty directions; 1/Σw² of this one says what to expect.
        Assert.Equal(probe.EffectiveClusters, probe.Diagonal, 0.03 * inflation);
        Assert.Equal(inflation, probe.Diagonal, 0.15 * inflation);
        foreach (var calibrated in new[] { probe.Calibrated, probe.Pooled, probe.Exact })
            Assert.Equal(1, calibrated, 0.02);
    }

    [Fact]
    public void Estimates_of_a_long_run_are_near_the_truth()
    {
        var world = new ToyWorld(ToyWorldSettings.Default with { Items = 200, Clusters = 8, ItemsPerCluster = 20 }, 1);
        var result = CatalogueSimulation.Run(world, new CatalogueOptions("diag-lin-ucb", Rounds: 20_000, Seed: 1, Batch: 10));
        // A choice prefers what is overestimated, so a little above 1.
        Assert.InRange(result.Calibration!.Value, 0.98, 1.1);
        Assert.Equal(20_000, result.Reliability.Sum(static b => b.Rounds));
        var none = CatalogueSimulation.Run(world, new CatalogueOptions("greedy-two-tower", Rounds: 100, Seed: 1));
        Assert.Null(none.Calibration);
        Assert.Empty(none.Reliability);
    }
}
