using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The awaited impressions of all partitions as serving holds them, and how much firmer items will stand once they are learned. Immutable like <see cref="EdgePicture"/>,
/// of which it is a part, and like it a function of tables in any order. Apart from the sums, because an edge may have nothing but impressions, and loses them again.
/// </summary>
/// <remarks>Memory: 72 to 80 bytes an edge with impressions, or that had some since the last time most had lost theirs; a successor costs what changed.</remarks>
internal sealed class PendingPicture
{
    // Fewer edges than this are not worth tidying up.
    private const int TidyMin = 256;

    private GrowingIndex<EdgeKey> _edges = new();
    private GrowingIndex<ItemKey> _items = new();
    private PagedArray<Awaited> _awaited = PagedArray<Awaited>.Empty;
    private PagedArray<long> _leaning = PagedArray<long>.Empty;
    private int _edgesKnown;
    private int _itemsKnown;

    private PendingPicture()
    {
    }

    private PendingPicture(PendingPicture from)
    {
        (_edges, _items, _awaited, _leaning) = (from._edges.Continue(from._edgesKnown), from._items.Continue(from._itemsKnown), from._awaited, from._leaning);
        (_edgesKnown, _itemsKnown, Edges) = (from._edgesKnown, from._itemsKnown, from.Edges);
    }

    /// <summary>Nothing awaited.</summary>
    public static PendingPicture Empty { get; } = new();

    /// <summary>Edges with awaited impressions.</summary>
    public int Edges { get; private set; }

    /// <summary>Impressions awaited on an edge.</summary>
    public PendingSums Find(in EdgeKey edge) => Edges > 0 && _edges.Find(edge, _edgesKnown) is >= 0 and var number ? _awaited[number].Sums : default;

    /// <summary>What <see cref="ItemEvidence.Leaning"/> of an item will grow by when its impressions are learned. 0 unless pooled.</summary>
    public double LeaningOf(ActionKey item) =>
        Edges > 0 && _items.Find(new ItemKey(item), _itemsKnown) is >= 0 and var number ? _leaning[number] / ItemSums.Scale : 0;

    /// <summary>The picture after a table. This one stays as it is.</summary>
    /// <param name="table">What was learned, with changes of what is awaited.</param>
    /// <param name="picture">The sums that the table is already part of.</param>
    /// <param name="all">Whether sums of edges count otherwise than before that the table does not name.</param>
    /// <exception cref="SnapshotFormatException">More is settled than was awaited.</exception>
    public PendingPicture With(EdgeTable table, EdgePicture picture, bool all)
    {
        var list = table.Pending;
        if (_edgesKnown == 0 && list.Keys.Length == 0)
            return this;
        var next = new PendingPicture(this);
        var awaited = next._awaited.Change(_edgesKnown + list.Keys.Length);
        var leaning = next._leaning.Change(_itemsKnown + list.Keys.Length);
        for (var i = 0; i < list.Keys.Length; i++)
        {
            var edge = next._edges.Find(list.Keys[i], next._edgesKnown);
            if (edge < 0)
                edge = next.Introduce(list.Keys[i], awaited);
            ref var entry = ref awaited[edge];
            var before = entry.Sums;
            entry.Sums += list.Sums[i];
            if (!entry.Sums.IsPossible)
                throw new SnapshotFormatException($"Merged edge {list.Keys[i]} awaits impossible sums {entry.Sums}.");
            next.Edges += (entry.Sums == default ? 0 : 1) - (before == default ? 0 : 1);
            Lean(edge);
        }
        if (all)
        {
            for (var edge = 0; edge < next._edgesKnown; edge++)
                Lean(edge);
        }
        else
        {
            Follow(table.Current.Keys);
            Follow(table.Previous.Keys);
        }
        (next._awaited, next._leaning) = (awaited.Freeze(), leaning.Freeze());
        return next._edgesKnown >= TidyMin && 4 * next.Edges < next._edgesKnown ? next.Tidy() : next;

        void Follow(EdgeKey[] keys)
        {
            foreach (var key in keys)
            {
                if (next._edges.Find(key, next._edgesKnown) is >= 0 and var edge)
                    Lean(edge);
            }
        }

        // In fixed point: what an edge gave to its item before is taken out without a trace.
        void Lean(int edge)
        {
            ref var entry = ref awaited[edge];
            var now = picture.LeaningOf(next._edges[edge], entry.Sums);
            if (now == entry.Leaning)
                return;
            leaning[entry.Item] += now - entry.Leaning;
            entry.Leaning = now;
        }
    }

    private int Introduce(in EdgeKey key, PagedArray<Awaited>.Changes awaited)
    {
        var item = _items.Find(new ItemKey(key.Action), _itemsKnown);
        if (item < 0)
            (item, _itemsKnown) = (_items.Add(new ItemKey(key.Action)), _itemsKnown + 1);
        var edge = _edges.Add(key);
        _edgesKnown++;
        awaited[edge].Item = item;
        return edge;
    }

    /// <summary>The same without edges that await nothing. Three in four have lost theirs since it was last done: all in all it costs a part of what changed.</summary>
    private PendingPicture Tidy()
    {
        var tidy = new PendingPicture();
        var awaited = tidy._awaited.Change(Edges);
        var leaning = tidy._leaning.Change(Edges);
        for (var edge = 0; edge < _edgesKnown; edge++)
        {
            var old = _awaited[edge];
            if (old.Sums == default)
                continue;
            var at = tidy.Introduce(_edges[edge], awaited);
            ref var entry = ref awaited[at];
            (entry.Sums, entry.Leaning) = (old.Sums, old.Leaning);
            leaning[entry.Item] += old.Leaning;
        }
        (tidy._awaited, tidy._leaning, tidy.Edges) = (awaited.Freeze(), leaning.Freeze(), Edges);
        return tidy;
    }

    /// <summary>What one edge awaits, and by how much that will firm its item.</summary>
    private struct Awaited
    {
        public PendingSums Sums;
        public long Leaning;
        public int Item;
    }
}
