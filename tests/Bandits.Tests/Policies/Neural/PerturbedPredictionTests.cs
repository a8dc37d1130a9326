using Recsys.Bandits.Exploration;
using Recsys.Bandits.Policies.Neural.Optimizers;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>
/// What learning from randomly perturbed predictions (arXiv 2312.07145) amounts to: the gradient of the network alone and a pull of κ =
/// c²/√m towards where the weights began. For squared loss that is exact; for logarithmic loss up to terms of order c⁴.
/// </summary>
public sealed class PerturbedPredictionTests
{
    private const int Inputs = 2, Width = 3;
    private const double Strength = 0.6;
    private static readonly double Kappa = Strength * Strength / Math.Sqrt(Width);
    private static readonly int[][] All = PerturbedNetwork.AllSigns(PerturbedNetwork.Length(Inputs, Width));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_ensembles_gradient_is_the_slope_of_its_loss(bool squared)
    {
        var (network, theta, _) = Case(1, Strength, All);
        var (loss, slope) = squared ? Squared(0.7) : Logarithmic(1);
        var gradient = network.LossGradient(theta, [0.6, -0.8], slope);
        const double Step = 1e-5;
        for (var i = 0; i < theta.Length; i++)
        {
            double[] up = [.. theta], down = [.. theta];
            up[i] += Step;
            down[i] -= Step;
            Assert.Equal((network.Loss(up, [0.6, -0.8], loss) - network.Loss(down, [0.6, -0.8], loss)) / (2 * Step), gradient[i], 1e-8);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void With_squared_loss_the_expected_gradient_is_that_of_the_network_and_the_pull(int seed)
    {
        var (network, theta, initial) = Case(seed, Strength, All);
        double[] x = [0.6, 0.8];
        var (loss, slope) = Squared(0.3);
        var (expected, plain, prediction) = (network.LossGradient(theta, x, slope), network.Gradient(theta, x), network.Predict(theta, x));
        for (var i = 0; i < theta.Length; i++)
            Assert.Equal(slope(prediction) * plain[i] + Kappa * (theta[i] - initial[i]), expected[i], 1e-12);
        Assert.Equal(loss(prediction) + 0.5 * Kappa * Squares(theta, initial), network.Loss(theta, x, loss), 1e-12);
    }

    /// <summary>One step of the ensemble is the pull and then the network's own step, as a trainer takes them, in floats and tensor by
    /// tensor.</summary>
    [Fact]
    public void Pull_and_a_step_of_the_network_are_a_step_of_the_ensemble()
    {
        const float Rate = 0.2f;
        var (network, theta, initial) = Case(5, Strength, All);
        double[] x = [-0.28, 0.96];
        var (_, slope) = Squared(0.9);
        var (ensemble, plain) = (network.LossGradient(theta, x, slope), network.Gradient(theta, x));
        var error = slope(network.Predict(theta, x));
        var rule = new Sgd();
        foreach (var (start, end) in new[] { (0, Inputs * Width), (Inputs * Width, theta.Length) })
        {
            var tensor = new ParameterTensor([.. initial[start..end].Select(static v => (float)v)], rule, keepInitial: true);
            for (var i = start; i < end; i++)
                (tensor.Values[i - start], tensor.Gradient[i - start]) = ((float)theta[i], (float)(error * plain[i]));
            Pull.Decoupled(tensor, Rate, (float)Kappa);
            Assert.True(rule.Step([tensor], Rate, 1));
            for (var i = start; i < end; i++)
                Assert.Equal(theta[i] - Rate * ensemble[i], tensor.Values[i - start], 1e-6);
        }
    }

    /// <summary>
    /// E slope(f_s)·(∇f + c·m^(−1/4)·e) with slope s(f) − y: the first part is the network's gradient for the error of the ensemble's own
    /// prediction, the mean of s(f_s), exactly; the second is the pull times s(f)·(1 − s(f)), to within c⁴, so that half of c leaves a
    /// sixteenth.
    /// </summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    public void With_logarithmic_loss_the_pull_is_that_of_the_curvature(int seed, int reward)
    {
        double[] x = [0.6, 0.8];
        var (_, slope) = Logarithmic(reward);
        var remainders = new List<double>();
        foreach (var c in new[] { 0.4, 0.2, 0.1 })
        {
            var (network, theta, initial) = Case(seed, c, All);
            var (expected, plain) = (network.LossGradient(theta, x, slope), network.Gradient(theta, x));
            var error = network.Copies(theta, x).Average(slope);
            var likely = Sigmoid(network.Predict(theta, x));
            var pull = c * c / Math.Sqrt(Width) * likely * (1 - likely);
            double[] pulls = [.. theta.Zip(initial, (now, began) => pull * (now - began))];
            remainders.Add(pulls.Select((p, i) => Math.Abs(expected[i] - error * plain[i] - p)).Max());
            Assert.True(remainders[^1] < 0.1 * pulls.Max(Math.Abs), $"{remainders[^1]} at {c}");
        }
        Assert.Equal(16, remainders[0] / remainders[1], 2.0);
        Assert.Equal(16, remainders[1] / remainders[2], 0.5);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    public void With_logarithmic_loss_the_expected_loss_is_that_of_the_network_and_the_curved_pull(int seed, int reward)
    {
        double[] x = [0.6, 0.8];
        var (loss, _) = Logarithmic(reward);
        var remainders = new List<double>();
        foreach (var c in new[] { 0.2, 0.1 })
        {
            var (network, theta, initial) = Case(seed, c, All);
            var prediction = network.Predict(theta, x);
            var curvature = Sigmoid(prediction) * (1 - Sigmoid(prediction));
            var pull = 0.5 * c * c / Math.Sqrt(Width) * curvature * Squares(theta, initial);
            remainders.Add(network.Loss(theta, x, loss) - loss(prediction) - pull);
        }
        Assert.Equal(16, remainders[0] / remainders[1], 0.5);
    }

    /// <summary>As it is trained: a handful of copies with random signs, here drawn anew many times to see the mean.</summary>
    [Fact]
    public void Few_copies_with_random_signs_pull_like_that_on_average()
    {
        const int Draws = 4000, Copies = 4;
        var random = new Random(9);
        double[] x = [0.6, 0.8];
        var (_, slope) = Squared(0.3);
        var (network, theta, initial) = Case(7, Strength, All);
        var (sum, squares) = (new double[theta.Length], new double[theta.Length]);
        for (var draw = 0; draw < Draws; draw++)
        {
            int[][] signs = [.. Enumerable.Range(0, Copies).Select(_ => theta.Select(_ => random.Next(2) == 0 ? 1 : -1).ToArray())];
            var gradient = Case(7, Strength, signs).Network.LossGradient(theta, x, slope);
            for (var i = 0; i < theta.Length; i++)
            {
                sum[i] += gradient[i] / Draws;
                squares[i] += gradient[i] * gradient[i] / Draws;
            }
        }
        var (plain, error) = (network.Gradient(theta, x), slope(network.Predict(theta, x)));
        for (var i = 0; i < theta.Length; i++)
        {
            var deviation = Math.Sqrt((squares[i] - sum[i] * sum[i]) / Draws);
            Assert.InRange(sum[i] - error * plain[i] - Kappa * (theta[i] - initial[i]), -4 * deviation, 4 * deviation);
        }
    }

    /// <summary>Serving needs no ensemble: its mean prediction is off by one number for all actions, which gaps do not see.</summary>
    [Fact]
    public void Copies_shift_the_predictions_of_all_actions_alike()
    {
        var random = new Random(3);
        var (network, theta, _) = Case(4, Strength, [[1, 1, -1, 1, -1, -1, 1, 1, 1], [-1, 1, 1, 1, 1, -1, 1, -1, 1]]);
        double[][] actions = [.. Enumerable.Range(0, 6).Select(_ => (double[])[random.NextDouble(), random.NextDouble()])];
        double[] plain = [.. actions.Select(x => network.Predict(theta, x))];
        double[] ensemble = [.. actions.Select(x => network.Copies(theta, x).Average())];
        for (var a = 1; a < actions.Length; a++)
            Assert.Equal(ensemble[0] - plain[0], ensemble[a] - plain[a], 1e-12);
        Assert.True(Math.Abs(ensemble[0] - plain[0]) > 0.01);
        float[] p = new float[6], q = new float[6];
        new SquareCb(50).Distribute([.. plain.Select(static v => (float)v)], new float[6], p);
        new SquareCb(50).Distribute([.. ensemble.Select(static v => (float)v)], new float[6], q);
        for (var a = 0; a < p.Length; a++)
            Assert.Equal(p[a], q[a], 1e-5f);
    }

    private static (PerturbedNetwork Network, double[] Theta, double[] Initial) Case(int seed, double strength, int[][] signs)
    {
        var random = new Random(seed);
        var length = PerturbedNetwork.Length(Inputs, Width);
        double[] initial = [.. Enumerable.Range(0, length).Select(_ => 2 * random.NextDouble() - 1)];
        double[] theta = [.. initial.Select(v => v + random.NextDouble() - 0.5)];
        return (new PerturbedNetwork(Inputs, Width, strength, initial, signs), theta, initial);
    }

    private static (Func<double, double> Loss, Func<double, double> Slope) Squared(double reward) =>
        (f => 0.5 * (f - reward) * (f - reward), f => f - reward);

    private static (Func<double, double> Loss, Func<double, double> Slope) Logarithmic(double reward) =>
        (f => Math.Log(1 + Math.Exp(f)) - reward * f, f => Sigmoid(f) - reward);

    private static double Sigmoid(double f) => 1 / (1 + Math.Exp(-f));

    private static double Squares(double[] a, double[] b) => a.Zip(b, static (x, y) => (x - y) * (x - y)).Sum();
}
