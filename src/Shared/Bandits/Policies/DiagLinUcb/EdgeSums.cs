namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// What one edge has seen, as sums over interactions in fixed point: integers add in any order to the same bits, on any processor. The prior is not in
/// here, it is added when the sums are read; a prior inside would be counted once per shard.
/// </summary>
/// <param name="Count">n: interactions.</param>
/// <param name="Precision">d = Σ w² (Online Matching eq. 8 without its prior), in units of 1 / <see cref="Scale"/>.</param>
/// <param name="Reward">b = Σ w·r (eq. 9), reward in [0, 1], in units of 1 / <see cref="Scale"/>.</param>
/// <param name="Weight">s = Σ w, in units of 1 / <see cref="Scale"/>; what the calibrated estimator divides by.</param>
public readonly record struct EdgeSums(long Count, long Precision, long Reward, long Weight)
{
    /// <summary>
    /// Units of fixed point. 2²⁴ resolves the square of the smallest weight a graph hands out (0.01) to 0.03 %, and leaves 2³⁹ − 1 interactions per edge before an
    /// integer could overflow: 17 years at a thousand a second.
    /// </summary>
    public const double Scale = 1 << 24;

    /// <summary>Most interactions of one edge.</summary>
    public const long CountMax = (1L << 39) - 1;

    /// <summary>What a single interaction adds.</summary>
    /// <param name="weight">w, in (0, 1].</param>
    /// <param name="reward">r, normalised to [0, 1].</param>
    public static EdgeSums Of(float weight, double reward)
    {
        double w = weight;
        return new EdgeSums(1, (long)Math.Round(w * w * Scale), (long)Math.Round(w * reward * Scale), (long)Math.Round(w * Scale));
    }

    /// <summary>
    /// Kish's effective sample size s²/d: n when all weights are equal, less when a few dominate. Never more than n, whatever became of weights whose
    /// squares are below the unit of fixed point; 0 when nothing is left of them.
    /// </summary>
    public double EffectiveCount => Precision > 0 ? Math.Min(Count, (double)Weight / Precision * Weight / Scale) : 0;

    /// <summary>Adds two sums.</summary>
    public static EdgeSums operator +(EdgeSums left, EdgeSums right) => new(
        left.Count + right.Count, left.Precision + right.Precision, left.Reward + right.Reward, left.Weight + right.Weight);

    /// <summary>Whether these can be the sums of interactions: 0 ≤ b, d ≤ s ≤ n, at least one interaction and at most <see cref="CountMax"/>.</summary>
    public bool IsPossible =>
        Count is > 0 and <= CountMax && Weight >= 0 && Weight <= Count << 24
        && Precision >= 0 && Precision <= Weight && Reward >= 0 && Reward <= Weight;
}
