using System.Numerics;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>
/// Disjoint LinUCB (Li et al. 2010, arXiv 1003.0146, algorithm 1) on the weights w of the user's clusters that have an edge to the item, with the whole
/// design matrix A = d0·I + Σ w·wᵀ per item: what Diag-LinUCB approximates by its diagonal. Mean wᵀA⁻¹b, width σ·√(wᵀA⁻¹w), the σ of
/// <see cref="Bandits.Policies.DiagLinUcb.DiagLinUcbEstimator.NoiseScale"/>, so that the same α means the same.
/// </summary>
/// <remarks>
/// A⁻¹ is kept by Sherman and Morrison's formula over the clusters that the item was shown to, O(n²) an interaction for n of them. A cluster never seen has
/// 1/d0 on the diagonal and nothing beside it.
/// <para>
/// Two departures from the textbook make it a stronger rival, and can be switched off. It shrinks θ towards the mean μ of all rewards and not towards 0, so that an
/// item seen once is not known to be bad: θ = A⁻¹(b + d0·μ·1), which is μ·1 + A⁻¹·(b − μ·c) with c = Σ w·(Σ w). And it scales the weights w of an item's clusters to add up
/// to 1, as the estimates of <c>diag-lin-ucb</c> do, so that an item with fewer edges to the user does not seem worse for it.
/// </para>
/// </remarks>
/// <param name="priorWeight">d0, above 0.</param>
/// <param name="towardsMean">Whether θ shrinks towards the mean of all rewards.</param>
/// <param name="normalized">Whether the weights of an item's clusters are scaled to add up to 1.</param>
public sealed class ExactLinUcb(double priorWeight, bool towardsMean, bool normalized) : ILiveEstimator
{
    private readonly Dictionary<ActionKey, Ridge> _items = [];
    private double _reward = 5, _count = 10;

    /// <inheritdoc/>
    public bool HasWidths => true;

    /// <summary>Key of an item; its clusters, A⁻¹b, A⁻¹c and the upper half of A⁻¹, which is symmetric.</summary>
    public long StateBytes => _items.Values.Sum(static item => sizeof(long) + item.StateBytes);

    /// <inheritdoc/>
    public void Learn(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        if (!_items.TryGetValue(interaction.Action, out var item))
            _items.Add(interaction.Action, item = new Ridge(priorWeight));
        var clusters = interaction.Clusters.Span;
        var scale = Scale(clusters);
        Span<ClusterWeight> weights = stackalloc ClusterWeight[clusters.Length];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = clusters[i] with { Weight = scale * clusters[i].Weight };
        item.Learn(weights, interaction.Reward);
        _reward += interaction.Reward;
        _count++;
    }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var mean = _reward / _count;
        var noise = Math.Sqrt(mean * (1 - mean));
        Span<ClusterWeight> connected = stackalloc ClusterWeight[DecisionQuery.ClustersMax];
        var all = DecisionQuery.AllClusters(query.Clusters.Length);
        for (var j = 0; j < query.Candidates.Length; j++)
        {
            ref readonly var candidate = ref query.Candidates[j];
            var count = 0;
            for (var edges = candidate.ClusterMask & all; edges != 0; edges &= edges - 1)
                connected[count++] = query.Clusters[BitOperations.TrailingZeroCount(edges)];
            var weights = connected[..count];
            var scale = Scale(weights);
            double sum = 0;
            foreach (ref var weight in weights)
                sum += (weight = weight with { Weight = scale * weight.Weight }).Weight;
            var (value, ones, variance) = _items.TryGetValue(candidate.Key, out var item)
                ? item.Estimate(weights)
                : (0, 0, SumOfSquares(weights) / priorWeight);
            means[j] = (float)(towardsMean ? value + mean * (sum - ones) : value);
            widths[j] = (float)(noise * Math.Sqrt(variance));
        }
    }

    private float Scale(ReadOnlySpan<ClusterWeight> weights)
    {
        float sum = 0;
        foreach (var (_, weight) in weights)
            sum += weight;
        return normalized && sum > 0 ? 1 / sum : 1;
    }

    private static double SumOfSquares(ReadOnlySpan<ClusterWeight> weights)
    {
        double sum = 0;
        foreach (var (_, weight) in weights)
            sum += (double)weight * weight;
        return sum;
    }

    /// <summary>Ridge regression of one item: of rewards, and with the same matrix of the sums of the weights, what a reward of 1 throughout would give.</summary>
    private sealed class Ridge(double priorWeight)
    {
        private readonly Dictionary<int, int> _positions = [];
        private double[] _theta = [];
        private double[] _ones = [];
        private double[,] _inverse = new double[0, 0];
        private double[] _product = [];

        public long StateBytes => _theta.LongLength * (sizeof(int) + 2 * sizeof(double)) + sizeof(double) * _theta.LongLength * (_theta.LongLength + 1) / 2;

        public void Learn(ReadOnlySpan<ClusterWeight> weights, double reward)
        {
            Grow(weights);
            Array.Clear(_product);
            double square = 0, predicted = 0, predictedOnes = 0, sum = 0;
            foreach (var (cluster, weight) in weights)
            {
                var column = _positions[cluster];
                for (var row = 0; row < _theta.Length; row++)
                    _product[row] += _inverse[row, column] * weight;
                predicted += weight * _theta[column];
                predictedOnes += weight * _ones[column];
                sum += weight;
            }
            foreach (var (cluster, weight) in weights)
                square += weight * _product[_positions[cluster]];
            for (var row = 0; row < _theta.Length; row++)
            {
                _theta[row] += _product[row] * (reward - predicted) / (1 + square);
                _ones[row] += _product[row] * (sum - predictedOnes) / (1 + square);
                for (var column = 0; column < _theta.Length; column++)
                    _inverse[row, column] -= _product[row] * _product[column] / (1 + square);
            }
        }

        public (double Mean, double Ones, double Variance) Estimate(ReadOnlySpan<ClusterWeight> weights)
        {
            double mean = 0, ones = 0, variance = 0;
            foreach (var (cluster, weight) in weights)
            {
                if (!_positions.TryGetValue(cluster, out var row))
                {
                    variance += (double)weight * weight / priorWeight;
                    continue;
                }
                mean += weight * _theta[row];
                ones += weight * _ones[row];
                foreach (var (other, otherWeight) in weights)
                {
                    if (_positions.TryGetValue(other, out var column))
                        variance += (double)weight * otherWeight * _inverse[row, column];
                }
            }
            return (mean, ones, Math.Max(0, variance));
        }

        private void Grow(ReadOnlySpan<ClusterWeight> weights)
        {
            var before = _positions.Count;
            foreach (var (cluster, _) in weights)
                _positions.TryAdd(cluster, _positions.Count);
            var after = _positions.Count;
            if (after == before)
                return;
            var grown = new double[after, after];
            for (var row = 0; row < after; row++)
            {
                for (var column = 0; column < after; column++)
                    grown[row, column] = row < before && column < before ? _inverse[row, column] : row == column ? 1 / priorWeight : 0;
            }
            _inverse = grown;
            Array.Resize(ref _theta, after);
            Array.Resize(ref _ones, after);
            Array.Resize(ref _product, after);
        }
    }
}
