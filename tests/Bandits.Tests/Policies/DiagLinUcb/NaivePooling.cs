using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>
/// The pooled model in plain doubles: every sum from the interactions, every least squares from deviations, every belief from a dense normal model.
/// </summary>
internal sealed class NaivePooling
{
    private const double Imaginary = 10, Guess = 1.0 / 16, SlopeRewards = 64;
    private readonly Dictionary<EdgeKey, Edge> _edges = [];
    private readonly Dictionary<int, (double Mean, double Affinity)> _centres = [];
    private readonly (double Mean, double Affinity) _all;
    private readonly ILookup<ActionKey, EdgeKey> _items;
    private readonly Dictionary<EdgeKey, Edge> _awaited = [];

    /// <param name="interactions">The log.</param>
    /// <param name="age">What is left of an interaction by now.</param>
    /// <param name="open">Impressions whose reward is awaited.</param>
    public NaivePooling(IEnumerable<Interaction> interactions, Func<Interaction, double>? age = null, IEnumerable<Impression>? open = null)
    {
        foreach (var shown in open ?? [])
        {
            foreach (var (cluster, weight) in shown.Clusters.ToArray())
            {
                var edge = _awaited.GetValueOrDefault(new EdgeKey(cluster, shown.Action));
                double w = weight;
                _awaited[new EdgeKey(cluster, shown.Action)] = edge with { Count = edge.Count + 1, D = edge.D + w * w, S = edge.S + w };
            }
        }
        foreach (var shown in interactions)
        {
            var (left, affinity) = (age?.Invoke(shown) ?? 1, AffinityOf(shown.Context, shown.ActionFeatures));
            foreach (var (cluster, weight) in shown.Clusters.ToArray())
            {
                var key = new EdgeKey(cluster, shown.Action);
                var edge = _edges.GetValueOrDefault(key);
                double w = weight;
                _edges[key] = new Edge(
                    edge.Count + 1, edge.D + left * w * w, edge.B + left * w * shown.Reward, edge.S + left * w, edge.X + left * w * affinity);
            }
        }
        MeanReward = (_edges.Values.Sum(static e => e.B) + 5) / (_edges.Values.Sum(static e => e.S) + 10);
        Noise = MeanReward * (1 - MeanReward);
        _items = _edges.Keys.ToLookup(static k => k.Action);

        // Centres: averages over the edges of a cluster that lean on those of all, on a grid.
        var step = Math.Pow(2, Math.Floor(Math.Log2(Math.Sqrt(Math.Max(1e-6, Noise))))) / 16;
        double Share(Edge e) => e.Size / (e.Size + 1);
        var weights = _edges.Values.Sum(Share);
        _all = (
            Round((_edges.Values.Sum(e => Share(e) * e.Mean) + Imaginary * MeanReward) / (weights + Imaginary), step),
            Round(_edges.Values.Sum(e => Share(e) * e.Affinity) / (weights + Imaginary), 1.0 / 64));
        foreach (var cluster in _edges.GroupBy(static e => e.Key.Cluster, static e => e.Value))
        {
            var weight = cluster.Sum(Share);
            _centres[cluster.Key] = (
                Round((cluster.Sum(e => Share(e) * e.Mean) + Imaginary * _all.Mean) / (weight + Imaginary), step),
                Round((cluster.Sum(e => Share(e) * e.Affinity) + Imaginary * _all.Affinity) / (weight + Imaginary), 1.0 / 64));
        }
        EdgeSpread = SpreadOfEdges();
        (Level, Slope, ItemSpread) = Fit();
    }

    public double MeanReward { get; }

    public double Noise { get; }

    public double EdgeSpread { get; }

    public double ItemSpread { get; }

    public double Level { get; }

    public double Slope { get; }

    public int Edges => _edges.Count;

    public (double Mean, double Affinity) Centre(int cluster) => _centres.TryGetValue(cluster, out var centre) ? centre : _all;

    /// <summary>Mean and width of an action, and whether anything is known about it.</summary>
    public (double Mean, double Width, bool Known) Estimate(FeatureSet context, Candidate candidate, ClusterWeight[] clusters)
    {
        var around = (Mean: clusters.Sum(c => c.Weight * Centre(c.Cluster).Mean), Affinity: clusters.Sum(c => c.Weight * Centre(c.Cluster).Affinity));
        var connected = clusters.Where((_, i) => (candidate.ClusterMask >> i & 1) != 0).ToArray();
        var common = around.Mean + Level + Slope * (AffinityOf(context, candidate.Features) - around.Affinity);
        var total = connected.Sum(static c => (double)c.Weight);
        var beliefs = connected.Select(c => (c.Weight / total, Edge: Belief(new EdgeKey(c.Cluster, candidate.Key)))).ToArray();
        var squares = connected.Sum(static c => Math.Pow(c.Weight, 2));
        var variance = connected.Sum(c => Math.Pow(c.Weight, 2) * Variance(new EdgeKey(c.Cluster, candidate.Key)));
        // About an action without statistics its edges say nothing, together no more than one.
        return !_items.Contains(candidate.Key) ? (common, Math.Sqrt(Noise * variance / squares), false) : (
            common + beliefs.Sum(static b => b.Item1 * b.Edge.Mean), Math.Sqrt(Noise * variance / (total * total)), true);
    }

    /// <summary>What an edge is worth beyond level and affinity: item ~ N(0, τ), edge ~ N(0, ρ), its average ~ N(item + edge, 1/n), all in units of σ².</summary>
    public (double Mean, double Variance) Belief(EdgeKey edge)
    {
        EdgeKey[] seen = [.. _items[edge.Action]];
        if (seen.Length == 0)
            return default;
        var prior = Matrix<double>.Build.Dense(
            seen.Length, seen.Length, (i, j) => ItemSpread + (i == j ? EdgeSpread + 1 / _edges[seen[i]].Size : 0));
        var residuals = Vector<double>.Build.Dense(seen.Length, i => Centred(seen[i]).Mean - Level - Slope * Centred(seen[i]).Affinity);
        var with = Vector<double>.Build.Dense(seen.Length, i => ItemSpread + (seen[i] == edge ? EdgeSpread : 0));
        var gain = prior.Solve(with);
        return (gain * residuals, ItemSpread + EdgeSpread - gain * with);
    }

    /// <summary>Variance of an edge's worth once what is awaited has been learned: the same normal model with more seen, its spreads what they are.</summary>
    private double Variance(EdgeKey edge)
    {
        EdgeKey[] seen = [.. _edges.Keys.Union(_awaited.Keys).Where(k => k.Action == edge.Action)];
        if (seen.Length == 0)
            return ItemSpread + EdgeSpread;
        var prior = Matrix<double>.Build.Dense(seen.Length, seen.Length, (i, j) => ItemSpread + (i == j ? EdgeSpread + 1 / SizeWithAwaited(seen[i]) : 0));
        var with = Vector<double>.Build.Dense(seen.Length, i => ItemSpread + (seen[i] == edge ? EdgeSpread : 0));
        return ItemSpread + EdgeSpread - prior.Solve(with) * with;
    }

    private double SizeWithAwaited(EdgeKey key)
    {
        Edge seen = _edges.GetValueOrDefault(key), awaited = _awaited.GetValueOrDefault(key);
        var both = new Edge(seen.Count + awaited.Count, seen.D + awaited.D, 0, seen.S + awaited.S, 0);
        return seen.Count == 0 ? both.Size : Math.Max(seen.Size, both.Size);
    }

    private static double AffinityOf(FeatureSet context, FeatureSet item) =>
        context.Dense.Length == item.Dense.Length && !context.Dense.IsEmpty ? NaiveAffinity.Of(context.Dense.Span, item.Dense.Span) : 0;

    private double SpreadOfEdges()
    {
        double size = 0, squares = 0;
        var deviations = new List<(double Size, double Mean, double Affinity)>();
        foreach (var item in _items)
        {
            var sizes = item.Sum(k => _edges[k].Size);
            var mean = item.Sum(k => _edges[k].Size * Centred(k).Mean) / sizes;
            var affinity = item.Sum(k => _edges[k].Size * Centred(k).Affinity) / sizes;
            deviations.AddRange(item.Select(k => (_edges[k].Size, Centred(k).Mean - mean, Centred(k).Affinity - affinity)));
            size += sizes;
            squares += item.Sum(k => _edges[k].Size * _edges[k].Size) / sizes;
        }
        var (both, affinities) = Within(static edge => edge.Size);
        var slope = both / (affinities + Imaginary / 16);
        var excess = deviations.Sum(d => d.Size * Math.Pow(d.Mean - slope * d.Affinity, 2)) / Noise - (_edges.Count - _items.Count);
        var held = Imaginary * Math.Max(1, size / Math.Max(1, _edges.Count));
        var spread = (Math.Max(0, excess) + held * Guess) / (size - squares + held);
        return Math.Pow(2, Math.Round(4 * Math.Log2(spread)) / 4);
    }

    /// <summary>How rewards and affinities of edges vary together, and affinities alone, around the averages of their items.</summary>
    private (double Both, double Affinities) Within(Func<Edge, double> weight)
    {
        double both = 0, affinities = 0;
        foreach (var item in _items)
        {
            double Sum(Func<(double Mean, double Affinity), double> of) => item.Sum(k => weight(_edges[k]) * of(Centred(k)));
            var all = Sum(static _ => 1);
            var (mean, affinity) = (Sum(static e => e.Mean) / all, Sum(static e => e.Affinity) / all);
            both += Sum(e => (e.Mean - mean) * (e.Affinity - affinity));
            affinities += Sum(e => Math.Pow(e.Affinity - affinity, 2));
        }
        return (both, affinities);
    }

    private (double Level, double Slope, double ItemSpread) Fit()
    {
        var averages = _items.Select(item =>
        {
            double Certainty(EdgeKey k) => 1 / (1 / _edges[k].Size + EdgeSpread);
            var all = item.Sum(Certainty);
            return (Variance: 1 / all, Mean: item.Sum(k => Certainty(k) * Centred(k).Mean) / all, Affinity: item.Sum(k => Certainty(k) * Centred(k).Affinity) / all);
        }).ToArray();
        var within = Within(edge => 1 / (1 / edge.Size + EdgeSpread));
        var fits = new List<(double Spread, double Level, double Slope, double Log)>();
        foreach (var spread in CatalogueSums.Spreads)
        {
            var weights = averages.Select(a => 1 / (spread + a.Variance)).ToArray();
            double Sum(Func<(double Variance, double Mean, double Affinity), double> f) => averages.Zip(weights, (a, w) => w * f(a)).Sum();
            var weight = weights.Sum();
            var (mean, affinity) = weight > 0 ? (Sum(static a => a.Mean) / weight, Sum(static a => a.Affinity) / weight) : (0, 0);
            var squares = Sum(a => Math.Pow(a.Affinity - affinity, 2));
            var variance = (squares + Imaginary / 16) / (weight + Imaginary);
            // The guess: affinities explain as much variance as the guess at the spread of items.
            var guess = Math.Sqrt(Guess * Noise / variance);
            var slope = (Sum(a => (a.Mean - mean) * (a.Affinity - affinity)) + within.Both + SlopeRewards * variance * guess)
                / (squares + within.Affinities + SlopeRewards * variance);
            var level = Sum(a => a.Mean - slope * a.Affinity) / (weight + Imaginary);
            var likelihood = averages.Zip(weights, (a, w) => (Math.Log(w) - w * Math.Pow(a.Mean - level - slope * a.Affinity, 2) / Noise) / 2).Sum();
            fits.Add((spread, level, slope, likelihood - Math.Pow(Math.Log(spread / Guess) / 2.08, 2) / 2));
        }
        var best = fits.Max(static f => f.Log);
        var total = fits.Sum(f => Math.Exp(f.Log - best));
        double Average(Func<(double Spread, double Level, double Slope, double Log), double> of) => fits.Sum(f => Math.Exp(f.Log - best) * of(f)) / total;
        return (Average(static f => f.Level), Average(static f => f.Slope), Math.Exp(Average(static f => Math.Log(f.Spread))));
    }

    private (double Mean, double Affinity) Centred(EdgeKey key)
    {
        var (edge, centre) = (_edges[key], Centre(key.Cluster));
        return (edge.Mean - centre.Mean, edge.Affinity - centre.Affinity);
    }

    private static double Round(double value, double step) => Math.Round(value / step) * step;

    private readonly record struct Edge(long Count, double D, double B, double S, double X)
    {
        public double Size => Math.Min(Count, S * S / D);

        public double Mean => B / S;

        public double Affinity => X / S;
    }
}
