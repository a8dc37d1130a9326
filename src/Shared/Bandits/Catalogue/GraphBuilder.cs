using System.Numerics.Tensors;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Builds the sparse bipartite graph of Online Matching (arXiv 2307.15893, the offline half): cluster c has an edge to the W items with the largest inner
/// product with its centroid.
/// </summary>
/// <remarks>
/// Our addition, so that no item is unreachable: an item that no cluster ranks among its W becomes a newcomer of the cluster whose centroid it is nearest to, and an
/// item without a vector a newcomer of every cluster. How many newcomers a decision sees is bounded, see <see cref="ClusterGraph.Propose"/>. Without centroids
/// there is one cluster and it has an edge to every item. Exact search: O(C·N·(D + log W)) time at most, O(C·W + N) memory.
/// </remarks>
public static class GraphBuilder
{
    /// <summary>Builds the graph of a plan. A function of its arguments: the order of the items does not matter.</summary>
    /// <param name="plan">Centroids, the ids of their clusters, and the edges where they are given.</param>
    /// <param name="items">The catalogue, distinct keys; vectors of the centroids' length or empty where there are centroids.</param>
    /// <param name="itemsPerCluster">W, at least 1.</param>
    /// <exception cref="ArgumentException">Lengths disagree, a number is not finite, or a key occurs twice; the message says which.</exception>
    public static ClusterGraph Build(GraphPlan plan, IReadOnlyList<CatalogueItem> items, int itemsPerCluster)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Build(plan.Centroids, items, itemsPerCluster).Of(plan);
    }

    /// <summary>Builds a graph. A function of the sets it is given: the order of the items does not matter.</summary>
    /// <param name="centroids">C user-cluster centroids of one length D, none for a single cluster. Only their direction counts.</param>
    /// <param name="items">The catalogue, distinct keys; vectors of length D or empty where there are centroids.</param>
    /// <param name="itemsPerCluster">W, at least 1.</param>
    /// <exception cref="ArgumentException">Lengths disagree, a number is not finite, or a key occurs twice; the message says which.</exception>
    public static ClusterGraph Build(IReadOnlyList<float[]> centroids, IReadOnlyList<CatalogueItem> items, int itemsPerCluster)
    {
        ArgumentNullException.ThrowIfNull(centroids);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfLessThan(itemsPerCluster, 1);
        var sorted = items.OrderBy(static item => item.Key).ToArray();
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i - 1].Key == sorted[i].Key)
                throw new ArgumentException($"Item '{System.Text.Encoding.UTF8.GetString(sorted[i].Id.Span)}' occurs twice.", nameof(items));
        }
        var dimension = centroids.Count == 0 ? 0 : centroids[0].Length;
        var directions = Directions(centroids, dimension);
        if (centroids.Count == 0)
            return new ClusterGraph(directions, 0, sorted, [[]], [[]], [.. Enumerable.Range(0, sorted.Length)], itemsPerCluster).Of(new GraphPlan(0, centroids, [], null));

        var withVector = new List<int>();
        var without = new List<int>();
        for (var i = 0; i < sorted.Length; i++)
        {
            var vector = sorted[i].Features.Dense.Span;
            if (vector.Length != 0 && vector.Length != dimension)
                throw new ArgumentException(
                    $"Item '{System.Text.Encoding.UTF8.GetString(sorted[i].Id.Span)}' has a vector of {vector.Length} numbers, the centroids have {dimension}.", nameof(items));
            if (!vector.IsEmpty && !TensorPrimitives.IsFiniteAll(vector))
                throw new ArgumentException($"The vector of item '{System.Text.Encoding.UTF8.GetString(sorted[i].Id.Span)}' is not finite.", nameof(items));
            (vector.IsEmpty ? without : withVector).Add(i);
        }
        var rows = new int[centroids.Count][];
        var nearest = new (float Score, int Cluster)[sorted.Length];
        Array.Fill(nearest, (float.NegativeInfinity, 0));
        var placed = new bool[sorted.Length];
        for (var c = 0; c < rows.Length; c++)
        {
            rows[c] = Row(directions.AsSpan(c * dimension, dimension), c, sorted, withVector, itemsPerCluster, nearest);
            foreach (var item in rows[c])
                placed[item] = true;
        }
        var newcomers = new List<int>[rows.Length];
        for (var c = 0; c < rows.Length; c++)
            newcomers[c] = [];
        foreach (var item in withVector)
        {
            if (!placed[item])
                newcomers[nearest[item].Cluster].Add(item);
        }
        return new ClusterGraph(directions, dimension, sorted, rows, Array.ConvertAll(newcomers, static list => list.ToArray()), [.. without], itemsPerCluster)
            .Of(new GraphPlan(0, centroids, [], null));
    }

    /// <summary>The W best items of one centroid, best first, equal scores by key; notes for every item which centroid suits it best.</summary>
    private static int[] Row(
        ReadOnlySpan<float> direction, int cluster, CatalogueItem[] items, List<int> withVector, int width, (float Score, int Cluster)[] nearest)
    {
        // The heap's root is the worst kept: lowest score, and among equal scores the highest position.
        var kept = new PriorityQueue<int, (float Score, int Opposite)>();
        foreach (var item in withVector)
        {
            var score = TensorPrimitives.Dot(direction, items[item].Features.Dense.Span);
            if (score > nearest[item].Score)
                nearest[item] = (score, cluster);
            if (kept.Count < width)
                kept.Enqueue(item, (score, -item));
            else
                kept.EnqueueDequeue(item, (score, -item));
        }
        var row = new int[kept.Count];
        for (var i = row.Length - 1; i >= 0; i--)
            row[i] = kept.Dequeue();
        return row;
    }

    private static float[] Directions(IReadOnlyList<float[]> centroids, int dimension)
    {
        var directions = new float[centroids.Count * dimension];
        for (var c = 0; c < centroids.Count; c++)
        {
            if (centroids[c].Length != dimension || dimension == 0)
                throw new ArgumentException($"Centroid {c} has {centroids[c].Length} numbers, centroid 0 has {dimension}; at least 1 is needed.", nameof(centroids));
            if (!TensorPrimitives.IsFiniteAll<float>(centroids[c]))
                throw new ArgumentException($"Centroid {c} is not finite.", nameof(centroids));
            var norm = TensorPrimitives.Norm<float>(centroids[c]);
            // A centroid without direction stays zero: equally far from everybody.
            if (norm > 0 && float.IsFinite(norm))
                TensorPrimitives.Divide(centroids[c], norm, directions.AsSpan(c * dimension, dimension));
        }
        return directions;
    }
}
