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

    /// <summary>Calibrated, and edges lean on their item and items on the mean of all, as far as the sums say that they are alike (<see cref="EdgePooling"/>).</summary>
    Pooled,
}

/// <summary>The tunables that act when sums are read.</summary>
/// <param name="Estimate">How the edges of an action become one estimate.</param>
/// <param name="PriorWeight">d0: interactions of weight 1 that the prior of an edge counts for, above 0.</param>
/// <param name="FreshWidth">Width of an action that none of its edges knows anything about, in units of the whole reward range.</param>
public readonly record struct DiagLinUcbPrior(EdgeEstimate Estimate, double PriorWeight, float FreshWidth = DiagLinUcbEstimator.FreshWidth);

/// <summary>
/// Mean and width of an action from the edges that connect it to the user's clusters, Online Matching (arXiv 2307.15893) eq. 7. Equation numbers and
/// deviations are in README.md beside this file. O(user clusters) per candidate, a hash lookup or two each; allocates nothing.
/// </summary>
public sealed class DiagLinUcbEstimator : IRewardEstimator, IEdgeStatistics
{
    /// <summary>
    /// Width of an action that none of its edges knows anything about while there is room to learn about it, in units of the whole reward range: an interval
    /// that every possible reward lies in, and so wide that optimism ranks it before anything known. The "infinite confidence bound" of a fresh item, kept
    /// finite so that numbers stay numbers.
    /// </summary>
    public const float FreshWidth = 1000;

    private readonly EdgeIndex _index;
    private readonly EdgeSums[] _sums;
    private readonly Lazy<Dictionary<ActionKey, EdgeStatistics>> _statistics;
    private readonly Belief[] _beliefs;
    private readonly ItemIndex? _items;
    private readonly Belief[] _itemBeliefs = [];
    private readonly Belief _unknown;
    private readonly bool _calibrated;
    private readonly float _freshWidth;

    /// <summary>Reads sums with a prior.</summary>
    /// <param name="table">The sums of all partitions.</param>
    /// <param name="prior">How to read them.</param>
    /// <param name="previous">The estimator that this one replaces, whose index is shared when the edges are the same; or null.</param>
    public DiagLinUcbEstimator(EdgeTable table, DiagLinUcbPrior prior, DiagLinUcbEstimator? previous)
    {
        ArgumentNullException.ThrowIfNull(table);
        var same = previous is not null && previous._index.Keys.Span.SequenceEqual(table.Keys) ? previous : null;
        _index = same?._index ?? new EdgeIndex(table.Keys);
        _sums = table.Sums;
        _statistics = new(PerItem);
        _calibrated = prior.Estimate != EdgeEstimate.Diagonal;
        _freshWidth = prior.FreshWidth;
        (MeanReward, NoiseScale) = Overall(table.Sums);
        var d0 = prior.PriorWeight;
        _unknown = new Belief(_calibrated ? (float)MeanReward : 0, (float)(1 / d0));
        _beliefs = new Belief[table.Sums.Length];
        if (prior.Estimate == EdgeEstimate.Pooled)
        {
            _items = same?._items ?? new ItemIndex(table.Keys);
            _itemBeliefs = new Belief[_items.Count];
            EdgePooling.Pool(table.Sums, _items, MeanReward, NoiseScale * NoiseScale, d0, _beliefs, _itemBeliefs);
            return;
        }
        for (var i = 0; i < _beliefs.Length; i++)
        {
            var d = table.Sums[i].Precision / EdgeSums.Scale;
            var b = table.Sums[i].Reward / EdgeSums.Scale;
            var s = table.Sums[i].Weight / EdgeSums.Scale;
            _beliefs[i] = _calibrated
                ? new Belief((float)((b + d0 * MeanReward) / (s + d0)), (float)(1 / (table.Sums[i].EffectiveCount + d0)))
                : new Belief((float)(b / (d + d0)), (float)(1 / (d + d0)));
        }
    }

    /// <inheritdoc/>
    public bool HasWidths => true;

    /// <summary>Weighted mean of all rewards, normalised; shrunk towards 1/2 while there are few.</summary>
    public double MeanReward { get; }

    /// <summary>Standard deviation √(p(1 − p)) of a reward in [0, 1] with mean p, the largest it can have: the unit of the widths.</summary>
    public double NoiseScale { get; }

    /// <summary>Edges with statistics.</summary>
    public int Edges => _beliefs.Length;

    /// <summary>Whether the hash index is the same object as another estimator's.</summary>
    public bool SharesIndexWith(DiagLinUcbEstimator other) => ReferenceEquals(_index, other?._index);

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var clusters = query.Clusters[..Math.Min(query.Clusters.Length, DecisionQuery.ClustersMax)];
        var all = DecisionQuery.AllClusters(clusters.Length);
        for (var j = 0; j < query.Candidates.Length; j++)
        {
            ref readonly var candidate = ref query.Candidates[j];
            double mean = 0, variance = 0, weights = 0;
            var known = false;
            for (var edges = candidate.ClusterMask & all; edges != 0; edges &= edges - 1)
            {
                var (cluster, weight) = clusters[BitOperations.TrailingZeroCount(edges)];
                known |= TryFind(new EdgeKey(cluster, candidate.Key), out var belief);
                double w = weight;
                mean += w * belief.Mean;
                variance += w * w * belief.Variance;
                weights += w;
            }
            if (_calibrated && weights > 0)
            {
                mean /= weights;
                variance /= weights * weights;
            }
            means[j] = known ? (float)mean : _unknown.Mean;
            widths[j] = known ? (float)(NoiseScale * Math.Sqrt(variance)) : _freshWidth;
        }
    }

    /// <inheritdoc/>
    public bool TryRead(int cluster, ActionKey action, out EdgeStatistics statistics)
    {
        var at = _index.Find(new EdgeKey(cluster, action));
        statistics = at < 0 ? default : new EdgeStatistics(_sums[at].Count, _beliefs[at].Mean, (float)(NoiseScale * Math.Sqrt(_beliefs[at].Variance)));
        return at >= 0;
    }

    /// <inheritdoc/>
    public bool TryRead(ActionKey action, out EdgeStatistics statistics) => _statistics.Value.TryGetValue(action, out statistics);

    /// <summary>Averages of the beliefs about the edges of every item, weighted by what each edge has seen.</summary>
    private Dictionary<ActionKey, EdgeStatistics> PerItem()
    {
        var keys = _index.Keys.Span;
        var items = new Dictionary<ActionKey, (long Most, double Weight, double Seen, double Mean, double Variance)>();
        for (var e = 0; e < _sums.Length; e++)
        {
            var item = items.GetValueOrDefault(keys[e].Action);
            var seen = _sums[e].EffectiveCount;
            items[keys[e].Action] = (
                Math.Max(item.Most, _sums[e].Count), item.Weight + _sums[e].Weight / EdgeSums.Scale, item.Seen + seen,
                item.Mean + seen * _beliefs[e].Mean, item.Variance + seen * seen * _beliefs[e].Variance);
        }
        return items.ToDictionary(static pair => pair.Key, pair => new EdgeStatistics(
            Math.Max(pair.Value.Most, (long)pair.Value.Weight),
            pair.Value.Seen > 0 ? (float)(pair.Value.Mean / pair.Value.Seen) : _unknown.Mean,
            (float)(NoiseScale * Math.Sqrt(pair.Value.Seen > 0 ? pair.Value.Variance / (pair.Value.Seen * pair.Value.Seen) : _unknown.Variance))));
    }

    private bool TryFind(EdgeKey edge, out Belief belief)
    {
        var position = _index.Find(edge);
        var item = position < 0 && _items is not null ? _items.Find(edge.Action) : -1;
        belief = position >= 0 ? _beliefs[position] : item >= 0 ? _itemBeliefs[item] : _unknown;
        return position >= 0 || item >= 0;
    }

    private static (double Mean, double Noise) Overall(EdgeSums[] sums)
    {
        // Ten imaginary interactions with mean 1/2 keep the scale of the widths near its largest possible value until rewards say otherwise.
        const double Imaginary = 10;
        Int128 reward = 0, weight = 0;
        foreach (var sum in sums)
        {
            reward += sum.Reward;
            weight += sum.Weight;
        }
        var mean = ((double)reward / EdgeSums.Scale + Imaginary / 2) / ((double)weight / EdgeSums.Scale + Imaginary);
        return (mean, Math.Sqrt(mean * (1 - mean)));
    }
}
