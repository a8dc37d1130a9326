namespace Recsys.Learner.Graph;

/// <summary>Writes a score for every item, the higher the sooner recommended; negative infinity for one that cannot be.</summary>
/// <param name="user">Index of the user.</param>
/// <param name="scores">One per item.</param>
public delegate void ItemScorer(int user, Span<float> scores);

/// <summary>
/// Recall@N: the share of a user's held-out items among the N best scored that the user had not met before, with min(N, held out) as the whole; the mean over users
/// with held-out items.
/// </summary>
public static class Recall
{
    /// <summary>Measures a scorer; users on all cores, the result does not depend on how many. Equal scores go to the lower index.</summary>
    /// <param name="met">Per user, the items not to be recommended again, ascending.</param>
    /// <param name="heldOut">Per user, the items to be found, ascending.</param>
    /// <param name="items">Number of items.</param>
    /// <param name="at">N, at least 1.</param>
    /// <param name="scorer">Called from several threads.</param>
    /// <returns>0 to 1; 0 where nobody has held-out items.</returns>
    public static double At(int[][] met, int[][] heldOut, int items, int at, ItemScorer scorer)
    {
        ArgumentNullException.ThrowIfNull(met);
        ArgumentNullException.ThrowIfNull(heldOut);
        ArgumentOutOfRangeException.ThrowIfLessThan(at, 1);
        var recalls = new double[heldOut.Length];
        Parallel.For(0, heldOut.Length, () => new float[items], (user, _, scores) =>
        {
            if (heldOut[user].Length == 0)
                return scores;
            scorer(user, scores);
            foreach (var item in met[user])
                scores[item] = float.NegativeInfinity;
            var best = new PriorityQueue<int, (float Score, int Opposite)>();
            for (var item = 0; item < items; item++)
            {
                if (float.IsNegativeInfinity(scores[item]))
                    continue;
                if (best.Count < at)
                    best.Enqueue(item, (scores[item], -item));
                else
                    best.EnqueueDequeue(item, (scores[item], -item));
            }
            var hits = best.UnorderedItems.Count(x => Array.BinarySearch(heldOut[user], x.Element) >= 0);
            recalls[user] = hits / (double)Math.Min(at, heldOut[user].Length);
            return scores;
        }, static _ => { });
        var asked = heldOut.Count(static h => h.Length > 0);
        return asked == 0 ? 0 : recalls.Sum() / asked;
    }
}
