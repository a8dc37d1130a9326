namespace Recsys.Bandits.Tests.Policies.Neural.Optimizers;

/// <summary>
/// A rule as its paper prints it: one loop, double precision, nothing clever. Moves <c>theta</c> by <c>g</c> at step t, from 1.
/// </summary>
internal delegate void NaiveStep(double[] theta, double[] g, double rate, int t);

/// <summary>
/// The slow twins of the update rules for one tensor. Each call makes a fresh one with its own state. Constants are the floats that the
/// rules have: 1 − 0.9999 is not the same number in single precision.
/// </summary>
internal static class NaiveRules
{
    public static NaiveStep Sgd(double[] theta0, double radius = double.PositiveInfinity) => (theta, g, rate, _) =>
    {
        for (var i = 0; i < g.Length; i++)
            theta[i] -= rate * g[i];
        Project(theta, theta0, radius);
    };

    public static NaiveStep NormMomentum(int n, double gain, double tau)
    {
        var m = new double[n];
        return (theta, g, rate, _) =>
        {
            var norm = Math.Sqrt(g.Zip(m, (a, b) => (a - b) * (a - b)).Sum());
            for (var i = 0; i < n; i++)
            {
                m[i] += gain * (g[i] - m[i]) * Math.Min(1, tau / norm);
                theta[i] -= rate * m[i];
            }
        };
    }

    public static NaiveStep CoordinateMomentum(int n, double gain, double tau)
    {
        var m = new double[n];
        return (theta, g, rate, _) =>
        {
            for (var i = 0; i < n; i++)
            {
                m[i] += gain * Math.Max(-tau, Math.Min(tau, g[i] - m[i]));
                theta[i] -= rate * m[i];
            }
        };
    }

    public static NaiveStep TrackedMomentum(int n, bool byCoordinate)
    {
        var m = new double[n];
        var tau = 0.0;
        return (theta, g, rate, t) =>
        {
            var innovation = g.Zip(m, (a, b) => a - b).ToArray();
            var norm = Math.Sqrt(innovation.Sum(x => x * x));
            var bound = t == 1 ? double.PositiveInfinity : tau;
            for (var i = 0; i < n; i++)
            {
                m[i] += 0.1f * (byCoordinate ? Math.Clamp(innovation[i], -bound, bound) : innovation[i] * Math.Min(1, bound / norm));
                theta[i] -= rate * m[i];
            }
            var above = byCoordinate ? innovation.Count(x => Math.Abs(x) > bound) / (double)n : norm > bound ? 1 : 0;
            tau = t == 1 ? byCoordinate ? norm / Math.Sqrt(n) : norm : tau * Math.Exp(0.05 * (above - 0.1));
        };
    }

    public static NaiveStep AdamW(int n, double beta1 = 0.9f, double beta2 = 0.999f, double epsilon = 1e-8)
    {
        var (m, v) = (new double[n], new double[n]);
        return (theta, g, rate, t) =>
        {
            for (var i = 0; i < n; i++)
            {
                m[i] = beta1 * m[i] + (1 - beta1) * g[i];
                v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
                var mHat = m[i] / (1 - Math.Pow(beta1, t));
                var vHat = v[i] / (1 - Math.Pow(beta2, t));
                theta[i] -= rate * mHat / (Math.Sqrt(vHat) + epsilon);
            }
        };
    }

    public static NaiveStep Adopt(int n, double beta1 = 0.9f, double beta2 = 0.9999f, double epsilon = 1e-6)
    {
        var (m, v) = (new double[n], new double[n]);
        return (theta, g, rate, step) =>
        {
            var t = step - 1;
            var c = Math.Pow(t, 0.25);
            for (var i = 0; i < n; i++)
            {
                if (t == 0)
                {
                    v[i] = g[i] * g[i];
                    continue;
                }
                var u = Math.Clamp(g[i] / Math.Max(Math.Sqrt(v[i]), epsilon), -c, c);
                m[i] = beta1 * m[i] + (1 - beta1) * u;
                theta[i] -= rate * m[i];
                v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
            }
        };
    }

    public static NaiveStep DiffGrad(int n, double beta1 = 0.9f, double beta2 = 0.999f, double epsilon = 1e-8)
    {
        var (m, v, previous) = (new double[n], new double[n], new double[n]);
        return (theta, g, rate, t) =>
        {
            for (var i = 0; i < n; i++)
            {
                m[i] = beta1 * m[i] + (1 - beta1) * g[i];
                v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
                var xi = 1 / (1 + Math.Exp(-Math.Abs(previous[i] - g[i])));
                theta[i] -= rate * Math.Sqrt(1 - Math.Pow(beta2, t)) / (1 - Math.Pow(beta1, t)) * xi * m[i] / (Math.Sqrt(v[i]) + epsilon);
                previous[i] = g[i];
            }
        };
    }

    public static NaiveStep Adan(
        int n, double beta1 = 0.98f, double beta2 = 0.92f, double beta3 = 0.99f, double epsilon = 1e-8, double decay = 0)
    {
        var (m, v, s, previous) = (new double[n], new double[n], new double[n], new double[n]);
        return (theta, g, rate, t) =>
        {
            for (var i = 0; i < n; i++)
            {
                var difference = t == 1 ? 0 : g[i] - previous[i];
                m[i] = beta1 * m[i] + (1 - beta1) * g[i];
                v[i] = beta2 * v[i] + (1 - beta2) * difference;
                s[i] = beta3 * s[i] + (1 - beta3) * Math.Pow(g[i] + beta2 * difference, 2);
                var (mHat, vHat) = (m[i] / (1 - Math.Pow(beta1, t)), v[i] / (1 - Math.Pow(beta2, t)));
                var sHat = s[i] / (1 - Math.Pow(beta3, t));
                theta[i] = (theta[i] - rate * (mHat + beta2 * vHat) / (Math.Sqrt(sHat) + epsilon)) / (1 + rate * decay);
                previous[i] = g[i];
            }
        };
    }

    public static NaiveStep Lion(int n, double beta1 = 0.9f, double beta2 = 0.99f, double decay = 0)
    {
        var m = new double[n];
        return (theta, g, rate, _) =>
        {
            for (var i = 0; i < n; i++)
            {
                theta[i] *= 1 - rate * decay;
                theta[i] -= rate * Math.Sign(beta1 * m[i] + (1 - beta1) * g[i]);
                m[i] = beta2 * m[i] + (1 - beta2) * g[i];
            }
        };
    }

    public static NaiveStep AdaGrad(int n, double discount = 0.999f, double epsilon = 1e-10)
    {
        var v = new double[n];
        return (theta, g, rate, _) =>
        {
            for (var i = 0; i < n; i++)
            {
                v[i] = discount * v[i] + g[i] * g[i];
                theta[i] -= rate * g[i] / (Math.Sqrt(v[i]) + epsilon);
            }
        };
    }

    /// <summary>
    /// Keeps x̂ itself, where the rule keeps its distance from x, and all squared differences, where the rule keeps their sum.
    /// </summary>
    public static NaiveStep Optimistic(
        double[] theta0, double diameter = 1, double bound = 1, double delta = 1, double radius = double.PositiveInfinity)
    {
        var (hat, previous) = (theta0.ToArray(), new double[theta0.Length]);
        var differences = new List<double>();
        return (theta, g, rate, _) =>
        {
            var eta = rate * diameter / Math.Sqrt(delta + 4 * bound * bound + differences.Sum());
            for (var i = 0; i < g.Length; i++)
                hat[i] -= eta * g[i];
            Project(hat, theta0, radius);
            differences.Add(g.Zip(previous, (a, b) => (a - b) * (a - b)).Sum());
            eta = rate * diameter / Math.Sqrt(delta + 4 * bound * bound + differences.Sum());
            for (var i = 0; i < g.Length; i++)
                theta[i] = hat[i] - eta * g[i];
            Project(theta, theta0, radius);
            previous = g.ToArray();
        };
    }

    /// <summary>The tensor is the only one, so its scale is 1.</summary>
    public static NaiveStep Sai(int n, double momentum = 0.9f)
    {
        var m = new double[n];
        return (theta, g, rate, t) =>
        {
            for (var i = 0; i < n; i++)
            {
                m[i] = t == 1 ? g[i] : momentum * m[i] + (1 - momentum) * g[i];
                theta[i] -= rate * m[i];
            }
        };
    }

    private static void Project(double[] theta, double[] theta0, double radius)
    {
        var distance = Math.Sqrt(theta.Zip(theta0, (a, b) => (a - b) * (a - b)).Sum());
        for (var i = 0; i < theta.Length; i++)
            theta[i] = theta0[i] + (theta[i] - theta0[i]) * Math.Min(1, radius / distance);
    }
}
