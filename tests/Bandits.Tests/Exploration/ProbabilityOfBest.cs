namespace Recsys.Bandits.Tests.Exploration;

/// <summary>
/// P(value a is the largest) of independent normals N(mean, (α·width)²) as the integral of its density times the others' distribution functions, by the
/// midpoint rule on a grid per action. Actions without a width worth the name are steps: they win where every other value lies below, and equal ones share.
/// </summary>
internal static class ProbabilityOfBest
{
    /// <param name="means">Of every action.</param>
    /// <param name="widths">Of every action.</param>
    /// <param name="alpha">α.</param>
    /// <param name="points">Of the midpoint rule; a hundred are plenty where no width is much smaller than another.</param>
    public static double[] Of(float[] means, float[] widths, double alpha, int points = 1000)
    {
        var sharpest = Sharpest(means, widths, alpha);
        double[] deviations = [.. widths.Select(w => alpha * w > sharpest ? alpha * w : 0)];
        var result = new double[means.Length];
        for (var a = 0; a < means.Length; a++)
            result[a] = deviations[a] == 0 ? Step(a, means, deviations) : Smooth(a, means, deviations, points);
        return result;
    }

    /// <summary>Whether every width is either none or so much wider than the sharpest that an explorer tells the two apart.</summary>
    public static bool IsClear(float[] means, float[] widths, double alpha)
    {
        var sharpest = Sharpest(means, widths, alpha);
        return Array.TrueForAll(widths, w => alpha * w <= sharpest || alpha * w >= 1000 * sharpest);
    }

    // Numbers of 53 bits over the range of values that can be the largest: what is narrower is a step.
    private static double Sharpest(float[] means, float[] widths, double alpha)
    {
        var low = means.Zip(widths, (m, w) => m - 5 * alpha * w).Max();
        var high = means.Zip(widths, (m, w) => m + 5 * alpha * w).Max();
        return Math.Max(1e-12 * (high - low), 1e-15 * Math.Max(Math.Abs(low), Math.Abs(high)));
    }

    private static double Smooth(int a, float[] means, double[] deviations, int points)
    {
        double sum = 0;
        for (var i = 0; i < points; i++)
        {
            var z = -9 + 18 * (i + 0.5) / points;
            var density = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI) * 18 / points;
            sum += density * Below(means[a] + deviations[a] * z, a, means, deviations);
        }
        return sum;
    }

    private static double Step(int a, float[] means, double[] deviations)
    {
        var equals = Enumerable.Range(0, means.Length).Count(b => deviations[b] == 0 && means[b] == means[a]);
        return Below(means[a], a, means, deviations) / equals;
    }

    private static double Below(double value, int a, float[] means, double[] deviations)
    {
        double product = 1;
        for (var b = 0; b < means.Length; b++)
        {
            if (b == a)
                continue;
            product *= deviations[b] > 0 ? MathNet.Numerics.Distributions.Normal.CDF(means[b], deviations[b], value) : means[b] > value ? 0 : 1;
        }
        return product;
    }
}
