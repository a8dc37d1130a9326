namespace Recsys.Bandits.Exploration;

/// <summary>The best action with probability 1 − ε, all alike with ε. Ties share.</summary>
/// <param name="Epsilon">In [0, 1].</param>
public readonly record struct EpsilonGreedyExplorer(float Epsilon) : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => false;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
        Greedy.Mix(means, widths, 0, Epsilon, propensities);
}

/// <summary>The largest mean + α · width, mixed with a small uniform floor so that every logged propensity is positive.</summary>
/// <param name="Alpha">α, at least 0: how many widths of optimism.</param>
/// <param name="Floor">Probability given to all actions alike, in [0, 1].</param>
public readonly record struct OptimisticExplorer(float Alpha, float Floor) : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => true;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
        Greedy.Mix(means, widths, Alpha, Floor, propensities);
}

/// <summary>
/// Inverse gap weighting (Abe and Long 1999; SquareCB, Foster and Rakhlin 2020, arXiv 2002.04926, Algorithm 1): p(a) = 1 / (K + γ · gap(a)) for all but the
/// best, which gets the rest.
/// </summary>
/// <param name="Gamma">γ, at least 0; larger is greedier.</param>
public readonly record struct SquareCbExplorer(float Gamma) : IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => false;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var best = float.NegativeInfinity;
        foreach (var mean in means)
            best = Math.Max(best, mean);
        var ties = 0;
        double others = 0;
        for (var i = 0; i < means.Length; i++)
        {
            if (means[i] == best)
            {
                ties++;
                continue;
            }
            propensities[i] = 1f / (means.Length + Gamma * (best - means[i]));
            others += propensities[i];
        }
        var share = (float)((1 - others) / ties);
        for (var i = 0; i < means.Length; i++)
        {
            if (means[i] == best)
                propensities[i] = share;
        }
    }
}

/// <summary>Any explorer with a floor m under every probability: p′ = (1 − K·m)·p + m; uniform where K·m ≥ 1.</summary>
/// <param name="Inner">The explorer.</param>
/// <param name="Minimum">m, in [0, 1]; 0 changes nothing.</param>
/// <typeparam name="T">The explorer's type.</typeparam>
public readonly record struct FlooredExplorer<T>(T Inner, float Minimum) : IExplorer where T : struct, IExplorer
{
    /// <inheritdoc/>
    public bool NeedsWidths => Inner.NeedsWidths;

    /// <inheritdoc/>
    public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities)
    {
        var rest = 1 - means.Length * Minimum;
        if (rest <= 0)
        {
            default(UniformExplorer).Distribute(means, widths, propensities);
            return;
        }
        Inner.Distribute(means, widths, propensities);
        for (var i = 0; i < means.Length && Minimum > 0; i++)
            propensities[i] = rest * propensities[i] + Minimum;
    }
}

/// <summary>γ of SquareCB as a function of the interactions learned: γ = scale · n^exponent (arXiv 2002.04926, Theorem 2 has exponent 1/2).</summary>
public static class GammaSchedule
{
    /// <summary>γ after n interactions; n below 1 counts as 1.</summary>
    public static float At(long n, double scale, double exponent) => (float)(scale * Math.Pow(Math.Max(1, n), exponent));
}

internal static class Greedy
{
    public static void Mix(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, float alpha, float uniform, Span<float> propensities)
    {
        var best = float.NegativeInfinity;
        for (var i = 0; i < means.Length; i++)
            best = Math.Max(best, propensities[i] = alpha == 0 ? means[i] : means[i] + alpha * widths[i]);
        var ties = 0;
        for (var i = 0; i < means.Length; i++)
        {
            if (propensities[i] == best)
                ties++;
        }
        var share = (1 - uniform) / ties;
        var each = uniform / means.Length;
        for (var i = 0; i < means.Length; i++)
            propensities[i] = propensities[i] == best ? share + each : each;
    }
}
