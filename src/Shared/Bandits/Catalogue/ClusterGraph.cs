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

    private readonly GraphLayout _layout;
    private readonly GraphState _state;
    private readonly int _newcomersPerCluster;

    internal ClusterGraph(GraphLayout layout, GraphState state)
    {
        (_layout, _state) = (layout, state);
        _newcomersPerCluster = Dimension == 0 ? int.MaxValue : Math.Max(1, layout.Width / NewcomerShare);
    }

    /// <summary>A graph of no items and one cluster.</summary>
    public static ClusterGraph Empty { get; } = GraphBuilder.Build([], [], 1);

    /// <summary>Version of the plan that it was built from; 0 for none.</summary>
    public long Version => _layout.Version;

    /// <summary>User clusters C, at least 1.</summary>
    public int Clusters => _layout.Clusters;

    /// <summary>Length of user and item vectors, 0 where there are no centroids.</summary>
    public int Dimension => _layout.Centroids.Dimension;

    /// <summary>Items.</summary>
    public int ItemCount => _state.ItemCount;

    /// <summary>All items, ascending by key.</summary>
    public IEnumerable<CatalogueItem> Items
    {
        get
        {
            var walk = _state.Index.From(0);
            for (var i = 0; i < _state.Index.Count; i++)
            {
                if (_state.Items[walk.Next()] is { } item)
                    yield return item;
            }
        }
    }

    /// <summary>Edges of all items: ranked and as newcomers; an item without a vector counts once per cluster.</summary>
    public long Edges => _state.EdgeCount;

    /// <summary>The item of a key, or null. O(log N).</summary>
    public CatalogueItem? Find(ActionKey key) => _state.Index.Find(key) is >= 0 and var slot ? _state.Items[slot] : null;

    /// <summary>Whether there is an item of this key that no cluster ranks, so that it is proposed only in its turn. O(log N).</summary>
    public bool IsNewcomer(ActionKey key)
    {
        var slot = _state.Index.Find(key);
        return slot >= _layout.GivenKeys.Length && _state.Items[slot] is not null && _state.Edges[slot] == 0;
    }

    /// <summary>The edges of an item, by position of the cluster; none for a key without an item. Searches all rows, O(C·W): not for the path of a decision.</summary>
    public IReadOnlyList<ItemEdge> EdgesOf(ActionKey key)
    {
        var slot = _state.Index.Find(key);
        if (slot < 0 || _state.Items[slot] is null)
            return [];
        var edges = new List<ItemEdge>();
        var everywhere = _state.Everywhere.Find(key) >= 0;
        for (var c = 0; c < Clusters; c++)
        {
            var row = new GraphRow(_layout, _state, c);
            var rank = row.RankOf(slot);
            if (rank >= 0)
                edges.Add(new ItemEdge(_layout.IdOf(c), rank));
            else if (everywhere || _state.Newcomers[c].Find(key) >= 0)
                edges.Add(new ItemEdge(_layout.IdOf(c), null));
        }
        return edges;
    }

    /// <summary>
    /// The graph of the same plan with other items; this one stays as it is and may go on serving. Equals, in all that it can be asked, a build of the plan with the
    /// items that are then there.
    /// </summary>
    /// <remarks>
    /// What has not changed is shared. O(C·D) per item whose vector is new, gone or other, and O(W) for each row that it enters or leaves; an item that changes in other
    /// ways costs next to nothing. Rows know 1.3 W items, so that removals are made good at once; a row that fewer than W are left of, which takes 0.3 W removals from it, is
    /// filled by a search of all items, O(N·D). A batch of more than a quarter of the catalogue is a build.
    /// </remarks>
    /// <param name="changed">Items that are new or replace the one of their key; distinct keys.</param>
    /// <param name="removed">Keys of items that are gone. A key that is not there is ignored; one that is also among the changed is changed.</param>
    /// <exception cref="ArgumentException">A key occurs twice among the changed, or a vector does not fit; the message says which.</exception>
    public ClusterGraph With(IReadOnlyCollection<CatalogueItem> changed, IReadOnlyCollection<ActionKey> removed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(removed);
        return new ClusterGraph(_layout, GraphEditor.Apply(_layout, _state, changed, removed));
    }

    /// <summary>
    /// A user's nearest clusters by cosine and their weights: softmax of cosine / temperature over the nearest K (eq. 10). Weights below
    /// <see cref="MinimumWeight"/> are dropped and the rest scaled to add to 1. Equal cosines go to the cluster that comes first in the plan.
    /// </summary>
    /// <remarks>
    /// Exact up to 2,048 clusters; above that some of the nearest may be missed for others that are nearly as near, rarely where centroids lie in groups.
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
        if (Dimension == 0)
        {
            into[0] = new ClusterWeight(0, 1);
            return 1;
        }
        if (!userVector.IsEmpty && userVector.Length != Dimension)
            throw new ArgumentException($"The user vector has {userVector.Length} numbers, the centroids have {Dimension}.", nameof(userVector));

        var direction = userVector;
        var norm = TensorPrimitives.Norm(direction);
        if (!(norm > 0) || !float.IsFinite(norm))
        {
            direction = _layout.Centroids.Center;
            norm = TensorPrimitives.Norm(direction);
        }
        var nearest = into[..wanted];
        if (norm > 0)
            _layout.Centroids.Nearest(direction, 1 / norm, nearest);
        else
            _layout.Centroids.NearestOfAll(direction, 0, nearest);
        var count = Softmax(nearest, temperature);
        for (var i = 0; i < count; i++)
            nearest[i] = nearest[i] with { Cluster = _layout.IdOf(nearest[i].Cluster) };
        return count;
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
    /// <param name="clusters">From <see cref="AssignClusters"/>; at most <see cref="DecisionQuery.ClustersMax"/>. An id that is not of this graph, as of one that has since been replaced, has no edges.</param>
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
        Span<int> positions = stackalloc int[clusters.Length];
        ulong all = 0;
        for (var i = 0; i < clusters.Length; i++)
        {
            positions[i] = _layout.PositionOf(clusters[i].Cluster);
            all |= positions[i] < 0 ? 0 : 1UL << i;
        }
        var union = new CandidateUnion(into, scratch[..ScratchLength(into.Length)]);
        var allRanked = Ranked(positions, now, into.Length - Reserved(positions, into.Length), ref union);
        // Each list is the first in its turn: where room is short, the first one may take all of it.
        var lists = clusters.Length + 1;
        var first = (int)(rotation % (ulong)lists);
        for (var i = 0; i < lists; i++)
        {
            var list = (first + i) % lists;
            if (list == clusters.Length)
                Rotated(_state.Everywhere, all, now, rotation / (ulong)lists, into.Length, ref union);
            else if (positions[list] >= 0)
                Rotated(_state.Newcomers[positions[list]], 1UL << list, now, rotation / (ulong)lists, into.Length, ref union);
        }
        if (!allRanked && union.Count < into.Length)
            Ranked(positions, now, into.Length, ref union);
        return union.Count;
    }

    /// <summary>Whether nothing was left out for lack of room.</summary>
    private bool Ranked(scoped ReadOnlySpan<int> positions, long now, int most, ref CandidateUnion union)
    {
        var all = true;
        var deepest = 0;
        foreach (var position in positions)
            deepest = Math.Max(deepest, position < 0 ? 0 : new GraphRow(_layout, _state, position).Length);
        for (var rank = 0; rank < deepest; rank++)
        {
            for (var i = 0; i < positions.Length; i++)
            {
                if (positions[i] < 0)
                    continue;
                var row = new GraphRow(_layout, _state, positions[i]);
                if (rank < row.Length && row[rank] is var slot && _state.Items[slot] is { } item && item.IsAvailable(now))
                    all &= union.Add(slot, item, 1UL << i, most);
            }
        }
        return all;
    }

    private void Rotated(SortedSlots list, ulong mask, long now, ulong rotation, int most, ref CandidateUnion union)
    {
        if (list.Count == 0)
            return;
        var start = list.Count <= Math.Min(_newcomersPerCluster, most - union.Count) ? 0 : (int)(rotation % (ulong)list.Count);
        var walk = list.From(start);
        var taken = 0;
        for (var i = 0; i < list.Count && taken < _newcomersPerCluster && union.Count < most; i++)
        {
            var slot = walk.Next();
            var item = _state.Items[slot]!;
            if (!item.IsAvailable(now))
                continue;
            union.Add(slot, item, mask, most);
            taken++;
        }
    }

    private int Reserved(ReadOnlySpan<int> positions, int length)
    {
        long newcomers = Math.Min(_newcomersPerCluster, _state.Everywhere.Count);
        foreach (var position in positions)
            newcomers += position < 0 ? 0 : Math.Min(_newcomersPerCluster, _state.Newcomers[position].Count);
        return (int)Math.Min(newcomers, length < 2 ? 0 : Math.Max(1, length / NewcomerShare));
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
}
