namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>
/// The ensemble of arXiv 2312.07145 as it is written: a network f(θ; x) = v·tanh(W·x)/m with m hidden units, each layer scaled by 1/√m, and
/// copies f + c·m^(−1/4)·⟨θ − θ0, e_s⟩ with signs e_s. θ is W by rows, then v. In doubles, one number at a time.
/// </summary>
internal sealed class PerturbedNetwork(int inputs, int width, double strength, double[] initial, int[][] signs)
{
    private readonly double _scale = strength * Math.Pow(width, -0.25);

    /// <summary>Numbers in θ.</summary>
    public static int Length(int inputs, int width) => width * inputs + width;

    public double Predict(double[] theta, double[] x)
    {
        double sum = 0;
        for (var unit = 0; unit < width; unit++)
            sum += theta[width * inputs + unit] * Hidden(theta, x, unit);
        return sum / Math.Sqrt(width);
    }

    public double[] Gradient(double[] theta, double[] x)
    {
        var gradient = new double[theta.Length];
        for (var unit = 0; unit < width; unit++)
        {
            var activation = Math.Sqrt(width) * Hidden(theta, x, unit);
            gradient[width * inputs + unit] = activation / width;
            for (var input = 0; input < inputs; input++)
                gradient[unit * inputs + input] = theta[width * inputs + unit] * (1 - activation * activation) * x[input] / width;
        }
        return gradient;
    }

    /// <summary>The predictions of all copies.</summary>
    public double[] Copies(double[] theta, double[] x)
    {
        var prediction = Predict(theta, x);
        return [.. signs.Select(sign => prediction + _scale * sign.Select((e, i) => e * (theta[i] - initial[i])).Sum())];
    }

    /// <summary>Mean loss over the copies.</summary>
    public double Loss(double[] theta, double[] x, Func<double, double> loss) => Copies(theta, x).Average(loss);

    /// <summary>Its gradient by the chain rule: the mean over copies of loss'(f_s)·(∇f + c·m^(−1/4)·e_s).</summary>
    public double[] LossGradient(double[] theta, double[] x, Func<double, double> slope)
    {
        var (copies, gradient, mean) = (Copies(theta, x), Gradient(theta, x), new double[theta.Length]);
        for (var s = 0; s < signs.Length; s++)
        {
            for (var i = 0; i < mean.Length; i++)
                mean[i] += slope(copies[s]) * (gradient[i] + _scale * signs[s][i]) / signs.Length;
        }
        return mean;
    }

    /// <summary>Every vector of signs once: an ensemble whose mean is the expectation.</summary>
    public static int[][] AllSigns(int length) =>
    [
        .. Enumerable.Range(0, 1 << length).Select(bits => Enumerable.Range(0, length).Select(i => (bits >> i & 1) == 0 ? 1 : -1).ToArray()),
    ];

    private double Hidden(double[] theta, double[] x, int unit)
    {
        double sum = 0;
        for (var input = 0; input < inputs; input++)
            sum += theta[unit * inputs + input] * x[input];
        return Math.Tanh(sum) / Math.Sqrt(width);
    }
}
