using System.Buffers;
using System.Diagnostics;
using System.Text;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Makes one state of a graph from another: takes items out, puts items in, then makes good what that has left open. Every row is at any time exactly the best of its
/// candidates as far as it knows them, so the outcome does not depend on the way to it. For one use.
/// </summary>
internal sealed class GraphEditor
{
    // A batch that moves a larger part of all items is cheaper as a build: there all clusters pass by each item within the first cache.
    private const int BulkPart = 4;

    private readonly GraphLayout _layout;
    private readonly GraphState _before;
    private readonly Paged<CatalogueItem?>.Editor _items;
    private readonly Paged<int>.Editor _edges;
    private readonly Paged<int[]?>.Editor _near;
    private readonly RankedRow[] _rows;
    private readonly float[] _bars;
    private readonly bool[] _own;
    private readonly List<int> _changedRows = [];
    private readonly HashSet<int> _touched = [];
    private readonly float[] _direction;
    private SortedSlots _index;

    private GraphEditor(GraphLayout layout, GraphState before)
    {
        (_layout, _before, _index) = (layout, before, before.Index);
        _items = new(before.Items);
        _edges = new(before.Edges);
        _near = new(before.Near);
        _rows = [.. before.Rows];
        _bars = [.. before.Bars];
        _own = new bool[_rows.Length];
        _direction = new float[layout.Centroids.Dimension];
    }

    /// <summary>The state of a set of items.</summary>
    /// <exception cref="ArgumentException">A key occurs twice or a vector does not fit; the message says which.</exception>
    public static GraphState Build(GraphLayout layout, IEnumerable<CatalogueItem> items)
    {
        // In the order of keys: slots that are visited together lie together.
        CatalogueItem[] sorted = [.. items.OrderBy(static item => item.Key)];
        return new GraphEditor(layout, GraphState.Empty(layout)).Apply(sorted, []);
    }

    /// <summary>The state after some items have changed. A key that is both changed and removed is changed.</summary>
    /// <exception cref="ArgumentException">A key occurs twice among the changed, or a vector does not fit; the message says which.</exception>
    public static GraphState Apply(GraphLayout layout, GraphState before, IReadOnlyCollection<CatalogueItem> changed, IReadOnlyCollection<ActionKey> removed)
    {
        if ((long)BulkPart * (changed.Count + removed.Count) < before.ItemCount)
            return new GraphEditor(layout, before).Apply(changed, removed);
        Dictionary<ActionKey, CatalogueItem> left = [];
        for (var slot = 0; slot < before.SlotCount; slot++)
        {
            if (before.Items[slot] is { } item)
                left.Add(item.Key, item);
        }
        foreach (var key in removed)
            left.Remove(key);
        foreach (var item in changed)
            left.Remove(item.Key);
        return Build(layout, left.Values.Concat(changed));
    }

    private GraphState Apply(IReadOnlyCollection<CatalogueItem> changed, IReadOnlyCollection<ActionKey> removed)
    {
        Check(changed);
        var (moved, itemCount) = (new List<CatalogueItem>(), _before.ItemCount);
        HashSet<ActionKey> gone = [.. removed];
        foreach (var item in changed)
        {
            gone.Remove(item.Key);
            var slot = _index.Find(item.Key);
            var old = slot < 0 ? null : _items[slot];
            if (old is not null && old.Features.Dense.Span.SequenceEqual(item.Features.Dense.Span))
            {
                _items[slot] = item;
                continue;
            }
            moved.Add(item);
            if (old is null)
                itemCount++;
            else
                Unrank(slot, old);
        }
        var (free, slotCount, keys) = (_before.Free, _before.SlotCount, new List<(ActionKey Key, int Slot)>());
        foreach (var key in gone)
        {
            var slot = _index.Find(key);
            if (slot < 0 || _items[slot] is not { } old)
                continue;
            Unrank(slot, old);
            _items[slot] = null;
            itemCount--;
            if (slot < _layout.GivenKeys.Length)
                continue;
            keys.Add((key, -1));
            free = new FreeSlot(slot, free);
        }
        // Only now, when no row holds a slot whose item has another vector.
        var (bulk, slots) = (_layout.RanksItself && _before.ItemCount == 0, new List<int>(moved.Count));
        foreach (var item in moved)
        {
            var slot = _index.Find(item.Key);
            if (slot < 0)
            {
                slot = free?.Slot ?? slotCount++;
                free = free?.Next;
                keys.Add((item.Key, slot));
            }
            slots.Add(slot);
            _items[slot] = item;
            _touched.Add(slot);
            if (!bulk)
                Rank(slot, item);
        }
        _index = _index.With(keys);
        if (bulk)
            Forget();
        Refill();
        SetPlaces();
        var (newcomers, everywhere, edges) = Standings.Settle(_layout, _before, [.. _touched], slot => _items[slot], slot => _edges[slot], slot => _near[slot]);
        return new GraphState(_items.Done(), _edges.Done(), _near.Done(), _rows, _bars, _index, newcomers, everywhere, free, slotCount, itemCount, edges);
    }

    private void Check(IReadOnlyCollection<CatalogueItem> items)
    {
        var dimension = _layout.Centroids.Dimension;
        var keys = new HashSet<ActionKey>(items.Count);
        foreach (var item in items)
        {
            if (!keys.Add(item.Key))
                throw new ArgumentException($"Item '{Encoding.UTF8.GetString(item.Id.Span)}' occurs twice.", nameof(items));
            var vector = item.Features.Dense.Span;
            if (dimension == 0 || vector.IsEmpty)
                continue;
            if (vector.Length != dimension)
                throw new ArgumentException(
                    $"Item '{Encoding.UTF8.GetString(item.Id.Span)}' has a vector of {vector.Length} numbers, the centroids have {dimension}.", nameof(items));
            if (!System.Numerics.Tensors.TensorPrimitives.IsFiniteAll(vector))
                throw new ArgumentException($"The vector of item '{Encoding.UTF8.GetString(item.Id.Span)}' is not finite.", nameof(items));
        }
    }

    /// <summary>Takes an item, still in its slot, out of all rows.</summary>
    private void Unrank(int slot, CatalogueItem item)
    {
        _touched.Add(slot);
        ForEachRow(slot, item, static (self, cluster, slot, score) => self.Remove(cluster, slot, score));
        if (!_layout.RanksItself && _near[slot] is not null)
            _near[slot] = null;
    }

    /// <summary>Puts an item, in its slot already, into the rows that it is good enough for.</summary>
    private void Rank(int slot, CatalogueItem item)
    {
        if (!_layout.RanksItself && _layout.IsCandidate(slot, item))
        {
            var near = new ClusterWeight[Math.Min(GraphLayout.InsertionClusters, _rows.Length)];
            _layout.Centroids.NearestOfAll(item.Features.Dense.Span, 1, near);
            _near[slot] = Array.ConvertAll(near, static n => n.Cluster);
        }
        ForEachRow(slot, item, static (self, cluster, slot, score) => self.Insert(cluster, slot, score));
    }

    private void ForEachRow(int slot, CatalogueItem item, Action<GraphEditor, int, int, float> change)
    {
        if (!_layout.IsCandidate(slot, item))
            return;
        var vector = item.Features.Dense.Span;
        if (!_layout.RanksItself)
        {
            foreach (var cluster in _near[slot]!)
            {
                _layout.Centroids.Direction(cluster, _direction);
                var score = VectorPanels.Score(vector, _direction);
                if (score >= _bars[_layout.Centroids.LaneOf[cluster]])
                    change(this, cluster, slot, score);
            }
            return;
        }
        var rented = ArrayPool<float>.Shared.Rent(_bars.Length);
        _layout.Centroids.Score(vector, rented);
        for (var lane = 0; lane < _bars.Length; lane++)
        {
            if (rented[lane] >= _bars[lane])
                change(this, _layout.Centroids.ClusterOf[lane], slot, rented[lane]);
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    private void Insert(int cluster, int slot, float score)
    {
        var at = Search(cluster, score, _items[slot]!.Key);
        var row = _rows[cluster];
        if (at == row.Length && !row.Complete)
            return;
        row = Own(cluster);
        row.Insert(at, slot);
        if (at < row.Places)
        {
            Count(slot, 1);
            if (row.Length > row.Places)
                Count(row.Slots[row.Places], -1);
        }
        if (row.Length > _layout.KnownMax)
            (row.Length, row.Complete) = (row.Length - 1, false);
        SetBar(cluster);
    }

    private void Remove(int cluster, int slot, float score)
    {
        var at = Search(cluster, score, _items[slot]!.Key);
        if (at == _rows[cluster].Length || _rows[cluster].Slots[at] != slot)
            return;
        var row = Own(cluster);
        if (at < row.Places)
        {
            Count(slot, -1);
            if (row.Length > row.Places)
                Count(row.Slots[row.Places], 1);
        }
        row.RemoveAt(at);
        SetBar(cluster);
    }

    /// <summary>The first place of a row that does not come before an item of this score and key. Leaves the cluster's direction behind.</summary>
    private int Search(int cluster, float score, ActionKey key)
    {
        _layout.Centroids.Direction(cluster, _direction);
        var row = _rows[cluster];
        var (low, high) = (0, row.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var item = _items[row.Slots[middle]]!;
            var other = VectorPanels.Score(item.Features.Dense.Span, _direction);
            if (other > score || (other == score && item.Key < key))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private RankedRow Own(int cluster)
    {
        if (!_own[cluster])
        {
            _rows[cluster] = _rows[cluster].Copy(room: 1);
            _own[cluster] = true;
            _changedRows.Add(cluster);
        }
        return _rows[cluster];
    }

    /// <summary>Sets the bar of a row whose cluster's direction is at hand.</summary>
    private void SetBar(int cluster)
    {
        var row = _rows[cluster];
        // Of a row that knows nobody nothing can be said but that it must be filled.
        _bars[_layout.Centroids.LaneOf[cluster]] = row.Complete ? float.NegativeInfinity
            : row.Length == 0 ? float.PositiveInfinity
            : VectorPanels.Score(_items[row.Slots[row.Length - 1]]!.Features.Dense.Span, _direction);
    }

    private void Count(int slot, int edges)
    {
        _edges[slot] += edges;
        _touched.Add(slot);
    }

    /// <summary>All rows know nobody.</summary>
    private void Forget()
    {
        for (var c = 0; c < _rows.Length && _direction.Length > 0; c++)
            Own(c).Complete = false;
    }

    /// <summary>Searches all items for those rows that know fewer than W and are not complete.</summary>
    private void Refill()
    {
        var starved = _changedRows.Where(c => _rows[c].Length < _layout.Width && !_rows[c].Complete).Order().ToArray();
        if (starved.Length == 0)
            return;
        var slots = new List<int>();
        var walk = _index.From(0);
        for (var i = 0; i < _index.Count; i++)
        {
            var slot = walk.Next();
            if (_items[slot] is { } item && _layout.IsCandidate(slot, item))
                slots.Add(slot);
        }
        if (_layout.RanksItself)
        {
            ReadOnlyMemory<float>[] vectors = [.. slots.Select(slot => _items[slot]!.Features.Dense)];
            RowScan.Best(_layout.Centroids, starved, vectors, _layout.KnownMax, (cluster, best) => Replace(cluster, Array.ConvertAll(best, i => slots[i]), slots.Count));
            return;
        }
        foreach (var cluster in starved)
        {
            var candidates = slots.Where(slot => _near[slot].AsSpan().Contains(cluster)).ToArray();
            ReadOnlyMemory<float>[] vectors = [.. candidates.Select(slot => _items[slot]!.Features.Dense)];
            RowScan.Best(_layout.Centroids, [cluster], vectors, _layout.KnownMax, (_, best) => Replace(cluster, Array.ConvertAll(best, i => candidates[i]), candidates.Length));
        }
    }

    private void Replace(int cluster, int[] best, int candidates)
    {
        var row = _rows[cluster];
        Debug.Assert(best.AsSpan(0, row.Length).SequenceEqual(row.Known), "What a row knows is the best there is.");
        var edges = row.Edges;
        (row.Slots, row.Length, row.Complete) = (best, best.Length, best.Length == candidates);
        foreach (var slot in row.Edged[edges..])
            Count(slot, 1);
        _layout.Centroids.Direction(cluster, _direction);
        SetBar(cluster);
    }

    /// <summary>How many edges a row that stands beside a given one may have: the free places, and beyond them, up to W, whoever beats the W-th of the given.</summary>
    private void SetPlaces()
    {
        if (_layout.RanksItself)
            return;
        foreach (var cluster in _changedRows.Concat(_touched.SelectMany(_layout.AnchoredBy)).Distinct().Order().ToArray())
        {
            var places = _layout.FreePlaces(cluster);
            if (_layout.GivenLength(cluster) >= _layout.Width && _items[_layout.Given![cluster][_layout.Width - 1]] is { } last && GraphState.IsPlaceable(last))
            {
                _layout.Centroids.Direction(cluster, _direction);
                var beaten = VectorPanels.Score(last.Features.Dense.Span, _direction);
                // Before the first key of all: who only equals the bar does not beat it.
                var better = Search(cluster, beaten + GraphLayout.InsertionMargin * Math.Abs(beaten), new ActionKey(0));
                places = Math.Clamp(better, places, _layout.Width);
            }
            var row = _rows[cluster];
            if (row.Places == places)
                continue;
            row = Own(cluster);
            var (had, has) = (row.Edges, Math.Min(places, row.Length));
            row.Places = places;
            for (var i = had; i < has; i++)
                Count(row.Slots[i], 1);
            for (var i = has; i < had; i++)
                Count(row.Slots[i], -1);
        }
    }
}
