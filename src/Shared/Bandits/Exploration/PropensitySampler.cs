namespace Recsys.Bandits.Exploration;

/// <summary>Draws an action from a distribution by inverting its cumulative sum.</summary>
public static class PropensitySampler
{
    /// <summary>
    /// How far a distribution's sum may be from 1, and so a reported propensity from the one that was drawn with, which is p / sum. Rounding every
    /// propensity to float once or twice moves the sum by less than 1e-6.
    /// </summary>
    public const float Tolerance = 1e-5f;

    /// <summary>Draws one index.</summary>
    /// <param name="propensities">Length K ≥ 1: finite, at least 0, adding to 1 within <see cref="Tolerance"/>.</param>
    /// <param name="uniform">In [0, 1).</param>
    /// <returns>An index with positive probability.</returns>
    /// <exception cref="InvalidOperationException">It is not a distribution: the explorer that made it is wrong, and a wrong propensity must not be logged.</exception>
    public static int Draw(ReadOnlySpan<float> propensities, double uniform)
    {
        double sum = 0;
        foreach (var p in propensities)
        {
            if (!(p >= 0) || !float.IsFinite(p))
                throw new InvalidOperationException($"A propensity is {p}; a distribution is finite and never negative.");
            sum += p;
        }
        if (!(Math.Abs(sum - 1) <= Tolerance))
            throw new InvalidOperationException($"Propensities add to {sum}, not 1.");

        var target = uniform * sum;
        double cumulative = 0;
        var last = -1;
        for (var i = 0; i < propensities.Length; i++)
        {
            if (propensities[i] == 0)
                continue;
            last = i;
            cumulative += propensities[i];
            if (target < cumulative)
                return i;
        }
        return last;
    }
}
