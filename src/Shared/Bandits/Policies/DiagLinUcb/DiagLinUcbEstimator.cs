using System.Numerics;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>How the edges of an action become one estimate.</summary>
public enum EdgeEstimate
{
    /// <summary>The paper's eq. 7, whose mean overstates rewards by up to 1 / Σ w².</summary>
    Diagonal,

    /// <summary>Shrunken weighted averages with weights renormalised over the connected clusters: the mean is a reward.</summary>
    Calibrated,

    /// <summary>Calibrated; edges lean on their item, and items on what their affinity to the user promises, as far as the sums say that they are alike (<see cref="PooledModel"/>).</summary>
    Pooled,
}

/// <summary>The tunables that act when sums are read.</summary>
/// <param name="Estimate">How the edges of an action become one estimate.</param>
/// <param name="PriorWeight">d0: interactions of weight 1 that the prior of an edge counts for, above 0.</param>
/// <param name="FreshWidth">Added to the width of an action that none of its edges knows anything about, in units of the whole reward range.</param>
public readonly record struct DiagLinUcbPrior(EdgeEstimate Estimate, double PriorWeight, float FreshWidth = DiagLinUcbEstimator.FreshWidth);

/// <summary>
/// Mean and width of an action from the edges that connect it to the user's clusters, Online Matching (arXiv 2307.15893) eq. 7. Equation numbers and
/// deviations are in README.md beside this file. O(user clusters) per candidate, a hash lookup each; allocates nothing.
/// </summary>
public sealed class DiagLinUcbEstimator : IRewardEstimator, IEdgeStatistics
{
    /// <summary>
    /// Added to the width of an action that none of its edges knows anything about while there is room to learn about it, in units of the whole reward range: so wide that
    /// optimism ranks it before anything known. The "infinite confidence bound" of a fresh item, kept finite so that numbers stay numbers; what is beyond
    /// it is the width of the prior. <see cref="Exploration.Rationed{TExplorer}"/> says how often such an action is shown.
    /// </summary>
    public const float FreshWidth = 1000;

    private readonly EdgePicture _picture;
    private readonly DiagLinUcbPrior _prior;

    internal DiagLinUcbEstimator(EdgePicture picture, DiagLinUcbPrior prior) => (_picture, _prior) = (picture, prior);

    /// <inheritdoc/>
    public bool HasWidths => true;

    /// <summary>Weighted mean of all rewards, normalised; shrunk towards 1/2 while there are few.</summary>
    public double MeanReward => _picture.MeanReward;

    /// <summary>Standard deviation √(p(1 − p)) of a reward in [0, 1] with mean p, the largest it can have: the unit of the widths.</summary>
    public double NoiseScale => Math.Sqrt(_picture.MeanReward * (1 - _picture.MeanReward));

    /// <summary>What is expected of an edge before it is looked at; without meaning unless pooled.</summary>
    public PooledModel Model => _picture.Model;

    /// <summary>Edges known.</summary>
    public int Edges => _picture.Edges;

    /// <summary>Edges with impressions whose reward is awaited.</summary>
    public int PendingEdges => _picture.Pending.Edges;

    internal EdgePicture Picture => _picture;

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var clusters = query.Clusters[..Math.Min(query.Clusters.Length, DecisionQuery.ClustersMax)];
        var all = DecisionQuery.AllClusters(clusters.Length);
        var user = query.Context.Dense.Span;
        var pooled = _prior.Estimate == EdgeEstimate.Pooled;
        var norm = pooled ? Affinity.Norm(user) : 0;
        var noise = NoiseScale;
        Span<Centre> centres = stackalloc Centre[pooled ? clusters.Length : 0];
        Centre around = default;
        for (var i = 0; i < centres.Length; i++)
        {
            centres[i] = _picture.CentreOf(clusters[i].Cluster);
            around = new Centre(around.Mean + clusters[i].Weight * centres[i].Mean, around.Affinity + clusters[i].Weight * centres[i].Affinity);
        }
        for (var j = 0; j < query.Candidates.Length; j++)
        {
            ref readonly var candidate = ref query.Candidates[j];
            var edges = candidate.ClusterMask & all;
            var (mean, variance, known) = _prior.Estimate switch
            {
                EdgeEstimate.Diagonal => Diagonal(clusters, edges, candidate.Key),
                EdgeEstimate.Calibrated => Calibrated(clusters, edges, candidate.Key),
                _ => Pooled(clusters, centres, edges, candidate.Key),
            };
            if (pooled)
            {
                var item = candidate.Features.Dense.Span;
                var affinity = norm > 0 && item.Length == user.Length ? Affinity.Of(user, norm, item) : 0;
                mean += around.Mean + _picture.Model.Slope * (affinity - around.Affinity);
            }
            means[j] = (float)mean;
            var width = (float)(noise * Math.Sqrt(variance));
            widths[j] = known ? width : _prior.FreshWidth > 0 ? width + _prior.FreshWidth : 0;
        }
    }

    /// <inheritdoc/>
    public bool TryRead(int cluster, ActionKey action, out EdgeStatistics statistics)
    {
        var edge = _picture.Find(new EdgeKey(cluster, action));
        var (mean, variance) = edge.Count > 0 ? Read(cluster, ItemOf(action), edge) : default;
        statistics = edge.Count > 0 ? new EdgeStatistics(edge.Count, (float)mean, (float)(NoiseScale * Math.Sqrt(variance))) : default;
        return edge.Count > 0;
    }

    /// <inheritdoc/>
    /// <remarks>Averages over the edges of the item, weighted by what each has seen. O(edges of the item).</remarks>
    public bool TryRead(ActionKey action, out EdgeStatistics statistics)
    {
        var number = _picture.FindItem(action);
        long most = 0;
        double weight = 0, seen = 0, mean = 0, variance = 0;
        foreach (var (cluster, edge) in number < 0 ? [] : _picture.EdgesOf(number))
        {
            if (!(edge.Size > 0))
                continue;
            var belief = Read(cluster, ItemOf(action), edge);
            most = Math.Max(most, edge.Count);
            weight += edge.Weight;
            seen += edge.Size;
            mean += edge.Size * belief.Mean;
            variance += edge.Size * edge.Size * belief.Variance;
        }
        statistics = seen > 0
            ? new EdgeStatistics(Math.Max(most, (long)weight), (float)(mean / seen), (float)(NoiseScale * Math.Sqrt(variance) / seen))
            : default;
        return seen > 0;
    }

    private Belief ItemOf(ActionKey action) =>
        _prior.Estimate == EdgeEstimate.Pooled && _picture.FindItem(action) is >= 0 and var number ? _picture.Model.Item(_picture.Item(number)) : default;

    /// <summary>What one edge promises the users it has met.</summary>
    private (double Mean, double Variance) Read(int cluster, in Belief item, in EdgeView edge)
    {
        var d0 = _prior.PriorWeight;
        switch (_prior.Estimate)
        {
            case EdgeEstimate.Diagonal:
                return (edge.Reward / (edge.Precision + d0), 1 / (edge.Precision + d0));
            case EdgeEstimate.Calibrated:
                return ((edge.Reward + d0 * _picture.MeanReward) / (edge.Weight + d0), 1 / (edge.Size + d0));
            default:
                var centre = _picture.CentreOf(cluster);
                var around = edge.Around(centre);
                var belief = _picture.Model.Edge(item, around);
                return (centre.Mean + _picture.Model.Level + _picture.Model.Slope * around.Affinity / edge.Weight + belief.Mean, belief.Variance);
        }
    }

    private (double Mean, double Variance, bool Known) Diagonal(ReadOnlySpan<ClusterWeight> clusters, ulong mask, ActionKey action)
    {
        double mean = 0;
        var known = false;
        var spread = new Spread();
        for (var edges = mask; edges != 0; edges &= edges - 1)
        {
            var (cluster, weight) = clusters[BitOperations.TrailingZeroCount(edges)];
            var key = new EdgeKey(cluster, action);
            var edge = _picture.Find(key);
            var awaited = _picture.Pending.Find(key);
            double w = weight, d = edge.Precision + _prior.PriorWeight;
            known |= edge.Weight > 0;
            mean += w * edge.Reward / d;
            spread.Add(w, w * w / (d + awaited.Precision / EdgeSums.Scale), awaited);
        }
        return (mean, known ? spread.Sum : spread.Unknown(1 / _prior.PriorWeight), known);
    }

    private (double Mean, double Variance, bool Known) Calibrated(ReadOnlySpan<ClusterWeight> clusters, ulong mask, ActionKey action)
    {
        double mean = 0, weights = 0;
        var known = false;
        var spread = new Spread();
        for (var edges = mask; edges != 0; edges &= edges - 1)
        {
            var (cluster, weight) = clusters[BitOperations.TrailingZeroCount(edges)];
            var key = new EdgeKey(cluster, action);
            var edge = _picture.Find(key);
            var awaited = _picture.Pending.Find(key);
            double w = weight;
            known |= edge.Weight > 0;
            mean += w * (edge.Reward + _prior.PriorWeight * _picture.MeanReward) / (edge.Weight + _prior.PriorWeight);
            spread.Add(w, w * w / (edge.SizeWith(awaited) + _prior.PriorWeight), awaited);
            weights += w;
        }
        return known
            ? (mean / weights, spread.Sum / (weights * weights), true)
            : (_picture.MeanReward, spread.Unknown(1 / _prior.PriorWeight), false);
    }

    private (double Mean, double Variance, bool Known) Pooled(
        ReadOnlySpan<ClusterWeight> clusters, ReadOnlySpan<Centre> centres, ulong mask, ActionKey action)
    {
        var model = _picture.Model;
        var number = _picture.FindItem(action);
        var sums = number < 0 ? default : _picture.Item(number);
        var firmed = _picture.Pending.LeaningOf(action);
        var item = model.Item(sums, firmed);
        var known = sums.Leaning > 0;
        if (mask == 0 || !(known || firmed > 0))
            return (model.Level + item.Mean, item.Variance + model.EdgeSpread, known && mask != 0);
        double mean = 0, weights = 0;
        var spread = new Spread();
        for (var edges = mask; edges != 0; edges &= edges - 1)
        {
            var i = BitOperations.TrailingZeroCount(edges);
            var (cluster, weight) = clusters[i];
            var key = new EdgeKey(cluster, action);
            var awaited = _picture.Pending.Find(key);
            var belief = model.Edge(item, _picture.Find(key).Around(centres[i]), awaited);
            double w = weight;
            mean += w * belief.Mean;
            spread.Add(w, w * w * belief.Variance, awaited);
            weights += w;
        }
        if (!known)
            return (model.Level + item.Mean, spread.Average(item.Variance + model.EdgeSpread), false);
        return weights > 0
            ? (model.Level + mean / weights, spread.Sum / (weights * weights), true)
            : (model.Level + item.Mean, item.Variance + model.EdgeSpread, true);
    }

    /// <summary>Variances v of the edges of an action, each counted with the square of its weight.</summary>
    private struct Spread
    {
        private double _squares;
        private bool _awaits;

        /// <summary>Σ w²·v.</summary>
        public double Sum { get; private set; }

        public void Add(double weight, double counted, in PendingSums awaited)
        {
            Sum += counted;
            _squares += weight * weight;
            _awaits |= awaited.Count > 0;
        }

        /// <summary>Σ w²·v / Σ w²: an action without statistics says no more on many edges than on one, and narrows as they await rewards.</summary>
        public readonly double Average(double prior) => _squares > 0 ? Sum / _squares : prior;

        /// <summary>The prior's variance, narrowed where rewards are awaited.</summary>
        public readonly double Unknown(double prior) => _awaits ? Average(prior) : prior;
    }
}
