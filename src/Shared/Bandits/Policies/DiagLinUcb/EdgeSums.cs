namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// What one edge has seen, as sums over interactions in fixed point: integers add in any order to the same bits, on any processor. The prior is not in
/// here, it is added when the sums are read; a prior inside would be counted once per shard.
/// </summary>
/// <param name="Count">n: interactions.</param>
/// <param name="Precision">d = Σ g·w² (Online Matching eq. 8 without its prior), in units of 1 / <see cref="Scale"/>; g is the growth of <see cref="Forgetting"/>.</param>
/// <param name="Reward">b = Σ g·w·r (eq. 9), reward in [0, 1], in units of 1 / <see cref="Scale"/>.</param>
/// <param name="Weight">s = Σ g·w, in units of 1 / <see cref="Scale"/>; what the calibrated estimator divides by.</param>
/// <param name="Affinity">Σ g·w·x with the affinity x of user and item, in units of 1 / <see cref="AffinityScale"/>.</param>
public readonly record struct EdgeSums(long Count, long Precision, long Reward, long Weight, long Affinity)
{
    /// <summary>
    /// Units of fixed point. 2²⁴ resolves the square of the smallest weight a graph hands out (0.01) to 0.03 %, and leaves 2³⁹ − 1 interactions per edge before an
    /// integer could overflow: 17 years at a thousand a second. With forgetting an interaction counts up to 256 times: four months of a thousand a second on one edge
    /// within one period, and then loudly, by a snapshot that verification refuses.
    /// </summary>
    public const double Scale = 1 << 24;

    /// <summary>Units of affinities, coarser because they reach <see cref="DiagLinUcb.Affinity.Most"/>.</summary>
    public const double AffinityScale = 1 << 21;

    /// <summary>Most interactions of one edge.</summary>
    public const long CountMax = (1L << 39) - 1;

    /// <summary>Smallest weight that can be learned from: the square of a smaller one is nothing in fixed point.</summary>
    public const float WeightMin = 1f / (1 << 12);

    /// <summary>Whether an interaction can be learned on the edge of a cluster with a weight.</summary>
    public static bool CanLearn(int cluster, float weight) => weight >= WeightMin && weight <= 1 && cluster >= 0;

    /// <summary>What a single interaction adds.</summary>
    /// <param name="weight">w, in [<see cref="WeightMin"/>, 1].</param>
    /// <param name="reward">r, normalised to [0, 1].</param>
    /// <param name="affinity">x, within ±<see cref="DiagLinUcb.Affinity.Most"/>.</param>
    /// <param name="growth">g, in [1, <see cref="Forgetting.GrowthMax"/>).</param>
    public static EdgeSums Of(float weight, double reward, double affinity = 0, double growth = 1)
    {
        double w = weight, g = growth * Scale;
        return new EdgeSums(
            1, (long)Math.Round(g * w * w), (long)Math.Round(g * w * reward), (long)Math.Round(g * w),
            (long)Math.Round(growth * AffinityScale * w * affinity));
    }

    /// <summary>Adds two sums.</summary>
    public static EdgeSums operator +(EdgeSums left, EdgeSums right) => new(
        left.Count + right.Count, left.Precision + right.Precision, left.Reward + right.Reward, left.Weight + right.Weight,
        left.Affinity + right.Affinity);

    /// <summary>
    /// Whether these can be the sums of interactions: 0 ≤ b, d ≤ s ≤ g·n, |x| within its bound, at least one interaction and at most <see cref="CountMax"/>.
    /// </summary>
    public bool IsPossible =>
        Count is > 0 and <= CountMax && Weight >= 0 && Weight >> 24 <= Count * Forgetting.GrowthMax
        && Precision >= 0 && Precision <= Weight && Reward >= 0 && Reward <= Weight
        && Int128.Abs(Affinity) <= (Int128)Weight + Count;
}
