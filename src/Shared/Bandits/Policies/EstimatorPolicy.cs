using System.Buffers;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies;

/// <summary>A policy with an estimator of a known type, whatever explores on it.</summary>
/// <typeparam name="TEstimator">Gives means and widths.</typeparam>
public interface IEstimatorPolicy<out TEstimator> : IPolicy
{
    /// <summary>The estimator, from which a successor may share unchanged parts.</summary>
    TEstimator Estimator { get; }
}

/// <summary>
/// A policy that factors into an estimator and an explorer, both working in normalised reward; this class alone changes units. Nearly all kinds
/// factor like this; one that does not implements <see cref="IPolicy"/> itself.
/// </summary>
/// <typeparam name="TEstimator">Gives means and widths.</typeparam>
/// <typeparam name="TExplorer">Turns them into a distribution.</typeparam>
public sealed class EstimatorPolicy<TEstimator, TExplorer> : IEstimatorPolicy<TEstimator>, IEdgeStatistics
    where TEstimator : IRewardEstimator
    where TExplorer : struct, IExplorer
{
    private const int StackCandidates = 128;
    private readonly TExplorer _explorer;
    private readonly RewardRange _reward;

    /// <summary>Pairs the two.</summary>
    /// <param name="descriptor">Who decides.</param>
    /// <param name="estimator">Gives means and widths.</param>
    /// <param name="explorer">Turns them into a distribution.</param>
    /// <param name="reward">The values that rewards can take.</param>
    /// <exception cref="ArgumentException">The explorer needs widths and the estimator has none.</exception>
    public EstimatorPolicy(PolicyDescriptor descriptor, TEstimator estimator, TExplorer explorer, RewardRange reward)
    {
        if (explorer.NeedsWidths && !estimator.HasWidths)
            throw new ArgumentException($"{typeof(TExplorer).Name} needs widths and {typeof(TEstimator).Name} has none.", nameof(explorer));
        Descriptor = descriptor;
        Estimator = estimator;
        _explorer = explorer;
        _reward = reward;
    }

    /// <inheritdoc/>
    public PolicyDescriptor Descriptor { get; }

    /// <inheritdoc/>
    public TEstimator Estimator { get; }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        means = means[..query.Candidates.Length];
        widths = widths[..query.Candidates.Length];
        Estimator.Estimate(query, means, widths);
        for (var i = 0; i < means.Length; i++)
        {
            means[i] = (float)_reward.Denormalize(means[i]);
            widths[i] = (float)_reward.DenormalizeWidth(widths[i]);
        }
    }

    /// <summary>Whether there are statistics per edge: whether the estimator has them.</summary>
    public bool HasEdgeStatistics => Estimator is IEdgeStatistics;

    /// <inheritdoc/>
    public bool TryRead(int cluster, ActionKey action, out EdgeStatistics statistics)
    {
        statistics = default;
        return Estimator is IEdgeStatistics edges && edges.TryRead(cluster, action, out statistics) && Denormalize(ref statistics);
    }

    /// <inheritdoc/>
    public bool TryRead(ActionKey action, out EdgeStatistics statistics)
    {
        statistics = default;
        return Estimator is IEdgeStatistics edges && edges.TryRead(action, out statistics) && Denormalize(ref statistics);
    }

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var count = means.Length;
        float[]? rented = null;
        var scratch = count <= StackCandidates ? stackalloc float[2 * StackCandidates] : (rented = ArrayPool<float>.Shared.Rent(2 * count));
        var range = _reward.Maximum - _reward.Minimum;
        // Not RewardRange.Normalize: it clips, and two estimates above the maximum are still in an order.
        for (var i = 0; i < count; i++)
        {
            scratch[i] = (float)((means[i] - _reward.Minimum) / range);
            scratch[count + i] = (float)(widths[i] / range);
        }
        _explorer.Distribute(scratch[..count], scratch.Slice(count, count), propensities[..count]);
        if (rented is not null)
            ArrayPool<float>.Shared.Return(rented);
    }

    private bool Denormalize(ref EdgeStatistics statistics)
    {
        statistics = statistics with
        {
            Mean = (float)_reward.Denormalize(statistics.Mean),
            Width = (float)_reward.DenormalizeWidth(statistics.Width),
        };
        return true;
    }
}
