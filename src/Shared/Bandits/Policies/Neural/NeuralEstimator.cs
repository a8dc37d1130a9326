using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// The frozen networks of all partitions as one model: their mean, each weighted by what it has learned from. Weights of different networks cannot be averaged,
/// predictions can, and the mean of several is better than each of them. Precisions add, as they do for independent evidence.
/// </summary>
public sealed class NeuralEstimator : IRewardEstimator
{
    private const int StackCandidates = 256;
    private readonly IFrozenPartition[] _partitions;
    private readonly double[] _shares;

    internal NeuralEstimator(IReadOnlyList<IFrozenPartition> partitions, bool hasWidths)
    {
        HasWidths = hasWidths;
        _partitions = [.. partitions.Where(static partition => partition.Interactions > 0)];
        var total = _partitions.Sum(static partition => (double)partition.Interactions);
        _shares = [.. _partitions.Select(partition => partition.Interactions / total)];
    }

    /// <inheritdoc/>
    public bool HasWidths { get; }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        var count = query.Candidates.Length;
        means = means[..count];
        widths = widths[..count];
        if (_partitions.Length == 0)
        {
            means.Fill(0.5f);
            widths.Fill(HasWidths ? 1 : 0);
            return;
        }
        if (_partitions.Length == 1)
        {
            _partitions[0].Estimate(query, means, widths);
            foreach (ref var width in widths)
                width = StableMath.Root(width);
            return;
        }
        float[]? rented = null;
        var scratch = count <= StackCandidates ? stackalloc float[2 * StackCandidates] : (rented = ArrayPool<float>.Shared.Rent(2 * count));
        var mean = scratch[..count];
        var variance = scratch.Slice(count, count);
        means.Clear();
        widths.Clear();
        for (var p = 0; p < _partitions.Length; p++)
        {
            _partitions[p].Estimate(query, mean, variance);
            for (var k = 0; k < count; k++)
            {
                means[k] += (float)(_shares[p] * mean[k]);
                widths[k] += HasWidths ? 1 / Math.Max(variance[k], float.Epsilon) : 0;
            }
        }
        if (HasWidths)
        {
            foreach (ref var width in widths)
                width = StableMath.Root(1 / width);
        }
        if (rented is not null)
            ArrayPool<float>.Shared.Return(rented);
    }
}
