using System.Buffers;

namespace Recsys.Bandits.Exploration;

/// <summary>
/// Gives the rule underneath mean + α·width for the mean, so that inverse gap weighting also spreads over what is uncertain: an action of which little
/// is known is close to the best, or is the best, until it is known. Our deviation; with α = 0 the rule underneath is that of its paper.
/// </summary>
/// <remarks>
/// Inverse gap weighting's regret bound holds for any estimates and charges their error on the actions played: the sum is admissible as an
/// estimate as long as α·width shrinks like that error. Sums are not clipped, since those above 1 must stay in an order. Under <see cref="FastCb"/> the
/// best sum is also taken for the best reward: wide widths make it look nearly lossless, and the rule nearly greedy for that sum.
/// Allocates nothing.
/// </remarks>
/// <typeparam name="TExplorer">The rule underneath. It gets the widths too.</typeparam>
/// <param name="inner">The rule underneath.</param>
/// <param name="alpha">Widths added to the mean, at least 0.</param>
public readonly struct OptimisticMeans<TExplorer>(TExplorer inner, double alpha) : IExplorer
    where TExplorer : struct, IExplorer
{
    private const int StackCandidates = 128;

    /// <summary>Whether α is above 0, or the rule underneath needs them.</summary>
    public bool NeedsWidths => alpha > 0 || inner.NeedsWidths;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        if (alpha == 0)
        {
            inner.Distribute(means, widths, propensities);
            return;
        }
        var count = means.Length;
        float[]? rented = null;
        var sums = (count <= StackCandidates ? stackalloc float[StackCandidates] : (rented = ArrayPool<float>.Shared.Rent(count)))[..count];
        for (var i = 0; i < count; i++)
            sums[i] = (float)(means[i] + alpha * widths[i]);
        inner.Distribute(sums, widths, propensities);
        if (rented is not null)
            ArrayPool<float>.Shared.Return(rented);
    }
}
