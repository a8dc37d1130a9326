namespace Recsys.Bandits.Exploration;

/// <summary>
/// The best action with probability 1 − ε, any action with probability ε/K on top: p(a) = ε/K + (1 − ε)·[a is best]/(number of best).
/// </summary>
/// <param name="epsilon">Share of decisions made uniformly, 0 to 1.</param>
public readonly struct EpsilonGreedy(double epsilon) : IExplorer
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
        var floor = epsilon / means.Length;
        for (var i = 0; i < means.Length; i++)
            propensities[i] = (float)(means[i] == best ? floor + (1 - epsilon) / ties : floor);
    }
}
