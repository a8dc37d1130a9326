using Recsys.Bandits.Policies.Neural.Optimizers;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>
/// A noisy quadratic with curvatures from 0.2 to 2, whose optimum jumps to another place half way: every rule gets there, twice.
/// </summary>
public sealed class ConvergenceTests
{
    private const int Weights = 37, Steps = 3000;

    [Theory]
    [InlineData("sgd", 0.05)]
    [InlineData("momentum", 0.05)]
    [InlineData("momentum by coordinate", 0.05)]
    [InlineData("momentum, geometric median", 0.05)]
    [InlineData("momentum, coordinatewise median", 0.05)]
    [InlineData("adamw", 0.01)]
    [InlineData("adopt", 0.01)]
    [InlineData("adopt, short memory", 0.01)]
    [InlineData("diffgrad", 0.02)]
    [InlineData("adan", 0.01)]
    [InlineData("lion", 0.005)]
    [InlineData("adagrad", 0.2)]
    [InlineData("adagrad without discount", 0.5)]
    [InlineData("optimistic", 2)]
    [InlineData("sgd-sai", 0.05)]
    public void Rules_find_the_optimum_of_a_noisy_quadratic_and_find_it_again_after_it_has_jumped(string name, double rate)
    {
        var random = new Random(7);
        var rule = RuleCases.Rule(name);
        var tensor = new ParameterTensor(new float[Weights], rule);
        var optimum = RuleCases.Normals(random, Weights);
        var (start, settled) = (Excess(tensor.Values, optimum), Run(rule, tensor, optimum, (float)rate, 1, random));
        Assert.True(settled < 0.03 * start, $"{name} is at {settled / start:P1} of where it began");

        var elsewhere = RuleCases.Normals(random, Weights);
        var (jumped, recovered) = (Excess(tensor.Values, elsewhere), Run(rule, tensor, elsewhere, (float)rate, Steps + 1, random));
        Assert.True(recovered < 0.05 * jumped, $"{name} is at {recovered / jumped:P1} of where the jump has left it");
    }

    /// <summary>Excess loss over the last 300 of 3000 steps.</summary>
    private static double Run(IUpdateRule rule, ParameterTensor tensor, float[] optimum, float rate, int first, Random random)
    {
        var last = 0.0;
        for (var s = 0; s < Steps; s++)
        {
            for (var i = 0; i < Weights; i++)
                tensor.Gradient[i] = (float)(Curvature(i) * (tensor.Values[i] - optimum[i]) + 0.3 * RuleCases.Normal(random));
            Assert.True(rule.Step([tensor], rate, first + s));
            last += s >= Steps - 300 ? Excess(tensor.Values, optimum) / 300 : 0;
        }
        return last;
    }

    private static double Excess(float[] values, float[] optimum) =>
        Enumerable.Range(0, Weights).Sum(i => 0.5 * Curvature(i) * Math.Pow(values[i] - optimum[i], 2));

    private static double Curvature(int i) => 0.2 * Math.Pow(10, i / (Weights - 1.0));

    /// <summary>
    /// One minibatch in fifty has a gradient a hundred times as long, as rare small propensities make it: clipped momentum and ADOPT hold,
    /// plain descent does not.
    /// </summary>
    [Fact]
    public void Fat_tails_are_what_clipped_momentum_and_adopt_are_for()
    {
        double Loss(IUpdateRule rule, float rate)
        {
            var random = new Random(9);
            var tensor = new ParameterTensor(new float[Weights], rule);
            var optimum = RuleCases.Normals(random, Weights);
            var last = 0.0;
            for (var t = 1; t <= Steps; t++)
            {
                var weight = random.Next(50) == 0 ? 100 : 1;
                for (var i = 0; i < Weights; i++)
                    tensor.Gradient[i] = (float)(Curvature(i) * (tensor.Values[i] - optimum[i]) + weight * 0.3 * RuleCases.Normal(random));
                rule.Step([tensor], rate, t);
                last += t > Steps - 1000 ? Excess(tensor.Values, optimum) / 1000 : 0;
            }
            return last;
        }

        var plain = Loss(new Sgd(), 0.05f);
        Assert.True(Loss(new Momentum(), 0.05f) < 0.05 * plain);
        Assert.True(Loss(new Momentum(Innovation.Coordinate), 0.05f) < 0.05 * plain);
        Assert.True(Loss(new Adopt(), 0.01f) < 0.05 * plain);
    }

    /// <summary>Of gradients without a trend a tenth surprises by more than the bound, and again after their scale has changed.</summary>
    [Theory]
    [InlineData(Innovation.Norm)]
    [InlineData(Innovation.Coordinate)]
    public void Tracked_bound_of_momentum_is_the_ninetieth_percentile(Innovation clip)
    {
        var random = new Random(13);
        var rule = new Momentum(clip);
        var tensor = new ParameterTensor(new float[Weights], rule);
        foreach (var (scale, first) in new[] { (0.01, 1), (1.0, 4001), (0.05, 8001) })
        {
            var above = 0.0;
            for (var t = first; t < first + 4000; t++)
            {
                RuleCases.Normals(random, Weights, scale).CopyTo(tensor.Gradient, 0);
                double[] innovation = [.. tensor.Gradient.Zip(tensor.Slots[0], (g, m) => Math.Abs((double)g - m))];
                var share = clip == Innovation.Coordinate
                    ? innovation.Count(x => x > tensor.Scalars[0]) / (double)Weights
                    : Math.Sqrt(innovation.Sum(x => x * x)) > tensor.Scalars[0] ? 1 : 0;
                above += t >= first + 2000 ? share / 2000 : 0;
                Assert.True(rule.Step([tensor], 0.01f, t));
            }
            Assert.Equal(0.1, above, 0.02);
        }
    }

    /// <summary>
    /// Two tensors of which the gradients of one are a hundred times as long: SGD-SaI's ratio does not see lengths, and its largest scale
    /// is 1.
    /// </summary>
    [Fact]
    public void Scales_at_initialisation_are_ratios_and_can_be_taken_again()
    {
        var random = new Random(3);
        var rule = new SgdSai(warmUp: 4);
        ParameterTensor[] tensors = [new(new float[400], rule), new(new float[400], rule), new([0], rule)];
        void Step(int t, double mean)
        {
            RuleCases.Normals(random, 400).Select(g => (float)(g + mean)).ToArray().CopyTo(tensors[0].Gradient, 0);
            RuleCases.Normals(random, 400, 100).CopyTo(tensors[1].Gradient, 0);
            tensors[2].Gradient[0] = 1;
            Assert.True(rule.Step(tensors, 0.01f, t));
        }

        for (var t = 1; t <= 50; t++)
            Step(t, t <= 4 ? 3 : 0);
        // ‖g‖/std is √n·√(1 + mean²/var): √10 times as much with a mean of three standard deviations, frozen after four steps; the single
        // weight has 1 of 20·√10.
        Assert.Equal(1, tensors[0].Scalars[2]);
        Assert.Equal(1 / Math.Sqrt(10), tensors[1].Scalars[2], 0.02);
        Assert.Equal(1 / (20 * Math.Sqrt(10)), tensors[2].Scalars[2], 0.002);

        SgdSai.Recalibrate(tensors);
        for (var t = 51; t <= 60; t++)
            Step(t, 0);
        Assert.Equal(1, tensors[0].Scalars[2], 0.02);
        Assert.Equal(1, tensors[1].Scalars[2], 0.02);
    }
}
