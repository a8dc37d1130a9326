using Recsys.Bandits.Policies.Neural.Optimizers;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>The best rate of one step on a moving target, and the rule that reads its two unknowns from the loss.</summary>
public sealed class RateTests
{
    private static readonly OneStepRate Formula = new(Dimension: 5, Batch: 8);

    /// <summary>Worked numbers: d = 5, B = 8, v = 0.7, s² = 0.25.</summary>
    [Theory]
    [InlineData(0.2, 0.4753)]
    [InlineData(0.4, 0.3610)]
    [InlineData(0.6, 0.3573)]
    public void Expected_distance_after_a_step_is_that_of_simulated_steps(double rate, double expected)
    {
        Assert.Equal(expected, Formula.Expected(0.7, 0.25, rate), 0.000051);

        var random = new Random(31);
        var (sum, squares) = (0.0, 0.0);
        const int Trials = 20_000;
        for (var trial = 0; trial < Trials; trial++)
        {
            // The target is the origin; the distance has any direction and squared length 0.7.
            var theta = RuleCases.Normals(random, 5).Select(x => (double)x).ToArray();
            var length = Math.Sqrt(theta.Sum(x => x * x) / 0.7);
            var next = SquaresStep(theta.Select(x => x / length).ToArray(), new double[5], 8, 0.5, rate, random, out _);
            var distance = next.Sum(x => x * x);
            (sum, squares) = (sum + distance, squares + distance * distance);
        }
        var standardError = Math.Sqrt((squares / Trials - Math.Pow(sum / Trials, 2)) / Trials);
        Assert.InRange(standardError, 0, 0.003);
        Assert.Equal(expected, sum / Trials, 4 * standardError);
    }

    [Fact]
    public void Nothing_is_better_than_the_best_rate()
    {
        var best = Formula.Best(0.7, 0.25);
        Assert.Equal(0.5068, best, 0.00005);
        Assert.Equal(0.7 * (1 - best), Formula.Expected(0.7, 0.25, best), 1e-12);
        for (var rate = 0.0; rate < 1.2; rate += 0.01)
            Assert.True(Formula.Expected(0.7, 0.25, rate) >= Formula.Expected(0.7, 0.25, best) - 1e-12);
        Assert.Equal(Formula.Largest, Formula.Best(3, 0), 1e-12);
        Assert.Equal(0, Formula.Best(0, 0));
    }

    /// <summary>v ← v·(1 − lr*) + γ².</summary>
    [Fact]
    public void Best_rate_goes_like_one_over_t_without_drift_and_has_a_floor_with_it()
    {
        double After(int steps, double jump)
        {
            var v = 1.0;
            for (var t = 0; t < steps; t++)
                v = v * (1 - Formula.Best(v, 0.25)) + jump * jump;
            return Formula.Best(v, 0.25);
        }

        Assert.Equal(1, 1000 * After(1000, 0), 0.02);
        Assert.Equal(1, 100_000 * After(100_000, 0), 0.001);
        Assert.Equal(After(1000, 0.05), After(100_000, 0.05), 1e-9);
        Assert.InRange(After(100_000, 0.05), 0.05, 0.3);
        Assert.True(After(100_000, 0.1) > After(100_000, 0.05));
    }

    [Fact]
    public void Share_falls_while_nothing_changes_rises_at_a_shift_and_falls_again()
    {
        var random = new Random(41);
        var rule = new ShiftingRate();
        LossLevel level = default;
        Assert.Equal(1, rule.Share(level));
        // Mean squared residuals of batches of 32 around 0.25; then a shift that triples them, from which the network recovers within some
        // hundred batches.
        double Batch(double excess) => 0.25 + excess + 0.25 * Math.Sqrt(2.0 / 32) * RuleCases.Normal(random);
        var shares = new double[12_000];
        for (var t = 0; t < shares.Length; t++)
        {
            level = rule.Observe(level, Batch(t >= 6000 ? 0.5 * Math.Exp(-(t - 6000) / 200.0) : 0));
            shares[t] = rule.Share(level);
        }
        Assert.All(shares, share => Assert.InRange(share, rule.LeastShare, 1));
        // κ/t relative to the largest, 1/(1 + 33/32): 0.1·2.03/6 at batch 6000.
        Assert.InRange(shares[5999], 0.025, 0.05);
        var least = 1.0;
        foreach (var share in shares.Take(6000))
        {
            Assert.True(share <= 1.1 * least, $"{share} after {least}, without a shift");
            least = Math.Min(least, share);
        }
        Assert.InRange(shares[6010], 0.4, 1);
        Assert.InRange(shares[6100], 0.4, 1);
        Assert.InRange(shares[11_999], rule.LeastShare, 0.05);
    }

    /// <summary>Least squares of a target that jumps: 0.008 of loss above the noise, and 0.020 with the best of constant rates.</summary>
    [Fact]
    public void Share_costs_much_less_than_any_constant_rate_when_the_world_jumps_now_and_then()
    {
        double Loss(double? constant)
        {
            var random = new Random(43);
            var rule = new ShiftingRate(Formula, Conditioning: 1);
            LossLevel level = default;
            var (theta, target, total) = (new double[5], new double[5], 0.0);
            for (var t = 0; t < 10_000; t++)
            {
                if (t % 2500 == 0)
                    target = [.. RuleCases.Normals(random, 5).Select(x => (double)x)];
                var rate = constant ?? Formula.Largest * rule.Share(level);
                total += Enumerable.Range(0, 5).Sum(i => Math.Pow(theta[i] - target[i], 2)) / 10_000;
                theta = SquaresStep(theta, target, 8, 0.5, rate, random, out var loss);
                level = rule.Observe(level, loss);
            }
            return total;
        }

        var followed = Loss(null);
        foreach (var constant in new[] { 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5 })
            Assert.True(followed < 0.6 * Loss(constant), $"A constant {constant} has {Loss(constant)}, the rule {followed}");
    }

    [Fact]
    public void Losses_that_are_no_numbers_are_ignored_and_zeros_are_fine()
    {
        var rule = new ShiftingRate();
        var level = rule.Observe(default, 0.5);
        Assert.Equal(level, rule.Observe(level, double.NaN));
        Assert.Equal(level, rule.Observe(level, double.PositiveInfinity));
        Assert.Equal(default, rule.Observe(default, double.NaN));
        level = default;
        for (var t = 0; t < 1000; t++)
        {
            level = rule.Observe(level, 0);
            Assert.Equal(rule.LeastShare, rule.Share(level));
        }
    }

    /// <summary>
    /// One step of least squares on B examples with identity covariance. Gradient (1/B)·Σ x·(⟨x, θ − θ*⟩ − noise); the loss is the mean
    /// squared residual before it.
    /// </summary>
    private static double[] SquaresStep(
        double[] theta, double[] target, int batch, double noise, double rate, Random random, out double loss)
    {
        var next = theta.ToArray();
        loss = 0;
        for (var b = 0; b < batch; b++)
        {
            var x = RuleCases.Normals(random, theta.Length);
            var residual = x.Select((value, i) => value * (theta[i] - target[i])).Sum() - noise * RuleCases.Normal(random);
            loss += residual * residual / batch;
            for (var i = 0; i < next.Length; i++)
                next[i] -= rate / batch * residual * x[i];
        }
        return next;
    }
}
