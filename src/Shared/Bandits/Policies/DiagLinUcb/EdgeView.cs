namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>What an edge has seen, as it counts at the time of reading.</summary>
/// <param name="Precision">d = Σ w².</param>
/// <param name="Reward">b = Σ w·r.</param>
/// <param name="Weight">s = Σ w.</param>
/// <param name="Affinity">Σ w·x.</param>
/// <param name="Count">Interactions, those half forgotten counted whole.</param>
internal readonly record struct EdgeView(double Precision, double Reward, double Weight, double Affinity, long Count)
{
    /// <summary>
    /// Kish's effective number of interactions s²/d: n when all weights are equal, less when a few dominate. Never more than n, however the squares of small
    /// weights were rounded; 0 when nothing is left of them.
    /// </summary>
    public double Size => Precision > 0 ? Math.Min(Count, Weight / Precision * Weight) : 0;

    /// <summary>
    /// The size once impressions are learned, never less than without them: one large weight beside many small ones makes Kish's number smaller, and showing an action
    /// must not make it more tempting before anything has come of it.
    /// </summary>
    public double SizeWith(in PendingSums awaited) => awaited.Count == 0 ? Size : Math.Max(Size, (this with
    {
        Precision = Precision + awaited.Precision / EdgeSums.Scale,
        Weight = Weight + awaited.Weight / EdgeSums.Scale,
        Count = Count + awaited.Count,
    }).Size);

    /// <summary>The same with rewards and affinities counted from a centre.</summary>
    public EdgeView Around(in Centre centre) => this with { Reward = Reward - centre.Mean * Weight, Affinity = Affinity - centre.Affinity * Weight };

    /// <summary>Sums of both periods, each multiplied with what is left of it.</summary>
    public static EdgeView Of(in EdgeSums current, double currentFactor, in EdgeSums previous, double previousFactor) => new(
        (currentFactor * current.Precision + previousFactor * previous.Precision) / EdgeSums.Scale,
        (currentFactor * current.Reward + previousFactor * previous.Reward) / EdgeSums.Scale,
        (currentFactor * current.Weight + previousFactor * previous.Weight) / EdgeSums.Scale,
        (currentFactor * current.Affinity + previousFactor * previous.Affinity) / EdgeSums.AffinityScale,
        current.Count + previous.Count);
}
