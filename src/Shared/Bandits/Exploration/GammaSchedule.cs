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

    /// <summary>
    /// γ for a world that drifts: of n interactions only those within a window count, n_eff = W·(1 − e^(−n/W)), which is n at first and W in the end.
    /// Under drift the oracle's error no longer shrinks, and a γ that kept growing would freeze the choice of an action that has ceased to be the best.
    /// </summary>
    /// <param name="scale">At least 0.</param>
    /// <param name="exponent">0 for a constant, 0.5 for the theory's rate.</param>
    /// <param name="interactions">Interactions learned, at least 0.</param>
    /// <param name="window">W in interactions, at least 0; 0 or infinity for none.</param>
    /// <exception cref="ArgumentOutOfRangeException">The window is negative or not a number.</exception>
    public static double At(double scale, double exponent, long interactions, double window)
    {
        if (!(window >= 0))
            throw new ArgumentOutOfRangeException(nameof(window), window, "A window is at least 0 interactions.");
        return window == 0 || double.IsInfinity(window)
            ? At(scale, exponent, interactions)
            : scale * Math.Pow(Math.Max(1, window * (1 - Math.Exp(-interactions / window))), exponent);
    }
}
