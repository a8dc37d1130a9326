using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Benchmarks;

/// <summary>
/// Exact ridge regression per action with 33 inputs and 100 actions: the estimator, against plain loops over the textbook's matrices (Li et al. 2010, algorithm 1),
/// once with the inverses kept and once as the algorithm is printed, every inverse taken at every decision.
/// </summary>
public class LinearBenchmarks
{
    private const int Inputs = 32;
    private const int Actions = 100;
    private const double Ridge = 0.25;

    private readonly FeatureSchema _schema = new(ContextVector: Inputs);
    private readonly float[] _means = new float[Actions], _widths = new float[Actions];
    private readonly double[] _naiveMeans = new double[Actions], _naiveWidths = new double[Actions];
    private Candidate[] _candidates = [];
    private FeatureSet _context;
    private IPolicy _policy = null!;
    private double[][,] _a = [], _inverse = [];
    private double[][] _b = [];
    private double _centre;

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(4);
        FeatureSet Context() => new(default, Enumerable.Range(0, Inputs).Select(_ => (random.NextSingle() * 2) - 1).ToArray());
        _candidates = [.. Scene.Candidates(Actions).Select(static c => c with { Features = default })];
        var interactions = Enumerable.Range(0, 10_000).Select(i => new Interaction(
            Context(), _candidates[i % Actions].Key, default, ReadOnlyMemory<ClusterWeight>.Empty, 0.01f, random.NextSingle(), i)).ToArray();
        var spec = PolicyCatalog.Configure(PolicyCatalog.Find("lin-ucb"), [new("scope", "per-action"), new("covariance", "full")], _schema, RewardRange.Unit, 0, []);
        _policy = Scene.Trained(spec, interactions);
        _context = Context();

        _centre = interactions.Average(static i => (double)i.Reward);
        _a = [.. Enumerable.Range(0, Actions).Select(static _ => new double[Inputs + 1, Inputs + 1])];
        _b = [.. Enumerable.Range(0, Actions).Select(static _ => new double[Inputs + 1])];
        for (var i = 0; i < interactions.Length; i++)
        {
            var x = X(interactions[i].Context);
            for (var row = 0; row <= Inputs; row++)
            {
                for (var column = 0; column <= Inputs; column++)
                    _a[i % Actions][row, column] += x[row] * x[column];
                _b[i % Actions][row] += x[row] * (interactions[i].Reward - _centre);
            }
        }
        foreach (var a in _a)
        {
            for (var i = 0; i <= Inputs; i++)
                a[i, i] += Ridge;
        }
        _inverse = [.. _a.Select(Inverse)];

        Exact();
        Textbook();
        for (var k = 0; k < Actions; k++)
        {
            if (Math.Abs(_means[k] - _naiveMeans[k]) > 1e-4 || Math.Abs(_widths[k] - _naiveWidths[k]) > 1e-4)
                throw new InvalidOperationException($"Action {k}: {_means[k]} ± {_widths[k]}, the textbook says {_naiveMeans[k]} ± {_naiveWidths[k]}.");
        }
    }

    [Benchmark(Baseline = true)]
    public void Exact() => _policy.Estimate(new DecisionQuery(_context, _candidates, []), _means, _widths);

    [Benchmark]
    public void TextbookWithInversesKept()
    {
        var x = X(_context);
        for (var k = 0; k < Actions; k++)
            Predict(k, x, _inverse[k]);
    }

    [Benchmark]
    public void Textbook()
    {
        var x = X(_context);
        for (var k = 0; k < Actions; k++)
            Predict(k, x, Inverse(_a[k]));
    }

    private void Predict(int k, double[] x, double[,] inverse)
    {
        double mean = _centre, variance = 0;
        for (var i = 0; i <= Inputs; i++)
        {
            for (var j = 0; j <= Inputs; j++)
            {
                mean += x[i] * inverse[i, j] * _b[k][j];
                variance += x[i] * inverse[i, j] * x[j];
            }
        }
        (_naiveMeans[k], _naiveWidths[k]) = (mean, Math.Sqrt(variance));
    }

    // Gauss and Jordan; no pivoting, because the matrix is positive definite.
    private static double[,] Inverse(double[,] matrix)
    {
        const int D = Inputs + 1;
        var left = (double[,])matrix.Clone();
        var right = new double[D, D];
        for (var i = 0; i < D; i++)
            right[i, i] = 1;
        for (var pivot = 0; pivot < D; pivot++)
        {
            var scale = 1 / left[pivot, pivot];
            for (var j = 0; j < D; j++)
            {
                left[pivot, j] *= scale;
                right[pivot, j] *= scale;
            }
            for (var i = 0; i < D; i++)
            {
                var factor = left[i, pivot];
                if (i == pivot || factor == 0)
                    continue;
                for (var j = 0; j < D; j++)
                {
                    left[i, j] -= factor * left[pivot, j];
                    right[i, j] -= factor * right[pivot, j];
                }
            }
        }
        return right;
    }

    private static double[] X(FeatureSet context) => [1, .. context.Dense.ToArray().Select(static v => (double)v)];
}
