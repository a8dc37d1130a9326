using System.Numerics.Tensors;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Which clusters of a new graph continue which of the graph before it. What was learned belongs to (cluster id, item), so a cluster that goes on keeps its id and
/// its statistics, and an id is never given to another cluster.
/// </summary>
public static class ClusterIdentity
{
    /// <summary>The first id that is given. 0 is the one cluster of an experiment without centroids, whose statistics are everybody's.</summary>
    public const int FirstId = 1;

    /// <summary>Two centroids with at least this cosine are the same cluster, moved a little: at most 26 degrees apart.</summary>
    public const float SameFrom = 0.9f;

    /// <summary>Earlier clusters that are remembered per new one; bounds the memory where very many centroids lie close together.</summary>
    private const int NearestKept = 8;

    /// <summary>
    /// Gives ids to the clusters of a new graph: first to those that lie where the cluster at their position was (a warm-started clustering keeps positions), then, nearest
    /// pairs first, to those that lie close to an earlier cluster that is still free, then new ones by position.
    /// </summary>
    /// <param name="before">Centroids of the graph before, of one length.</param>
    /// <param name="ids">Their ids; empty when ids are positions.</param>
    /// <param name="now">Centroids of the new graph, of one length. With another length than before nothing can be compared, and all ids are new.</param>
    /// <param name="next">The lowest id that was never used; ids in use are below it.</param>
    /// <returns>One id per new centroid, distinct, and the lowest id that is now unused. A function of the arguments; O(C² D) time for C unmatched clusters, O(C D) memory.</returns>
    /// <exception cref="ArgumentException">The ids do not fit the centroids.</exception>
    /// <exception cref="OverflowException">There are no more ids.</exception>
    public static (int[] Ids, int Next) Continue(IReadOnlyList<float[]> before, IReadOnlyList<int> ids, IReadOnlyList<float[]> now, int next)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(now);
        if (ids.Count != 0 && ids.Count != before.Count)
            throw new ArgumentException($"There are {before.Count} centroids and {ids.Count} ids.", nameof(ids));
        var continued = new int[now.Count];
        Array.Fill(continued, -1);
        if (before.Count > 0 && now.Count > 0 && before[0].Length == now[0].Length)
            Match(Directions(before), Directions(now), continued);
        for (var c = 0; c < continued.Length; c++)
            continued[c] = continued[c] < 0 ? checked(next++) : ids.Count == 0 ? continued[c] : ids[continued[c]];
        return (continued, next);
    }

    /// <summary>Writes for each new cluster the position of the earlier one that it continues; leaves the others alone.</summary>
    private static void Match(float[][] before, float[][] now, int[] continued)
    {
        var taken = new bool[before.Length];
        for (var c = 0; c < Math.Min(before.Length, now.Length); c++)
        {
            // Two that point nowhere are equally far from everybody: the same.
            var same = now[c].Length == 0 || before[c].Length == 0 ? now[c].Length == before[c].Length : TensorPrimitives.Dot<float>(before[c], now[c]) >= SameFrom;
            if (same)
                (continued[c], taken[c]) = (c, true);
        }
        var pairs = new List<Pair>();
        var nearest = new PriorityQueue<int, float>();
        for (var c = 0; c < now.Length; c++)
        {
            if (continued[c] >= 0 || now[c].Length == 0)
                continue;
            for (var b = 0; b < before.Length; b++)
            {
                if (taken[b] || before[b].Length == 0 || !(TensorPrimitives.Dot<float>(before[b], now[c]) is var cosine && cosine >= SameFrom))
                    continue;
                if (nearest.Count < NearestKept)
                    nearest.Enqueue(b, cosine);
                else
                    nearest.EnqueueDequeue(b, cosine);
            }
            while (nearest.TryDequeue(out var b, out var cosine))
                pairs.Add(new Pair(cosine, c, b));
        }
        // Nearest first, equal ones by position.
        pairs.Sort(static (a, b) => (b.Cosine, a.Now, a.Before).CompareTo((a.Cosine, b.Now, b.Before)));
        foreach (var (_, c, b) in pairs)
        {
            if (continued[c] < 0 && !taken[b])
                (continued[c], taken[b]) = (b, true);
        }
    }

    /// <summary>Scaled to length 1; empty for one without a direction.</summary>
    private static float[][] Directions(IReadOnlyList<float[]> centroids)
    {
        var directions = new float[centroids.Count][];
        for (var c = 0; c < directions.Length; c++)
            directions[c] = SphericalKMeans.Direction(centroids[c]) ?? [];
        return directions;
    }

    private readonly record struct Pair(float Cosine, int Now, int Before);
}
