using System.Buffers;

namespace Recsys.Bandits.Exploration;

/// <summary>
/// Gives actions about which nothing is known a share of the decisions, no more and no less: a flood of fresh items neither takes all decisions nor waits for ever. Where all actions
/// are of one sort they have everything. Among the known the rule underneath decides; among the unknown Thompson sampling of their prior, whatever the rule: before any feedback
/// arrives it is the only thing that keeps a thousand decisions from falling on one of them.
/// </summary>
/// <typeparam name="TExplorer">The rule underneath.</typeparam>
/// <param name="inner">The rule underneath.</param>
/// <param name="share">Of the unknown, 0 to 1.</param>
/// <param name="mark">What is added to the width of an action to say that nothing is known about it; more than twice any other width.</param>
public readonly struct Rationed<TExplorer>(TExplorer inner, double share, float mark) : IExplorer
    where TExplorer : struct, IExplorer
{
    private const int StackCandidates = 192;

    /// <inheritdoc/>
    public bool NeedsWidths => true;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var count = means.Length;
        var unknown = 0;
        foreach (var width in widths)
            unknown += width >= mark / 2 ? 1 : 0;
        if (unknown == 0)
        {
            inner.Distribute(means, widths, propensities);
            return;
        }
        float[]? rented = null;
        var scratch = count <= StackCandidates ? stackalloc float[3 * StackCandidates] : (rented = ArrayPool<float>.Shared.Rent(3 * count));
        Span<float> mean = scratch[..count], spread = scratch.Slice(count, count), part = scratch.Slice(2 * count, count);
        // The unknown to the front, the known to the back; both in their order.
        int front = 0, back = unknown;
        for (var i = 0; i < count; i++)
        {
            var isUnknown = widths[i] >= mark / 2;
            var at = isUnknown ? front++ : back++;
            mean[at] = means[i];
            spread[at] = isUnknown ? Math.Max(0, widths[i] - mark) : widths[i];
        }
        new Thompson(1, 0).Distribute(mean[..unknown], spread[..unknown], part[..unknown]);
        if (unknown < count)
            inner.Distribute(mean[unknown..], spread[unknown..], part[unknown..]);
        var shared = unknown < count ? share : 1;
        (front, back) = (0, unknown);
        for (var i = 0; i < count; i++)
            propensities[i] = (float)(widths[i] >= mark / 2 ? shared * part[front++] : (1 - shared) * part[back++]);
        if (rented is not null)
            ArrayPool<float>.Shared.Return(rented);
    }
}
