namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// Beliefs about edges that lean on each other: θ of an edge = μ + (what its item is worth to everybody) + (what it is worth to this cluster). How far edges of an item, and
/// items, really lie apart is estimated from the sums themselves, so nothing has to be tuned: where clusters agree, an item seen in one cluster is known
/// in all of them; where they differ, every edge stands for itself.
/// </summary>
/// <remarks>
/// Not in the paper, whose edges know nothing of each other. Means and variances are those of a normal model with two nested random effects given its variances (best linear
/// unbiased prediction, Henderson 1975); the two variances come from the method of moments (DerSimonian and Laird 1986), held near a guess while there is little to
/// estimate them from. O(edges), from the same additive sums as the other estimates.
/// </remarks>
public static class EdgePooling
{
    /// <summary>The guess counts like so many edges or items of average size.</summary>
    private const double Imaginary = 10;

    /// <summary>Computes the beliefs.</summary>
    /// <param name="sums">Of the edges.</param>
    /// <param name="index">Their items.</param>
    /// <param name="mean">μ, mean reward of everything.</param>
    /// <param name="noise">σ², variance of one reward.</param>
    /// <param name="priorWeight">d0: the guess is that edges and items lie σ/√d0 apart.</param>
    /// <param name="edges">Receives one belief per edge.</param>
    /// <param name="items">Receives one belief per item about an edge that it has no statistics of.</param>
    /// <returns>The estimated variances between the edges of an item and between items, in squared reward.</returns>
    public static (double BetweenEdges, double BetweenItems) Pool(
        ReadOnlySpan<EdgeSums> sums, ItemIndex index, double mean, double noise, double priorWeight, Span<Belief> edges, Span<Belief> items)
    {
        var itemOf = index.ItemOf;
        var seen = new Seen[sums.Length];
        var totals = new Totals[index.Count];
        for (var e = 0; e < seen.Length; e++)
        {
            seen[e] = Seen.Of(sums[e]);
            totals[itemOf[e]].Add(seen[e]);
        }
        var betweenEdges = BetweenEdges(seen, itemOf, totals, noise, noise / priorWeight);
        var betweenItems = BetweenItems(totals, mean, noise, betweenEdges, noise / priorWeight);

        // An item: every edge saw μ + item + edge + noise.
        var precision = new double[totals.Length];
        var weighted = new double[totals.Length];
        for (var e = 0; e < seen.Length; e++)
        {
            if (seen[e].Size == 0)
                continue;
            var inverse = 1 / (noise / seen[e].Size + betweenEdges);
            precision[itemOf[e]] += inverse;
            weighted[itemOf[e]] += inverse * (seen[e].Mean - mean);
        }
        for (var j = 0; j < totals.Length; j++)
        {
            precision[j] += 1 / betweenItems;
            weighted[j] = mean + weighted[j] / precision[j];
            items[j] = new Belief((float)weighted[j], (float)((1 / precision[j] + betweenEdges) / noise));
        }
        // An edge: between its own average and its item, whose uncertainty it shares as far as it leans on it.
        var lean = noise / betweenEdges;
        for (var e = 0; e < seen.Length; e++)
        {
            var (size, average) = (seen[e].Size, seen[e].Mean);
            var share = lean / (size + lean);
            edges[e] = new Belief(
                (float)(average + share * (weighted[itemOf[e]] - average)),
                (float)(1 / (size + lean) + share * share / (precision[itemOf[e]] * noise)));
        }
        return (betweenEdges, betweenItems);
    }

    /// <summary>Variance between the edges of an item: what their averages differ by beyond the noise.</summary>
    private static double BetweenEdges(Seen[] seen, ReadOnlySpan<int> itemOf, Totals[] totals, double noise, double guess)
    {
        double spread = 0, size = 0, freedom = seen.Length - totals.Length, units = 0;
        for (var e = 0; e < seen.Length; e++)
        {
            var distance = seen[e].Mean - totals[itemOf[e]].Mean;
            spread += seen[e].Size * distance * distance;
            size += seen[e].Size;
        }
        foreach (var item in totals)
            units += item.Size > 0 ? item.Size - item.Squares / item.Size : 0;
        return Moments(spread - freedom * noise, units, size / Math.Max(1, seen.Length), guess);
    }

    /// <summary>Variance between items: what their averages differ by beyond the noise and the differences of their edges.</summary>
    private static double BetweenItems(Totals[] totals, double mean, double noise, double betweenEdges, double guess)
    {
        double spread = 0, expected = 0, size = 0, squares = 0;
        foreach (var item in totals)
        {
            size += item.Size;
            squares += item.Size * item.Size;
        }
        foreach (var item in totals)
        {
            if (item.Size == 0)
                continue;
            var distance = item.Mean - mean;
            spread += item.Size * distance * distance;
            expected += (1 - item.Size / size) * (noise + betweenEdges * item.Squares / item.Size);
        }
        return Moments(spread - expected, size > 0 ? size - squares / size : 0, size / Math.Max(1, totals.Length), guess);
    }

    private static double Moments(double excess, double units, double average, double guess)
    {
        var held = Imaginary * Math.Max(1, average);
        return (Math.Max(0, excess) + held * guess) / (units + held);
    }

    /// <param name="Size">Kish's effective number of interactions, s²/d.</param>
    /// <param name="Mean">Their weighted average b/s.</param>
    private readonly record struct Seen(double Size, double Mean)
    {
        public static Seen Of(in EdgeSums sums)
        {
            var size = sums.EffectiveCount;
            return size > 0 ? new Seen(size, (double)sums.Reward / sums.Weight) : default;
        }
    }

    private struct Totals
    {
        private double _rewards;

        public double Size { get; private set; }

        public double Squares { get; private set; }

        public readonly double Mean => Size > 0 ? _rewards / Size : 0;

        public void Add(Seen edge)
        {
            Size += edge.Size;
            Squares += edge.Size * edge.Size;
            _rewards += edge.Size * edge.Mean;
        }
    }
}
