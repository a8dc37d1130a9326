using System.Collections.Immutable;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The sums of all partitions as serving holds them: immutable, and a successor that has learned more shares with it whatever did not change. A picture is a function of the
/// tables that it was made of, whole or in pieces, in any order.
/// </summary>
/// <remarks>
/// Memory: 80 bytes an edge (its key 16, its sums 40, its item 4, and the hash table 8 to 16), 40 more for an edge with sums of two periods, and 176 bytes an item. A successor costs
/// what changed: pages of 128 edges, and the table of pages.
/// </remarks>
internal sealed class EdgePicture
{
    private readonly Forgetting _forgetting;
    private readonly double _priorWeight;
    private readonly bool _pooled;
    private GrowingIndex<EdgeKey> _edges = new();
    private GrowingIndex<ItemKey> _items = new();
    private PagedArray<int> _itemOf = PagedArray<int>.Empty;
    private PagedArray<EdgeSums> _current = PagedArray<EdgeSums>.Empty;
    private PagedArray<EdgeSums> _previous = PagedArray<EdgeSums>.Empty;
    private PagedArray<ItemSums> _itemSums = PagedArray<ItemSums>.Empty;
    private CatalogueSums _catalogue;
    private Totals _currentTotals;
    private Totals _previousTotals;
    private ImmutableDictionary<int, bool> _full = ImmutableDictionary<int, bool>.Empty;
    private long _period;
    private long _newest;
    private long _step;
    private double _currentFactor = 1;
    private double _previousFactor = 1;

    private EdgePicture(Forgetting forgetting, double priorWeight, bool pooled)
    {
        (_forgetting, _priorWeight, _pooled) = (forgetting, priorWeight, pooled);
        Derive();
        Model = PooledModel.Of(default, MeanReward, priorWeight);
    }

    private EdgePicture(EdgePicture from)
    {
        (_forgetting, _priorWeight, _pooled) = (from._forgetting, from._priorWeight, from._pooled);
        (_edges, _items, _itemOf) = (from._edges, from._items, from._itemOf);
        (_current, _previous, _itemSums, _catalogue) = (from._current, from._previous, from._itemSums, from._catalogue);
        (_currentTotals, _previousTotals, _period, _newest, _step) = (from._currentTotals, from._previousTotals, from._period, from._newest, from._step);
        (_currentFactor, _previousFactor, _full) = (from._currentFactor, from._previousFactor, from._full);
        (Edges, Items, Interactions, Model, MeanReward) = (from.Edges, from.Items, from.Interactions, from.Model, from.MeanReward);
    }

    /// <summary>Nothing learned.</summary>
    /// <param name="forgetting">How sums fade.</param>
    /// <param name="priorWeight">d0.</param>
    /// <param name="pooled">Whether <see cref="Model"/> and what belongs to it are wanted.</param>
    public static EdgePicture Empty(Forgetting forgetting, double priorWeight, bool pooled) => new(forgetting, priorWeight, pooled);

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; private set; }

    /// <summary>Edges known.</summary>
    public int Edges { get; private set; }

    /// <summary>Items known.</summary>
    public int Items { get; private set; }

    /// <summary>Weighted mean of all rewards, normalised; shrunk towards 1/2 while there are few.</summary>
    public double MeanReward { get; private set; }

    /// <summary>What is expected of an edge before it is looked at.</summary>
    public PooledModel Model { get; private set; }

    /// <summary>Whether no partition has room for another edge.</summary>
    public bool IsFull => !_full.IsEmpty && !_full.ContainsValue(false);

    /// <summary>The picture that has also learned what a table says. This one stays as it is.</summary>
    /// <param name="partition">Whose trainer wrote it.</param>
    /// <param name="table">What it has learned, as a whole or since it last wrote.</param>
    /// <exception cref="SnapshotFormatException">The sums are larger than any number of interactions could make them.</exception>
    public EdgePicture With(int partition, EdgeTable table)
    {
        var next = new EdgePicture(this) { _full = _full.SetItem(partition, table.IsFull) };
        next.Add(table);
        return next;
    }

    /// <summary>Number of an item, or -1.</summary>
    public int FindItem(ActionKey item) => _items.Find(new ItemKey(item), Items);

    /// <summary>What the edges of an item say together, by its number.</summary>
    public ItemSums Item(int number) => _itemSums[number];

    /// <summary>What an edge has seen; all zero for one that is not known.</summary>
    public EdgeView Find(in EdgeKey edge)
    {
        var number = _edges.Find(edge, Edges);
        return number < 0 ? default : View(_current[number], _previous[number]);
    }

    private EdgeView View(in EdgeSums current, in EdgeSums previous) => EdgeView.Of(current, _currentFactor, previous, _previousFactor);

    private void Add(EdgeTable table)
    {
        if (Interactions > long.MaxValue - table.Interactions)
            throw new SnapshotFormatException("Shards count more interactions than an integer holds.");
        Interactions += table.Interactions;
        _newest = Math.Max(_newest, table.Newest);
        Rotate(Math.Max(_period, table.Period));
        var step = _forgetting.StepOf(_newest);
        // Most of it is new, or all of it counts differently: then one pass over everything costs less than taking out and putting back.
        var all = step != _step || table.Edges > Edges / 2;
        _step = step;
        (_currentFactor, _previousFactor) = (_forgetting.Factor(_period, step), _forgetting.Factor(_period - 1, step));
        var before = _pooled && !all ? new Dictionary<int, ItemSums>() : null;
        (_edges, _items) = (_edges.Continue(Edges), _items.Continue(Items));
        var itemOf = _itemOf.Change(Edges + table.Edges);
        var items = _itemSums.Change(Items + table.Edges);
        _current = Add(table.In(_period), _current, isCurrent: true, itemOf, items, before);
        _previous = Add(table.In(_period - 1), _previous, isCurrent: false, itemOf, items, before);
        _itemOf = itemOf.Freeze();
        Derive();
        if (!_pooled)
            return;
        if (before is null)
        {
            Pool();
            return;
        }
        foreach (var (item, sums) in before)
            _catalogue = _catalogue - CatalogueSums.Of(sums, _priorWeight) + CatalogueSums.Of(items[item], _priorWeight);
        _itemSums = items.Freeze();
        var spread = Model.EdgeSpread;
        Model = PooledModel.Of(_catalogue, MeanReward, _priorWeight);
        if (Model.EdgeSpread != spread)
            Lean();
    }

    /// <summary>Adds a list to the sums of its period and, where asked to, moves what the items say along.</summary>
    private PagedArray<EdgeSums> Add(
        in EdgeList list, PagedArray<EdgeSums> sums, bool isCurrent, PagedArray<int>.Changes itemOf, PagedArray<ItemSums>.Changes items, Dictionary<int, ItemSums>? before)
    {
        if (list.Keys.Length == 0)
            return sums;
        var other = isCurrent ? _previous : _current;
        var changed = sums.Change(Edges + list.Keys.Length);
        for (var i = 0; i < list.Keys.Length; i++)
        {
            var edge = _edges.Find(list.Keys[i], Edges);
            if (edge < 0)
            {
                edge = _edges.Add(list.Keys[i]);
                Edges++;
                itemOf[edge] = NumberOf(new ItemKey(list.Keys[i].Action));
            }
            ref var sum = ref changed[edge];
            var old = sum;
            sum += list.Sums[i];
            if (!sum.IsPossible)
                throw new SnapshotFormatException($"Merged edge {list.Keys[i]} has impossible sums {sum}.");
            (isCurrent ? ref _currentTotals : ref _previousTotals).Add(list.Sums[i]);
            if (before is null)
                continue;
            ref var item = ref items[itemOf[edge]];
            before.TryAdd(itemOf[edge], item);
            var (then, now) = isCurrent ? (View(old, other[edge]), View(sum, other[edge])) : (View(other[edge], old), View(other[edge], sum));
            item = item - ItemSums.Of(then, Model.EdgeSpread) + ItemSums.Of(now, Model.EdgeSpread);
        }
        return changed.Freeze();
    }

    private int NumberOf(ItemKey item)
    {
        var number = _items.Find(item, Items);
        if (number < 0)
        {
            number = _items.Add(item);
            Items++;
        }
        return number;
    }

    private void Rotate(long period)
    {
        if (period == _period)
            return;
        var next = period == _period + 1;
        (_previous, _previousTotals) = next ? (_current, _currentTotals) : (PagedArray<EdgeSums>.Empty, default);
        (_current, _currentTotals) = (PagedArray<EdgeSums>.Empty, default);
        _period = period;
    }

    private void Derive()
    {
        // Ten imaginary interactions with mean 1/2 keep the scale of the widths near its largest possible value until rewards say otherwise.
        const double Imaginary = 10;
        var reward = (_currentFactor * (double)_currentTotals.Reward + _previousFactor * (double)_previousTotals.Reward) / EdgeSums.Scale;
        var weight = (_currentFactor * (double)_currentTotals.Weight + _previousFactor * (double)_previousTotals.Weight) / EdgeSums.Scale;
        MeanReward = (reward + Imaginary / 2) / (weight + Imaginary);
    }

    /// <summary>What all items say, from all edges.</summary>
    private void Pool()
    {
        var items = new ItemSums[Items];
        for (var edge = 0; edge < Edges; edge++)
            items[_itemOf[edge]] += ItemSums.Of(View(_current[edge], _previous[edge]), Model.EdgeSpread);
        _catalogue = default;
        foreach (ref readonly var item in items.AsSpan())
            _catalogue += CatalogueSums.Of(item, _priorWeight);
        var spread = Model.EdgeSpread;
        Model = PooledModel.Of(_catalogue, MeanReward, _priorWeight);
        Keep(items);
        if (Model.EdgeSpread != spread)
            Lean();
    }

    /// <summary>What all items say about their edges leaning on them, from all edges, because the spread of the edges has moved.</summary>
    private void Lean()
    {
        var items = new ItemSums[Items];
        for (var edge = 0; edge < Edges; edge++)
            items[_itemOf[edge]] += ItemSums.Of(View(_current[edge], _previous[edge]), Model.EdgeSpread);
        Keep(items);
    }

    private void Keep(ItemSums[] items)
    {
        var kept = PagedArray<ItemSums>.Empty.Change(items.Length);
        for (var i = 0; i < items.Length; i++)
            kept[i] = items[i];
        _itemSums = kept.Freeze();
    }

    /// <summary>All rewards and weights of a period, in units of <see cref="EdgeSums.Scale"/>.</summary>
    private struct Totals
    {
        public Int128 Reward;
        public Int128 Weight;

        public void Add(in EdgeSums sums)
        {
            Reward += sums.Reward;
            Weight += sums.Weight;
        }
    }

    /// <summary>An item; its key is a hash already.</summary>
    private readonly record struct ItemKey(ActionKey Action) : IMixedKey
    {
        public ulong Mixed => Action.Value ^ (Action.Value >> 32);
    }
}
