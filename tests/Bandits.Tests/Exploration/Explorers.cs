using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Tests.Exploration;

/// <summary>Every rule with the settings of the tests, and the brute-force twin of each, written from its equation for one action at a time.</summary>
internal static class Explorers
{
    public static readonly string[] Names =
    [
        "uniform", "epsilon 0.1", "epsilon 0", "epsilon 1", "optimistic 1", "optimistic 0 floor 0", "square-cb 0", "square-cb 10", "square-cb 1e12", "square-cb inf",
        "top 1", "top 3", "top 5 floor 0", "floored 0.02 top 2", "thompson 1", "thompson 0.3 floor 0", "thompson 0", "floored 0.02 square-cb 1e6", "floored 0.02 thompson", "floored 0.5 epsilon",
        "rationed 0.3 thompson", "rationed 0.6 optimistic", "rationed 0 top 2", "rationed 1 square-cb", "sliced 0.7 square-cb", "sliced 0 optimistic", "sliced 1 floor 0 epsilon",
        "floored 0.02 sliced 0.8 rationed 0.3 thompson",
        "fast-cb 0", "fast-cb 10", "fast-cb 1e12", "fast-cb inf", "floored 0.02 fast-cb 1e6", "optimistic means 0 square-cb", "optimistic means 0.5 square-cb",
        "optimistic means 1 fast-cb", "optimistic means 1 epsilon",
    ];

    public static IExplorer Find(string name) => name switch
    {
        "uniform" => default(UniformExplorer),
        "epsilon 0.1" => new EpsilonGreedy(0.1),
        "epsilon 0" => new EpsilonGreedy(0),
        "epsilon 1" => new EpsilonGreedy(1),
        "optimistic 1" => new Optimistic(1, 0.01),
        "optimistic 0 floor 0" => new Optimistic(0, 0),
        "square-cb 0" => new SquareCb(0),
        "square-cb 10" => new SquareCb(10),
        "square-cb 1e12" => new SquareCb(1e12),
        "square-cb inf" => new SquareCb(double.PositiveInfinity),
        "top 1" => new TopK(1, 1, 0.01),
        "top 3" => new TopK(1, 3, 0.01),
        "top 5 floor 0" => new TopK(0.5, 5, 0),
        "floored 0.02 top 2" => new Floored<TopK>(new TopK(0, 2, 0), 0.02),
        "thompson 1" => new Thompson(1, 0.01),
        "thompson 0.3 floor 0" => new Thompson(0.3, 0),
        "thompson 0" => new Thompson(0, 0.01),
        "floored 0.02 square-cb 1e6" => new Floored<SquareCb>(new SquareCb(1e6), 0.02),
        "floored 0.02 thompson" => new Floored<Thompson>(new Thompson(1, 0), 0.02),
        "floored 0.5 epsilon" => new Floored<EpsilonGreedy>(new EpsilonGreedy(0.1), 0.5),
        "rationed 0.3 thompson" => new Rationed<Thompson>(new Thompson(1, 0), 0.3, Mark),
        "rationed 0.6 optimistic" => new Rationed<Optimistic>(new Optimistic(1, 0), 0.6, Mark),
        "rationed 0 top 2" => new Rationed<TopK>(new TopK(1, 2, 0), 0, Mark),
        "rationed 1 square-cb" => new Rationed<SquareCb>(new SquareCb(10), 1, Mark),
        "sliced 0.7 square-cb" => new Sliced<SquareCb>(new SquareCb(10), 0.7, 0.05),
        "sliced 0 optimistic" => new Sliced<Optimistic>(new Optimistic(1, 0), 0, 0.05),
        "sliced 1 floor 0 epsilon" => new Sliced<EpsilonGreedy>(new EpsilonGreedy(0.1), 1, 0),
        "floored 0.02 sliced 0.8 rationed 0.3 thompson" =>
            new Floored<Sliced<Rationed<Thompson>>>(new Sliced<Rationed<Thompson>>(new Rationed<Thompson>(new Thompson(1, 0), 0.3, Mark), 0.8, 0.05), 0.02),
        "fast-cb 0" => new FastCb(0),
        "fast-cb 10" => new FastCb(10),
        "fast-cb 1e12" => new FastCb(1e12),
        "fast-cb inf" => new FastCb(double.PositiveInfinity),
        "floored 0.02 fast-cb 1e6" => new Floored<FastCb>(new FastCb(1e6), 0.02),
        "optimistic means 0 square-cb" => new OptimisticMeans<SquareCb>(new SquareCb(10), 0),
        "optimistic means 0.5 square-cb" => new OptimisticMeans<SquareCb>(new SquareCb(10), 0.5),
        "optimistic means 1 fast-cb" => new OptimisticMeans<FastCb>(new FastCb(10), 1),
        "optimistic means 1 epsilon" => new OptimisticMeans<EpsilonGreedy>(new EpsilonGreedy(0.1), 1),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };

    /// <summary>p(a) by the rule's equation, from sorted lists and no shared sums; how far the rule may be from it.</summary>
    public static (double[] Propensities, double Tolerance) Twin(string name, float[] means, float[] widths) => name switch
    {
        "uniform" => (Uniform(means.Length), 1e-6),
        "epsilon 0.1" => (Greedy(Scores(means), 0.1), 1e-6),
        "epsilon 0" => (Greedy(Scores(means), 0), 1e-6),
        "epsilon 1" => (Greedy(Scores(means), 1), 1e-6),
        "optimistic 1" => (Greedy(Scores(means, widths, 1), 0.01), 1e-6),
        "optimistic 0 floor 0" => (Greedy(Scores(means), 0), 1e-6),
        "square-cb 0" => (InverseGap(means, 0), 1e-6),
        "square-cb 10" => (InverseGap(means, 10), 1e-6),
        "square-cb 1e12" => (InverseGap(means, 1e12), 1e-6),
        "square-cb inf" => (InverseGap(means, double.PositiveInfinity), 1e-6),
        "top 1" => (Greedy(Scores(means, widths, 1), 0.01), 1e-6),
        "top 3" => (Mixed(AmongBest(Scores(means, widths, 1), 3), 0.01), 1e-6),
        "top 5 floor 0" => (AmongBest(Scores(means, widths, 0.5), 5), 1e-6),
        "floored 0.02 top 2" => (Raised(AmongBest(Scores(means), 2), 0.02), 1e-6),
        "thompson 1" => (Mixed(ProbabilityOfBest.Of(means, widths, 1), 0.01), ThompsonError),
        "thompson 0.3 floor 0" => (Mixed(ProbabilityOfBest.Of(means, widths, 0.3), 0), ThompsonError),
        "thompson 0" => (Greedy(Scores(means), 0.01), 1e-6),
        "floored 0.02 square-cb 1e6" => (Raised(InverseGap(means, 1e6), 0.02), 1e-6),
        "floored 0.02 thompson" => (Raised(ProbabilityOfBest.Of(means, widths, 1), 0.02), ThompsonError),
        "floored 0.5 epsilon" => (Raised(Greedy(Scores(means), 0.1), 0.5), 1e-6),
        "rationed 0.3 thompson" => (Shared(means, widths, 0.3, static (m, w) => ProbabilityOfBest.Of(m, w, 1)), ThompsonError),
        "rationed 0.6 optimistic" => (Shared(means, widths, 0.6, static (m, w) => Greedy(Scores(m, w, 1), 0)), ThompsonError),
        "rationed 0 top 2" => (Shared(means, widths, 0, static (m, w) => AmongBest(Scores(m, w, 1), 2)), ThompsonError),
        "rationed 1 square-cb" => (Shared(means, widths, 1, static (m, _) => InverseGap(m, 10)), ThompsonError),
        "sliced 0.7 square-cb" => (Spent(InverseGap(means, 10), means, 0.7, 0.05), 1e-6),
        "sliced 0 optimistic" => (Greedy(Scores(means), 0.05), 1e-6),
        "sliced 1 floor 0 epsilon" => (Greedy(Scores(means), 0.1), 1e-6),
        "floored 0.02 sliced 0.8 rationed 0.3 thompson" =>
            (Raised(Spent(Shared(means, widths, 0.3, static (m, w) => ProbabilityOfBest.Of(m, w, 1)), means, 0.8, 0.05), 0.02), ThompsonError),
        "fast-cb 0" => (FirstOrder(means, 0), 1e-6),
        "fast-cb 10" => (FirstOrder(means, 10), 1e-6),
        "fast-cb 1e12" => (FirstOrder(means, 1e12), 1e-6),
        "fast-cb inf" => (FirstOrder(means, double.PositiveInfinity), 1e-6),
        "floored 0.02 fast-cb 1e6" => (Raised(FirstOrder(means, 1e6), 0.02), 1e-6),
        "optimistic means 0 square-cb" => (InverseGap(means, 10), 1e-6),
        "optimistic means 0.5 square-cb" => (InverseGap(Sums(means, widths, 0.5), 10), 1e-6),
        "optimistic means 1 fast-cb" => (FirstOrder(Sums(means, widths, 1), 10), 1e-6),
        "optimistic means 1 epsilon" => (Greedy(Scores(Sums(means, widths, 1)), 0.1), 1e-6),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };

    /// <summary>How far the grid may be from the integral, for widths of any orders of magnitude.</summary>
    public const double ThompsonError = 0.004;

    private static double[] Scores(float[] means, float[]? widths = null, double alpha = 0) =>
        [.. means.Select((mean, i) => mean + (widths is null ? 0 : alpha * widths[i]))];

    private static float[] Sums(float[] means, float[] widths, double alpha) =>
        [.. means.Zip(widths, (mean, width) => (float)(mean + alpha * width))];

    private static double[] Uniform(int count) => [.. Enumerable.Repeat(1.0 / count, count)];

    private static double[] Greedy(double[] scores, double epsilon)
    {
        var ranking = scores.GroupBy(static s => s).OrderByDescending(static g => g.Key).First();
        return [.. scores.Select(s => epsilon / scores.Length + (s == ranking.Key ? (1 - epsilon) / ranking.Count() : 0))];
    }

    /// <summary>Places are given out from the best score down, each shared evenly among the actions of that score that still lack one.</summary>
    private static double[] AmongBest(double[] scores, int places)
    {
        var result = new double[scores.Length];
        places = Math.Min(places, scores.Length);
        var left = places;
        foreach (var equals in Enumerable.Range(0, scores.Length).GroupBy(i => scores[i]).OrderByDescending(static g => g.Key))
        {
            var taken = Math.Min(left, equals.Count());
            foreach (var i in equals)
                result[i] = (double)taken / equals.Count() / places;
            left -= taken;
        }
        return result;
    }

    /// <summary>Algorithm 1 of arXiv 2002.04926 for one best action b, averaged over every choice of b among equals.</summary>
    private static double[] InverseGap(float[] means, double gamma)
    {
        var result = new double[means.Length];
        var best = Enumerable.Range(0, means.Length).Where(i => means[i] == means.Max()).ToArray();
        // Of equal actions the algorithm gives all but b 1/K and b the remainder; averaged, every one gets the same share of what the worse ones leave.
        foreach (var b in best)
        {
            double left = 1;
            for (var a = 0; a < means.Length; a++)
            {
                if (a == b)
                    continue;
                double gap = (double)means[b] - means[a];
                var p = gap == 0 ? 1.0 / means.Length : 1 / (means.Length + gamma * gap);
                result[a] += p / best.Length;
                left -= p;
            }
            result[b] += left / best.Length;
        }
        return result;
    }

    /// <summary>
    /// Algorithm 1 of arXiv 2107.02237, ŷ_b of the best within [0.001, 1]. The best, of whom equals are a part, get what the worse ones leave. Gaps and
    /// equals by means: losses of tiny means that differ are the same number.
    /// </summary>
    private static double[] FirstOrder(float[] means, double gamma)
    {
        var best = means.Max();
        var loss = Math.Min(1, Math.Max(0.001, 1 - (double)best));
        double[] worse = [.. means.Select(mean => mean == best ? 0 : loss / (means.Length * loss + gamma * ((double)best - mean)))];
        return [.. means.Select((mean, a) => mean == best ? (1 - worse.Sum()) / means.Count(m => m == best) : worse[a])];
    }

    /// <summary>What is added to the width of what nobody knows.</summary>
    internal const float Mark = 100;

    /// <summary>The unknown have their share among themselves, the known the rest; either has all where the other is missing.</summary>
    private static double[] Shared(float[] means, float[] widths, double share, Func<float[], float[], double[]> rule)
    {
        var result = new double[means.Length];
        foreach (var sort in Enumerable.Range(0, means.Length).GroupBy(i => widths[i] >= Mark / 2))
        {
            int[] at = [.. sort];
            float[] mean = [.. at.Select(i => means[i])];
            var p = sort.Key
                ? ProbabilityOfBest.Of(mean, [.. at.Select(i => Math.Max(0, widths[i] - Mark))], 1)
                : rule(mean, [.. at.Select(i => widths[i])]);
            var part = at.Length == means.Length ? 1 : sort.Key ? share : 1 - share;
            for (var k = 0; k < at.Length; k++)
                result[at[k]] = part * p[k];
        }
        return result;
    }

    /// <summary>A slice that explores, a slice for the largest means, a slice for all.</summary>
    private static double[] Spent(double[] explored, float[] means, double share, double uniform) =>
        [.. explored.Zip(Greedy(Scores(means), 0), (e, g) => (1 - uniform) * (share * e + (1 - share) * g) + uniform / means.Length)];

    private static double[] Mixed(double[] p, double floor) => [.. p.Select(x => (1 - floor) * x + floor / p.Length)];

    private static double[] Raised(double[] p, double minimum) =>
        p.Length * minimum >= 1 ? Uniform(p.Length) : [.. p.Select(x => (1 - p.Length * minimum) * x + minimum)];
}
