namespace Recsys.Bandits.Exploration;

/// <summary>
/// How greedy inverse gap weighting becomes with experience: γ = scale · n^exponent. The square root is the rate of the regret bound (arXiv
/// 2002.04926, theorem 1, γ ∝ √(KT/regret of the oracle)); scale 10 and exponent 0.5 are the defaults of Vowpal Wabbit.
/// </summary>
public static class GammaSchedule
{
    /// <summary>γ after <paramref name="interactions"/> interactions; the first counts as 1.</summary>
    /// <param name="scale">At least 0.</param>
    /// <param name="exponent">0 for a constant, 0.5 for the theory's rate.</param>
    /// <param name="interactions">Interactions learned, at least 0.</param>
    public static double At(double scale, double exponent, long interactions) => scale * Math.Pow(Math.Max(1, interactions), exponent);
}
