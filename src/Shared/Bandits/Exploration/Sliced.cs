namespace Recsys.Bandits.Exploration;

/// <summary>
/// Slices of the decisions (Online Matching, arXiv 2307.15893): the explore slice is decided by the rule underneath and pays for information, the exploit slice takes the largest
/// mean and spends it, and a small uniform slice gives every action a propensity above 0, so that the log can be evaluated off-policy. Which slice a decision
/// falls into is part of the draw: a propensity counts all of them.
/// </summary>
/// <typeparam name="TExplorer">The rule underneath.</typeparam>
/// <param name="inner">The rule underneath.</param>
/// <param name="explored">Share of the explore slice in what is not uniform, 0 to 1.</param>
/// <param name="uniform">Share of the uniform slice, 0 to 1.</param>
public readonly struct Sliced<TExplorer>(TExplorer inner, double explored, double uniform) : IExplorer
    where TExplorer : struct, IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => inner.NeedsWidths;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        inner.Distribute(means, widths, propensities);
        var best = float.NegativeInfinity;
        var ties = 0;
        foreach (var mean in means)
        {
            ties = mean > best ? 1 : mean == best ? ties + 1 : ties;
            best = Math.Max(best, mean);
        }
        double all = uniform / means.Length, spent = (1 - uniform) * (1 - explored) / ties, paid = (1 - uniform) * explored;
        for (var i = 0; i < means.Length; i++)
            propensities[i] = (float)(all + paid * propensities[i] + (means[i] == best ? spent : 0));
    }
}
