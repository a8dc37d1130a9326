namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// What is expected of an edge before it is looked at: reward = level + slope·affinity + (what the item is worth to everybody) + (what it is worth to this cluster) + noise.
/// Level, slope and how far items, and edges of an item, lie apart are estimated from the sums, so nothing has to be tuned: where clusters agree, an item seen in one cluster is known in
/// all of them; where they differ, every edge stands for itself; where affinity says nothing, its slope is 0.
/// </summary>
/// <remarks>
/// Not in the paper, whose edges know nothing of each other and take from the two-tower model only which edges exist. Means and variances are those of a normal model with two
/// nested random effects given its variances (best linear unbiased prediction, Henderson 1975). The variances come from the method of moments (DerSimonian and
/// Laird 1986), held near a guess while there is little to estimate them from; the slope from least squares in which no item weighs more than d0 interactions, so that a few
/// items shown often do not decide it.
/// </remarks>
/// <param name="Level">Expected reward at affinity 0.</param>
/// <param name="Slope">What affinity is worth.</param>
/// <param name="Noise">σ²: variance of one reward.</param>
/// <param name="EdgeSpread">ρ: variance between the edges of an item, in units of σ²; on a grid of quarter powers of two, so that what depends on it changes seldom.</param>
/// <param name="ItemSpread">Variance between items beyond their affinity, in units of σ².</param>
internal readonly record struct PooledModel(double Level, double Slope, double Noise, double EdgeSpread, double ItemSpread)
{
    /// <summary>A guess counts like so many edges or items of average size.</summary>
    private const double Imaginary = 10;

    private const double SpreadMin = 1.0 / (1 << 20), SpreadMax = 1 << 10;

    /// <summary>Estimates the model.</summary>
    /// <param name="sums">What all items say together.</param>
    /// <param name="mean">Mean of all rewards, normalised.</param>
    /// <param name="priorWeight">d0: the guess is that edges and items lie σ/√d0 apart.</param>
    public static PooledModel Of(in CatalogueSums sums, double mean, double priorWeight)
    {
        var noise = mean * (1 - mean);
        var (level, slope) = Regression(sums, mean, priorWeight);
        var edges = BetweenEdges(sums, slope, noise, noise / priorWeight);
        var items = BetweenItems(sums, level, slope, noise, edges, noise / priorWeight);
        return new PooledModel(level, slope, noise, OnGrid(edges / noise), Math.Clamp(items / noise, SpreadMin, SpreadMax));
    }

    /// <summary>What an item is worth beyond level and affinity, and the variance of that in units of σ².</summary>
    public Belief Item(in ItemSums item)
    {
        var precision = ItemSums.Of(item.Leaning) + 1 / ItemSpread;
        var residual = ItemSums.Of(item.LeaningMean) - Level * ItemSums.Of(item.Leaning) - Slope * ItemSums.Of(item.LeaningAffinity);
        return new Belief((float)(residual / precision), (float)(1 / precision));
    }

    /// <summary>What an edge is worth beyond level and affinity: between its own average and its item, whose uncertainty it shares as far as it leans on it.</summary>
    public Belief Edge(in Belief item, in EdgeView edge)
    {
        var size = edge.Size;
        if (!(size > 0))
            return new Belief(item.Mean, (float)(item.Variance + EdgeSpread));
        var own = (edge.Reward - Slope * edge.Affinity) / edge.Weight - Level;
        var lean = 1 / EdgeSpread;
        var share = lean / (size + lean);
        return new Belief((float)(own + share * (item.Mean - own)), (float)(1 / (size + lean) + share * share * item.Variance));
    }

    private static (double Level, double Slope) Regression(in CatalogueSums sums, double mean, double priorWeight)
    {
        double weight = ItemSums.Of(sums.Regression), rewards = ItemSums.Of(sums.RegressionMean), affinities = ItemSums.Of(sums.RegressionAffinity);
        if (!(weight > 0))
            return (mean, 0);
        var held = Imaginary * Math.Min(1, priorWeight);
        var spread = ItemSums.Of(sums.RegressionAffinities) - affinities * affinities / weight;
        var together = ItemSums.Of(sums.RegressionBoth) - affinities * rewards / weight;
        // Affinities that hardly differ say nothing: dividing by next to nothing would only blow up noise.
        var slope = spread > 1e-6 * weight ? together / spread * (weight / (weight + held)) : 0;
        return ((rewards - slope * affinities + held * (mean - slope * affinities / weight)) / (weight + held), slope);
    }

    /// <summary>Variance between the edges of an item: what their averages differ by beyond affinity and noise.</summary>
    private static double BetweenEdges(in CatalogueSums sums, double slope, double noise, double guess)
    {
        var spread = ItemSums.Of(sums.WithinMeans) - 2 * slope * ItemSums.Of(sums.WithinBoth) + slope * slope * ItemSums.Of(sums.WithinAffinities);
        var size = ItemSums.Of(sums.Size);
        return Moments(spread - (sums.Edges - sums.Items) * noise, size - ItemSums.Of(sums.SquaresPerSize), size / Math.Max(1, sums.Edges), guess);
    }

    /// <summary>Variance between items: what their averages differ by beyond affinity, noise and the differences of their edges.</summary>
    private static double BetweenItems(in CatalogueSums sums, double level, double slope, double noise, double betweenEdges, double guess)
    {
        var size = ItemSums.Of(sums.Size);
        if (!(size > 0))
            return guess;
        var spread = ItemSums.Of(sums.BetweenMeans) - 2 * slope * ItemSums.Of(sums.BetweenBoth) + slope * slope * ItemSums.Of(sums.BetweenAffinities)
            - 2 * level * (ItemSums.Of(sums.Mean) - slope * ItemSums.Of(sums.Affinity)) + level * level * size;
        var expected = noise * (sums.Items - 1) + betweenEdges * (ItemSums.Of(sums.SquaresPerSize) - ItemSums.Of(sums.Squares) / size);
        return Moments(spread - expected, size - ItemSums.Of(sums.SizeSquares) / size, size / Math.Max(1, sums.Items), guess);
    }

    private static double Moments(double excess, double units, double average, double guess)
    {
        var held = Imaginary * Math.Max(1, average);
        return (Math.Max(0, excess) + held * guess) / (Math.Max(0, units) + held);
    }

    private static double OnGrid(double spread) => Math.Pow(2, Math.Round(4 * Math.Log2(Math.Clamp(spread, SpreadMin, SpreadMax))) / 4);
}
