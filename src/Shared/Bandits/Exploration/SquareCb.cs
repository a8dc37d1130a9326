namespace Recsys.Bandits.Exploration;

/// <summary>
/// Inverse gap weighting (SquareCB, Foster and Rakhlin 2020, arXiv 2002.04926, algorithm 1, in rewards instead of losses): p(a) = 1/(K + γ·gap)
/// for every action below the best, the remainder to the best, shared evenly between equals. The best never get less than 1/K each.
/// </summary>
/// <param name="gamma">γ ≥ 0 for gaps in normalised reward; 0 is uniform, infinity greedy.</param>
public readonly struct SquareCb(double gamma) : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => false;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var best = float.NegativeInfinity;
        foreach (var mean in means)
            best = Math.Max(best, mean);
        var ties = means.Count(best);
        double rest = 0;
        for (var i = 0; i < means.Length; i++)
        {
            if (means[i] == best)
                continue;
            var p = 1 / (means.Length + gamma * ((double)best - means[i]));
            propensities[i] = (float)p;
            rest += p;
        }
        for (var i = 0; i < means.Length; i++)
        {
            if (means[i] == best)
                propensities[i] = (float)((1 - rest) / ties);
        }
    }
}
