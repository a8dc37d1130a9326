namespace Recsys.Bandits.Exploration;

/// <summary>
/// Optimism in the face of uncertainty (LinUCB, Li et al. 2010, arXiv 1003.0146, algorithm 1 line 11): the action with the largest
/// mean + α·width, mixed with a small uniform share. The share is our deviation: without it a decision is deterministic, its propensities are 0
/// and 1, and its log cannot be evaluated off-policy.
/// </summary>
/// <param name="alpha">Widths added to the mean, at least 0.</param>
/// <param name="floor">Share of decisions made uniformly, 0 to 1.</param>
public readonly struct Optimistic(double alpha, double floor) : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => true;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var best = double.NegativeInfinity;
        var ties = 0;
        for (var i = 0; i < means.Length; i++)
        {
            var score = Score(means[i], widths[i]);
            ties = score > best ? 1 : score == best ? ties + 1 : ties;
            best = Math.Max(best, score);
        }
        var uniform = floor / means.Length;
        for (var i = 0; i < means.Length; i++)
            propensities[i] = (float)(Score(means[i], widths[i]) == best ? uniform + (1 - floor) / ties : uniform);
    }

    private double Score(float mean, float width) => mean + alpha * width;
}
