namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// What is expected of an edge before it is looked at: reward = what the user's clusters give anyway + level + slope·affinity + (what the item is worth to everybody) + (what it is worth to
/// this cluster) + noise. Level, slope and how far items, and edges of an item, lie apart are estimated from the sums, so nothing has to be tuned: where clusters agree, an item seen in one cluster is known in
/// all of them; where they differ, every edge stands for itself; where affinity says nothing, its slope is 0.
/// </summary>
/// <remarks>
/// Not in the paper, whose edges know nothing of each other and take from the two-tower model only which edges exist. Means and variances are those of a normal model with two
/// nested random effects given its variances (best linear unbiased prediction, Henderson 1975), on rewards and affinities counted from those of the cluster (<see cref="Centring"/>).
/// Level, slope and the spread of items are means over a grid of spreads weighted by likelihood and prior: likelihood, unlike moments, does not mind that items were dropped or kept because
/// of what they had earned. The spread of edges comes from moments (DerSimonian and Laird 1986).
/// </remarks>
/// <param name="Level">What an item is expected to earn at average affinity, beside what its users give on average.</param>
/// <param name="Slope">What affinity is worth.</param>
/// <param name="Noise">σ²: variance of one reward.</param>
/// <param name="EdgeSpread">ρ: variance between the edges of an item, in units of σ²; on a grid of quarter powers of two, so that what depends on it changes seldom.</param>
/// <param name="ItemSpread">Variance between items beyond their affinity, in units of σ².</param>
public readonly record struct PooledModel(double Level, double Slope, double Noise, double EdgeSpread, double ItemSpread)
{
    /// <summary>A guess counts like so many edges of average size, or like so many rewards.</summary>
    private const double Imaginary = 10;

    /// <summary>The guess at how far items, and edges of an item, lie apart: a quarter of the standard deviation of one reward.</summary>
    private const double Guess = 1.0 / 16;

    /// <summary>How far the guess at the spread of items may be off, as the standard deviation of its natural logarithm: a factor of eight.</summary>
    private const double GuessSpread = 2.08;

    /// <summary>The guess at the variance of affinities.</summary>
    private const double AffinityGuess = 1.0 / 16;

    /// <summary>
    /// The guess that affinities explain as much as items differ by beyond them, retrieval being made for that, counts like so many rewards: it may be off by half.
    /// </summary>
    private const double SlopeRewards = 4 / Guess;

    private const double SpreadMin = 1.0 / (1 << 20), SpreadMax = 1 << 10;

    /// <summary>Estimates the model.</summary>
    /// <param name="sums">What all items say together.</param>
    /// <param name="noise">σ².</param>
    /// <param name="edgeSpread">From <see cref="EdgeSpreadOf"/>; the one with which the sums were made.</param>
    internal static PooledModel Of(CatalogueSums sums, double noise, double edgeSpread)
    {
        Span<double> logs = stackalloc double[CatalogueSums.Spreads.Length], levels = stackalloc double[logs.Length], slopes = stackalloc double[logs.Length];
        var best = double.NegativeInfinity;
        for (var k = 0; k < logs.Length; k++)
        {
            (levels[k], slopes[k], logs[k]) = Fit(sums.BySpread[k], sums.Within, noise);
            var off = Math.Log(CatalogueSums.Spreads[k] / Guess) / GuessSpread;
            logs[k] -= off * off / 2;
            best = Math.Max(best, logs[k]);
        }
        double total = 0, level = 0, slope = 0, spread = 0;
        for (var k = 0; k < logs.Length; k++)
        {
            var share = Math.Exp(logs[k] - best);
            total += share;
            level += share * levels[k];
            slope += share * slopes[k];
            spread += share * Math.Log(CatalogueSums.Spreads[k]);
        }
        return new PooledModel(level / total, slope / total, noise, edgeSpread, Math.Exp(spread / total));
    }

    /// <summary>Level and slope by generalised least squares if items lie so far apart, and the logarithm of how likely that makes their averages.</summary>
    private static (double Level, double Slope, double Likelihood) Fit(in SpreadSums sums, in WithinSums within, double noise)
    {
        double w = ItemSums.Of(sums.Weight), m = ItemSums.Of(sums.Mean), x = ItemSums.Of(sums.Affinity);
        var spread = w > 0 ? ItemSums.Of(sums.AffinityAffinity) - x * x / w : 0;
        var together = w > 0 ? ItemSums.Of(sums.MeanAffinity) - m * x / w : 0;
        var variance = (spread + Imaginary * AffinityGuess) / (w + Imaginary);
        // What the edges of an item say counts as well: the same item, met with other affinities.
        var slope = (together + ItemSums.Of(within.LeaningBoth) + SlopeRewards * Math.Sqrt(Guess * noise * variance))
            / (spread + ItemSums.Of(within.LeaningAffinities) + SlopeRewards * variance);
        var level = (m - slope * x) / (w + Imaginary);
        var squares = ItemSums.Of(sums.MeanMean) - 2 * slope * ItemSums.Of(sums.MeanAffinity) + slope * slope * ItemSums.Of(sums.AffinityAffinity)
            - 2 * level * (m - slope * x) + level * level * w;
        return (level, slope, (ItemSums.Of(sums.LogWeight) - squares / noise) / 2);
    }

    /// <summary>How far the edges of an item lie apart, in units of σ²: what their averages differ by beyond affinity and noise.</summary>
    internal static double EdgeSpreadOf(in WithinSums sums, double noise)
    {
        // A slope of its own: that of the items depends on what is being found here.
        var slope = ItemSums.Of(sums.Both) / (ItemSums.Of(sums.Affinities) + Imaginary * AffinityGuess);
        var spread = ItemSums.Of(sums.Means) - 2 * slope * ItemSums.Of(sums.Both) + slope * slope * ItemSums.Of(sums.Affinities);
        var size = ItemSums.Of(sums.Size);
        var held = Imaginary * Math.Max(1, size / Math.Max(1, sums.Edges));
        var excess = spread / noise - (sums.Edges - sums.Items);
        return OnGrid((Math.Max(0, excess) + held * Guess) / (Math.Max(0, size - ItemSums.Of(sums.SquaresPerSize)) + held));
    }

    private static double OnGrid(double spread) => Math.Pow(2, Math.Round(4 * Math.Log2(Math.Clamp(spread, SpreadMin, SpreadMax))) / 4);

    /// <summary>What an item is worth beyond level and affinity, and the variance of that in units of σ².</summary>
    /// <param name="item">What its edges say.</param>
    /// <param name="awaited">What <see cref="ItemEvidence.Leaning"/> will grow by: the variance is that of then, the mean that of now.</param>
    internal Belief Item(in ItemEvidence item, double awaited = 0)
    {
        var precision = item.Leaning + 1 / ItemSpread;
        var residual = item.Mean - Level * item.Leaning - Slope * item.Affinity;
        return new Belief((float)(residual / precision), (float)(1 / (precision + awaited)));
    }

    /// <summary>What an edge is worth beyond level and affinity: between its own average and its item, whose uncertainty it shares as far as it leans on it.</summary>
    /// <param name="item">From <see cref="Item"/>.</param>
    /// <param name="edge">What the edge has seen.</param>
    /// <param name="awaited">Impressions whose reward is awaited: the variance is that of an edge that has learned them too.</param>
    internal Belief Edge(in Belief item, in EdgeView edge, in PendingSums awaited = default)
    {
        double size = edge.Size, firm = edge.SizeWith(awaited), lean = 1 / EdgeSpread;
        var mean = (double)item.Mean;
        if (size > 0)
        {
            var own = (edge.Reward - Slope * edge.Affinity) / edge.Weight - Level;
            mean = own + lean / (size + lean) * (item.Mean - own);
        }
        var share = lean / (firm + lean);
        return new Belief((float)mean, (float)(firm > 0 ? 1 / (firm + lean) + share * share * item.Variance : item.Variance + EdgeSpread));
    }
}
