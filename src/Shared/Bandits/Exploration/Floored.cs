namespace Recsys.Bandits.Exploration;

/// <summary>
/// Puts a floor under every propensity: p' = (1 − K·m)·p + m, uniform where K·m exceeds 1. With m = 0 it changes nothing.
/// </summary>
/// <typeparam name="TExplorer">The rule underneath.</typeparam>
/// <param name="inner">The rule underneath.</param>
/// <param name="minimumPropensity">m, 0 to 1.</param>
public readonly struct Floored<TExplorer>(TExplorer inner, double minimumPropensity) : IExplorer
    where TExplorer : struct, IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => inner.NeedsWidths;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var left = 1 - means.Length * minimumPropensity;
        if (left <= 0)
        {
            default(UniformExplorer).Distribute(means, widths, propensities);
            return;
        }
        inner.Distribute(means, widths, propensities);
        if (minimumPropensity == 0)
            return;
        for (var i = 0; i < means.Length; i++)
            propensities[i] = (float)(left * propensities[i] + minimumPropensity);
    }
}
