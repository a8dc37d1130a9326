using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// The bipartite graph of user clusters and items (Online Matching, arXiv 2307.15893), as serving reads it: a user vector to clusters with weights (eq. 10),
/// clusters to candidate items. Immutable, thread-safe; the two serving methods allocate nothing. Made by <see cref="GraphBuilder"/>.
/// </summary>
public sealed class ClusterGraph
{
    /// <summary>Clusters with a smaller share of a user are left out: w² below 1e-4 teaches an edge next to nothing and costs a write.</summary>
    public const float MinimumWeight = 0.01f;

    /// <summary>One in so many places of a decision's candidates is for newcomers: a fifth of W per cluster, and a fifth of the buffer when it is short.</summary>
    public const int NewcomerShare = 5;

    private readonly float[] _directions;
    private readonly float[] _center;
    private readonly int _dimension;
    private readonly CatalogueItem[] _items;
    private readonly Candidate[] _candidates;
    private readonly int[][] _rows;
    private readonly int[][] _newcomers;
    private readonly int[] _everywhere;
    private readonly int _newcomersPerCluster;
    private readonly int _deepest;
    private readonly int _itemsPerCluster;
    private GraphPlan _plan = GraphPlan.None;

    internal ClusterGraph(
        float[] directions, int dimension, CatalogueItem[] items, int[][] rows, int[][] newcomers, int[] everywhere, int itemsPerCluster)
    {
        (_directions, _dimension, _items, _rows, _newcomers, _everywhere) = (directions, dimension, items, rows, newcomers, everywhere);
        _candidates = Array.ConvertAll(items, static item => new Candidate(item.Id, item.Key, item.Features, 0));
        _itemsPerCluster = itemsPerCluster;
        _newcomersPerCluster = dimension == 0 ? int.MaxValue : Math.Max(1, itemsPerCluster / NewcomerShare);
        _deepest = rows.Max(static row => row.Length);
        _center = new float[dimension];
        for (var c = 0; c < Clusters && dimension > 0; c++)
            TensorPrimitives.Add(_center, directions.AsSpan(c * dimension, dimension), _center);
    }

    /// <summary>A graph of no items and one cluster.</summary>
    public static ClusterGraph Empty { get; } = GraphBuilder.Build([], [], 1);

    /// <summary>Version of the plan that it was built from; 0 for none.</summary>
    public long Version => _plan.Version;

    /// <summary>User clusters C, at least 1.</summary>
    public int Clusters => _rows.Length;

    /// <summary>Length of user and item vectors, 0 where there are no centroids.</summary>
    public int Dimension => _dimension;

    /// <summary>All items, ascending by key.</summary>
    public ReadOnlySpan<CatalogueItem> Items => _items;

    /// <summary>Edges of the graph: ranked items and newcomers of every cluster; an item without a vector counts once per cluster.</summary>
    public long Edges
    {
        get
        {
            long edges = (long)_everywhere.Length * Clusters;
            for (var c = 0; c < Clusters; c++)
                edges += _rows[c].Length + _newcomers[c].Length;
            return edges;
        }
    }

    /// <summary>The item of a key, or null.</summary>
    public CatalogueItem? Find(ActionKey key)
    {
        int low = 0, high = _items.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = _items[middle].Key.CompareTo(key);
            if (order == 0)
                return _items[middle];
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return null;
    }

    /// <summary>
    /// A user's nearest clusters by cosine and their weights: softmax of cosine / temperature over the nearest K (eq. 10). Weights below
    /// <see cref="MinimumWeight"/> are dropped and the rest scaled to add to 1. Equal cosines go to the lower cluster.
    /// </summary>
    /// <remarks>
    /// Without centroids: cluster 0 with weight 1. A user without a direction (an empty vector, all zeros, or a length beyond float) is taken to point to the mean of the centroids' directions, the
    /// place nearest to all of them on average; where those cancel out, every cluster is equally near and the first K share evenly.
    /// </remarks>
    /// <param name="userVector">Length <see cref="Dimension"/>, finite; or empty.</param>
    /// <param name="clustersPerUser">K, at least 1.</param>
    /// <param name="temperature">τ′, above 0.</param>
    /// <param name="into">At least min(K, C) long; written by falling weight.</param>
    /// <returns>How many were written, at least 1.</returns>
    /// <exception cref="ArgumentException">The vector has another length, or the buffer is short; a host refuses such a vector before it comes here.</exception>
    public int AssignClusters(ReadOnlySpan<float> userVector, int clustersPerUser, double temperature, Span<ClusterWeight> into)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clustersPerUser, 1);
        if (!(temperature > 0))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "A temperature is above 0.");
        var wanted = Math.Min(clustersPerUser, Clusters);
        if (into.Length < wanted)
            throw new ArgumentException($"The buffer holds {into.Length} clusters, {wanted} are wanted.", nameof(into));
        if (_dimension == 0)
        {
            into[0] = new ClusterWeight(0, 1);
            return 1;
        }
        if (!userVector.IsEmpty && userVector.Length != _dimension)
            throw new ArgumentException($"The user vector has {userVector.Length} numbers, the centroids have {_dimension}.", nameof(userVector));

        var direction = userVector;
        var norm = TensorPrimitives.Norm(direction);
        if (!(norm > 0) || !float.IsFinite(norm))
        {
            direction = _center;
            norm = TensorPrimitives.Norm(direction);
        }
        var count = Nearest(direction, norm > 0 ? 1 / norm : 0, into[..wanted]);
        return Softmax(into[..count], temperature);
    }

    /// <summary>The graph of the same plan with other items; this one stays as it is and may go on serving. Equals a build of the plan with the items that are then there.</summary>
    /// <param name="changed">Items that are new or replace the one of their key; distinct keys.</param>
    /// <param name="removed">Keys of items that are gone; a key that is not there is ignored, of one that is also among the changed the change wins.</param>
    /// <exception cref="ArgumentException">As <see cref="GraphBuilder.Build(GraphPlan, IReadOnlyList{CatalogueItem}, int)"/>.</exception>
    public ClusterGraph With(IReadOnlyCollection<CatalogueItem> changed, IReadOnlyCollection<ActionKey> removed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(removed);
        var gone = removed.Concat(changed.Select(static item => item.Key)).ToHashSet();
        return GraphBuilder.Build(_plan, [.. _items.Where(item => !gone.Contains(item.Key)), .. changed], _itemsPerCluster);
    }

    internal ClusterGraph Of(GraphPlan plan)
    {
        _plan = plan;
        return this;
    }

    /// <summary>Ints of scratch that <see cref="Propose"/> needs for a buffer of so many candidates.</summary>
    public static int ScratchLength(int candidates) => 2 * (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, 2 * candidates));

    /// <summary>
    /// The union of the clusters' items that are available now, each with the set of clusters that have an edge to it.
    /// </summary>
    /// <remarks>
    /// Order: best ranked first, rank by rank over the clusters in the order given, so that a short buffer cuts the tails; then newcomers of each cluster and
    /// items without a vector. Of each of these lists at most max(1, W / <see cref="NewcomerShare"/>) are taken. <paramref name="rotation"/> chooses which list is
    /// the first and where each begins: n lists whose longest has m items are all proposed within n·m consecutive rotations. A fifth of a short buffer,
    /// at least one place if it has two, is kept for them; what they leave of it goes back to the ranked. Without centroids all items are one such list of
    /// unlimited length. O(clusters · W), and the unavailable among the newcomers are passed over one by one.
    /// </remarks>
    /// <param name="clusters">From <see cref="AssignClusters"/>; at most <see cref="DecisionQuery.ClustersMax"/>, clusters of this graph.</param>
    /// <param name="now">Unix milliseconds, for availability.</param>
    /// <param name="rotation">Any number, spread evenly over decisions: the decision's seed.</param>
    /// <param name="into">Receives the candidates; its length bounds how many.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> of the buffer's length, overwritten.</param>
    /// <returns>How many were written.</returns>
    /// <exception cref="ArgumentException">Too many clusters or too little scratch.</exception>
    public int Propose(ReadOnlySpan<ClusterWeight> clusters, long now, ulong rotation, Span<Candidate> into, Span<int> scratch)
    {
        if (clusters.Length > DecisionQuery.ClustersMax)
            throw new ArgumentException($"{clusters.Length} clusters; a decision carries at most {DecisionQuery.ClustersMax}.", nameof(clusters));
        if (scratch.Length < ScratchLength(into.Length))
            throw new ArgumentException($"Scratch of {scratch.Length} ints; {ScratchLength(into.Length)} are needed.", nameof(scratch));
        var union = new Union(into, scratch[..ScratchLength(into.Length)]);
        var allRanked = Ranked(clusters, now, into.Length - Reserved(clusters, into.Length), ref union);
        // Each list is the first in its turn: where room is short, the first one may take all of it.
        var lists = clusters.Length + 1;
        var first = (int)(rotation % (ulong)lists);
        for (var i = 0; i < lists; i++)
        {
            var list = (first + i) % lists;
            if (list < clusters.Length)
                Rotated(_newcomers[clusters[list].Cluster], 1UL << list, now, rotation / (ulong)lists, into.Length, ref union);
            else
                Rotated(_everywhere, DecisionQuery.AllClusters(clusters.Length), now, rotation / (ulong)lists, into.Length, ref union);
        }
        if (!allRanked && union.Count < into.Length)
            Ranked(clusters, now, into.Length, ref union);
        return union.Count;
    }

    /// <summary>Whether nothing was left out for lack of room.</summary>
    private bool Ranked(ReadOnlySpan<ClusterWeight> clusters, long now, int most, ref Union union)
    {
        var all = true;
        for (var rank = 0; rank < _deepest; rank++)
        {
            for (var i = 0; i < clusters.Length; i++)
            {
                var row = _rows[clusters[i].Cluster];
                if (rank < row.Length && _items[row[rank]].IsAvailable(now))
                    all &= union.Add(row[rank], _candidates[row[rank]], 1UL << i, most);
            }
        }
        return all;
    }

    private void Rotated(int[] list, ulong mask, long now, ulong rotation, int most, ref Union union)
    {
        if (list.Length == 0)
            return;
        var start = list.Length <= Math.Min(_newcomersPerCluster, most - union.Count) ? 0 : (int)(rotation % (ulong)list.Length);
        var taken = 0;
        for (var i = 0; i < list.Length && taken < _newcomersPerCluster && union.Count < most; i++)
        {
            var item = list[start + i < list.Length ? start + i : start + i - list.Length];
            if (!_items[item].IsAvailable(now))
                continue;
            union.Add(item, _candidates[item], mask, most);
            taken++;
        }
    }

    private int Reserved(ReadOnlySpan<ClusterWeight> clusters, int length)
    {
        long newcomers = Math.Min(_newcomersPerCluster, _everywhere.Length);
        foreach (var (cluster, _) in clusters)
            newcomers += Math.Min(_newcomersPerCluster, _newcomers[cluster].Length);
        return (int)Math.Min(newcomers, length < 2 ? 0 : Math.Max(1, length / NewcomerShare));
    }

    /// <summary>Keeps the largest cosines in <paramref name="into"/>, in the place of weights, by insertion.</summary>
    private int Nearest(ReadOnlySpan<float> direction, float scale, Span<ClusterWeight> into)
    {
        var count = 0;
        for (var c = 0; c < Clusters; c++)
        {
            var cosine = scale * TensorPrimitives.Dot(direction, _directions.AsSpan(c * _dimension, _dimension));
            if (count == into.Length && !(cosine > into[count - 1].Weight))
                continue;
            var at = count < into.Length ? count++ : count - 1;
            for (; at > 0 && cosine > into[at - 1].Weight; at--)
                into[at] = into[at - 1];
            into[at] = new ClusterWeight(c, cosine);
        }
        return count;
    }

    private static int Softmax(Span<ClusterWeight> nearest, double temperature)
    {
        double best = nearest[0].Weight, all = 0, kept = 0;
        foreach (var (_, cosine) in nearest)
            all += Math.Exp((cosine - best) / temperature);
        var count = 0;
        // Falling weights: once one is too small, so are the rest. The first is at least 1/K and always stays.
        for (; count < nearest.Length; count++)
        {
            var weight = Math.Exp((nearest[count].Weight - best) / temperature);
            if (count > 0 && weight < MinimumWeight * all)
                break;
            kept += weight;
            nearest[count] = nearest[count] with { Weight = (float)weight };
        }
        for (var i = 0; i < count; i++)
            nearest[i] = nearest[i] with { Weight = (float)(nearest[i].Weight / kept) };
        return count;
    }

    /// <summary>Candidates written so far, and an open-addressing table from item to place: pairs of (item + 1, place).</summary>
    private ref struct Union
    {
        private readonly Span<Candidate> _into;
        private readonly Span<int> _places;

        public Union(Span<Candidate> into, Span<int> scratch)
        {
            _into = into;
            _places = scratch;
            _places.Clear();
        }

        public int Count { get; private set; }

        /// <summary>Adds an item, or the mask to an item that is there; a new one is left out when there are <paramref name="most"/> already.</summary>
        /// <returns>Whether it is there now.</returns>
        public bool Add(int item, in Candidate candidate, ulong mask, int most)
        {
            var slots = _places.Length / 2 - 1;
            var at = (int)((uint)item * 0x9E3779B1u >> 7) & slots;
            while (_places[2 * at] != 0)
            {
                if (_places[2 * at] == item + 1)
                {
                    ref var there = ref _into[_places[2 * at + 1]];
                    there = there with { ClusterMask = there.ClusterMask | mask };
                    return true;
                }
                at = (at + 1) & slots;
            }
            if (Count >= most)
                return false;
            _places[2 * at] = item + 1;
            _places[2 * at + 1] = Count;
            _into[Count++] = candidate with { ClusterMask = mask };
            return true;
        }
    }
}
