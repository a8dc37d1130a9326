using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>What all graphs of one plan share, whatever items there are. Immutable.</summary>
internal sealed class GraphLayout
{
    /// <summary>Clusters that an item which no given row names may enter: its nearest.</summary>
    public const int InsertionClusters = 10;

    /// <summary>By how much such an item must beat the W-th of a full row, as a part of that one's score, so that noise moves nothing.</summary>
    public const float InsertionMargin = 0.05f;

    private readonly int[] _ids;
    private readonly int[] _sortedIds;
    private readonly int[] _positionOfSorted;
    private readonly ILookup<int, int>? _anchored;

    /// <summary>Checks and lays out a plan.</summary>
    /// <exception cref="ArgumentException">Lengths or counts disagree, a number is not finite, or an id is negative or occurs twice; the message says which.</exception>
    public GraphLayout(GraphPlan plan, int itemsPerCluster)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(itemsPerCluster, 1);
        Version = plan.Version;
        Width = itemsPerCluster;
        KnownMax = (int)Math.Min(Array.MaxLength, (long)Width + Math.Max(8, Width * 3L / 10));
        FreshPlaces = Math.Max(1, Width / ClusterGraph.NewcomerShare);
        Centroids = new CentroidIndex(plan.Centroids);
        var count = plan.ClusterIds.Count;
        if (count != 0 && count != Centroids.Count)
            throw new ArgumentException($"{count} cluster ids for {Centroids.Count} centroids.", nameof(plan));
        _ids = [.. plan.ClusterIds];
        _sortedIds = [.. _ids];
        _positionOfSorted = [.. Enumerable.Range(0, count)];
        Array.Sort(_sortedIds, _positionOfSorted);
        for (var i = 0; i < count; i++)
        {
            if (_sortedIds[i] < 0 || (i > 0 && _sortedIds[i] == _sortedIds[i - 1]))
                throw new ArgumentException($"Cluster id {_sortedIds[i]} is negative or occurs twice.", nameof(plan));
        }
        if (plan.Rows is null || Centroids.Count == 0)
            return;
        if (plan.Rows.Count != Centroids.Count)
            throw new ArgumentException($"{plan.Rows.Count} rows for {Centroids.Count} centroids.", nameof(plan));
        Given = Number(plan.Rows, out var keys, out var edges);
        (GivenKeys, GivenEdges) = (keys, edges);
        _anchored = Enumerable.Range(0, Given.Length).Where(c => Given[c].Length >= Width).ToLookup(c => Given[c][Width - 1]);
    }

    /// <summary>Version of the plan.</summary>
    public long Version { get; }

    /// <summary>W.</summary>
    public int Width { get; }

    /// <summary>Most items that a row knows; those after W are its reserve.</summary>
    public int KnownMax { get; }

    /// <summary>Edges of a cluster that are for items which no given row names: a fifth of W.</summary>
    public int FreshPlaces { get; }

    /// <summary>The centroids; none for a single cluster.</summary>
    public CentroidIndex Centroids { get; }

    /// <summary>User clusters, at least 1.</summary>
    public int Clusters => Math.Max(1, Centroids.Count);

    /// <summary>Slots of the given rows by cluster; null where clusters rank for themselves. A slot is there whether its item is or not.</summary>
    public int[][]? Given { get; }

    /// <summary>Whether clusters rank all items for themselves.</summary>
    public bool RanksItself => Given is null;

    /// <summary>Keys of the given rows, ascending: the slots from 0.</summary>
    public ActionKey[] GivenKeys { get; } = [];

    /// <summary>Rows that name each of them.</summary>
    public int[] GivenEdges { get; } = [];

    /// <summary>The lasting id of a position.</summary>
    public int IdOf(int position) => _ids.Length == 0 ? position : _ids[position];

    /// <summary>The position of a lasting id, −1 for an id that is not of this plan.</summary>
    public int PositionOf(int id)
    {
        if (_ids.Length == 0)
            return (uint)id < (uint)Clusters ? id : -1;
        var at = Array.BinarySearch(_sortedIds, id);
        return at < 0 ? -1 : _positionOfSorted[at];
    }

    /// <summary>How many slots the given row of a cluster has.</summary>
    public int GivenLength(int cluster) => Given is null ? 0 : Given[cluster].Length;

    /// <summary>The clusters whose given row has this slot for its W-th.</summary>
    public IEnumerable<int> AnchoredBy(int slot) => _anchored?[slot] ?? [];

    /// <summary>Edges of a cluster that items may have without beating anybody: W without a given row, what it leaves of W, but at least the fresh places.</summary>
    public int FreePlaces(int cluster) => Given is null ? Width : Math.Max(Width - Given[cluster].Length, FreshPlaces);

    /// <summary>Whether rows rank an item by its vector: there are centroids, it can be placed, and no given row names it.</summary>
    public bool IsCandidate(int slot, CatalogueItem item) => Centroids.Count > 0 && slot >= GivenKeys.Length && GraphState.IsPlaceable(item);

    /// <summary>Slots in the order of keys. A key that occurs again in its row counts once.</summary>
    private static int[][] Number(IReadOnlyList<IReadOnlyList<ActionKey>> rows, out ActionKey[] keys, out int[] edges)
    {
        var numbers = new Dictionary<ActionKey, int>();
        var lastRow = new List<int>();
        var numbered = new int[rows.Count][];
        for (var c = 0; c < rows.Count; c++)
        {
            var row = rows[c];
            var kept = new int[row.Count];
            var count = 0;
            for (var i = 0; i < kept.Length; i++)
            {
                ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(numbers, row[i], out var known);
                if (!known)
                {
                    number = lastRow.Count;
                    lastRow.Add(-1);
                }
                if (lastRow[number] == c)
                    continue;
                lastRow[number] = c;
                kept[count++] = number;
            }
            numbered[c] = count == kept.Length ? kept : kept[..count];
        }
        keys = [.. numbers.Keys];
        Array.Sort(keys);
        var slotOf = new int[keys.Length];
        for (var slot = 0; slot < keys.Length; slot++)
            slotOf[numbers[keys[slot]]] = slot;
        edges = new int[keys.Length];
        foreach (var row in numbered)
        {
            for (var i = 0; i < row.Length; i++)
                edges[row[i] = slotOf[row[i]]]++;
        }
        return numbered;
    }
}
