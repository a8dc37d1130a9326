using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// The frozen heads of all partitions as one model: each partition has another trunk, so not their sums but their predictions are combined,
/// as in <see cref="NeuralEstimator"/>.
/// </summary>
public sealed class NeuralLinearEstimator : IRewardEstimator
{
    private readonly NeuralEstimator _combined;
    private readonly Dictionary<int, FrozenEnsemble> _partitions;

    internal NeuralLinearEstimator(IReadOnlyList<(int Partition, FrozenEnsemble Heads)> partitions)
    {
        _partitions = partitions.ToDictionary(static shard => shard.Partition, static shard => shard.Heads);
        _combined = new NeuralEstimator([.. partitions.Select(static shard => shard.Heads)], hasWidths: true);
    }

    /// <inheritdoc/>
    public bool HasWidths => true;

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths) => _combined.Estimate(query, means, widths);

    /// <summary>The heads of a partition, or null.</summary>
    internal FrozenEnsemble? Heads(int partition) => _partitions.GetValueOrDefault(partition);
}
