namespace Recsys.Bandits.Exploration;

/// <summary>Every action with probability 1/K.</summary>
public readonly struct UniformExplorer : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => false;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
        propensities[..means.Length].Fill(1f / means.Length);
}
