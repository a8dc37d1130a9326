using System.Numerics.Tensors;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>One item of a catalogue.</summary>
/// <param name="Id">UTF-8.</param>
/// <param name="Key">Hash of the id.</param>
/// <param name="Features">Encoded features; the vector decides which clusters propose the item.</param>
/// <param name="AvailableFrom">Unix ms from which it may be shown.</param>
/// <param name="AvailableUntil">Unix ms from which it may no longer be shown.</param>
public sealed record CatalogueItem(ReadOnlyMemory<byte> Id, ActionKey Key, FeatureSet Features, long AvailableFrom = long.MinValue, long AvailableUntil = long.MaxValue);

/// <summary>Memory that <see cref="ClusterGraph.Propose"/> reuses from call to call.</summary>
public sealed class ProposalScratch
{
    internal ulong[] Masks = [];
    internal int[] Order = [];

    internal void Fit(int items)
    {
        if (Masks.Length < items)
            (Masks, Order) = (new ulong[items], new int[items]);
    }
}

/// <summary>
/// The sparse graph of user clusters and items of Online Matching (arXiv 2307.15893, section 3): each cluster proposes the items nearest to its
/// centroid. Immutable.
/// </summary>
public sealed class ClusterGraph
{
    private readonly float[][] _centroids;
    private readonly CatalogueItem[] _items;
    private readonly int[][] _rows;

    private ClusterGraph(float[][] centroids, CatalogueItem[] items, int[][] rows) => (_centroids, _items, _rows) = (centroids, items, rows);

    /// <summary>No items at all.</summary>
    public static ClusterGraph Empty { get; } = new([], [], [[]]);

    /// <summary>Items in the catalogue.</summary>
    public int ItemCount => _items.Length;

    /// <summary>Edges, over all clusters.</summary>
    public long EdgeCount => _rows.Sum(static row => (long)row.Length);

    /// <summary>Builds the graph.</summary>
    /// <param name="centroids">C user-cluster centroids of one length; none makes a single cluster that proposes every item.</param>
    /// <param name="items">The catalogue. An item whose vector has another length than the centroids, or none, is proposed by every cluster: it must be reachable.</param>
    /// <param name="itemsPerCluster">W, nearest items per cluster by cosine similarity; ties go to the smaller key.</param>
    public static ClusterGraph Build(IReadOnlyList<float[]> centroids, IEnumerable<CatalogueItem> items, int itemsPerCluster)
    {
        ArgumentNullException.ThrowIfNull(centroids);
        var sorted = items.OrderBy(static i => i.Key).ToArray();
        if (centroids.Count == 0)
            return new ClusterGraph([], sorted, [Enumerable.Range(0, sorted.Length).ToArray()]);
        var unit = centroids.Select(Normalized).ToArray();
        var placed = Enumerable.Range(0, sorted.Length).Where(i => sorted[i].Features.Dense.Length == unit[0].Length).ToArray();
        var unplaced = Enumerable.Range(0, sorted.Length).Where(i => sorted[i].Features.Dense.Length != unit[0].Length).ToArray();
        var vectors = placed.Select(i => Normalized(sorted[i].Features.Dense.Span)).ToArray();
        var rows = new int[unit.Length][];
        var similarity = new float[placed.Length];
        for (var c = 0; c < unit.Length; c++)
        {
            for (var i = 0; i < placed.Length; i++)
                similarity[i] = -TensorPrimitives.Dot(vectors[i], unit[c]);
            var order = Enumerable.Range(0, placed.Length).ToArray();
            Array.Sort((float[])similarity.Clone(), order);
            rows[c] = [.. order.Take(itemsPerCluster).Select(i => placed[i]), .. unplaced];
        }
        return new ClusterGraph(unit, sorted, rows);
    }

    /// <summary>The user's nearest clusters with softmax weights (eq. 7).</summary>
    /// <param name="user">The user vector; empty, or of another length than the centroids, gives equal weights to the first clusters: nothing is known that would prefer one.</param>
    /// <param name="clustersPerUser">K, at most <see cref="DecisionQuery.ClustersMax"/>.</param>
    /// <param name="temperature">τ′ of the softmax over cosine similarities.</param>
    /// <param name="into">At least K long.</param>
    /// <returns>How many were written, at least 1; weights add to 1.</returns>
    public int AssignClusters(ReadOnlySpan<float> user, int clustersPerUser, double temperature, Span<ClusterWeight> into)
    {
        if (_centroids.Length == 0)
        {
            into[0] = new ClusterWeight(0, 1);
            return 1;
        }
        var k = Math.Min(Math.Min(clustersPerUser, _centroids.Length), into.Length);
        var norm = user.Length == _centroids[0].Length ? TensorPrimitives.Norm(user) : 0;
        if (norm == 0)
        {
            for (var i = 0; i < k; i++)
                into[i] = new ClusterWeight(i, 1f / k);
            return k;
        }
        var count = 0;
        for (var c = 0; c < _centroids.Length; c++)
        {
            var similarity = TensorPrimitives.Dot(user, _centroids[c]) / norm;
            if (count == k && similarity <= into[k - 1].Weight)
                continue;
            var at = count < k ? count++ : k - 1;
            for (; at > 0 && into[at - 1].Weight < similarity; at--)
                into[at] = into[at - 1];
            into[at] = new ClusterWeight(c, similarity);
        }
        double sum = 0;
        var best = into[0].Weight;
        for (var i = 0; i < count; i++)
            sum += Math.Exp((into[i].Weight - best) / temperature);
        for (var i = 0; i < count; i++)
            into[i] = into[i] with { Weight = (float)(Math.Exp((into[i].Weight - best) / temperature) / sum) };
        return count;
    }

    /// <summary>The union of what the user's clusters propose and is available now.</summary>
    /// <param name="clusters">From <see cref="AssignClusters"/>.</param>
    /// <param name="now">Unix ms.</param>
    /// <param name="into">Receives the candidates, nearest clusters first; its length bounds them.</param>
    /// <param name="scratch">Reused memory.</param>
    public int Propose(ReadOnlySpan<ClusterWeight> clusters, long now, Span<Candidate> into, ProposalScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        scratch.Fit(_items.Length);
        var touched = 0;
        for (var k = 0; k < clusters.Length; k++)
        {
            foreach (var item in _rows[clusters[k].Cluster])
            {
                if (scratch.Masks[item] == 0)
                    scratch.Order[touched++] = item;
                scratch.Masks[item] |= 1UL << k;
            }
        }
        var count = 0;
        for (var i = 0; i < touched; i++)
        {
            var index = scratch.Order[i];
            var item = _items[index];
            if (count < into.Length && item.AvailableFrom <= now && now < item.AvailableUntil)
                into[count++] = new Candidate(item.Id, item.Key, item.Features, scratch.Masks[index]);
            scratch.Masks[index] = 0;
        }
        return count;
    }

    private static float[] Normalized(float[] vector) => Normalized(vector.AsSpan());

    private static float[] Normalized(ReadOnlySpan<float> vector)
    {
        var unit = vector.ToArray();
        var norm = TensorPrimitives.Norm(vector);
        if (norm > 0)
            TensorPrimitives.Divide(vector, norm, unit);
        return unit;
    }
}
