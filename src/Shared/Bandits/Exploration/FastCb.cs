using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Exploration;

/// <summary>
/// First-order inverse gap weighting (FastCB, Foster and Krishnamurthy 2021, arXiv 2107.02237, algorithm 1): with losses ŷ = 1 − mean and b the best
/// action, p(a) = ŷ_b/(K·ŷ_b + γ·(ŷ_a − ŷ_b)) for every action below the best, the remainder to the best, shared evenly between equals. That is
/// <see cref="SquareCb"/> with γ/ŷ_b for γ: where the best action hardly ever fails there is little to find, and it explores less; never more than
/// <see cref="SquareCb"/> of the same γ.
/// </summary>
/// <remarks>
/// Not symmetric between losses and rewards: where rewards are rare, ŷ_b is near 1 and the rule is nearly that of <see cref="SquareCb"/>. Deviation: only
/// ŷ_b is clipped, to [<see cref="StableMath.LeastLoss"/>, 1], which also takes care of 0/0 for several perfect actions; gaps are differences of the
/// estimates as they are, so that two estimates above 1 are still in an order.
/// </remarks>
/// <param name="gamma">γ ≥ 0 for gaps in normalised reward; 0 is uniform, infinity greedy.</param>
public readonly struct FastCb(double gamma) : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => false;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var best = float.NegativeInfinity;
        foreach (var mean in means)
            best = Math.Max(best, mean);
        new SquareCb(gamma / StableMath.Loss(best)).Distribute(means, widths, propensities);
    }
}
