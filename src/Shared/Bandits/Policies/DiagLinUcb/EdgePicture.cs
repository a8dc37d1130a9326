using System.Collections.Immutable;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The sums of all partitions as serving holds them: immutable, and a successor that has learned more shares with it whatever did not change. A picture is a function of the
/// tables that it was made of, whole or in pieces, in any order.
/// </summary>
/// <remarks>
/// Memory: 80 to 88 bytes an edge (its key 16, its sums 40, its item and cluster 16, and the hash table 8 to 16), 40 more for an edge with sums of two periods, and 232 bytes
/// an item. A successor costs what changed: pages of 128 edges, and the table of pages. Now and then a number that all edges depend on moves from one point of its grid to the next;
/// then it costs one pass over all.
/// </remarks>
internal sealed class EdgePicture
{
    private readonly Forgetting _forgetting;
    private readonly bool _pooled;
    private GrowingIndex<EdgeKey> _edges = new();
    private GrowingIndex<ItemKey> _items = new();
    private GrowingIndex<ClusterKey> _clusters = new();
    private PagedArray<Links> _links = PagedArray<Links>.Empty;
    private PagedArray<int> _lastEdges = PagedArray<int>.Empty;
    private PagedArray<EdgeSums> _current = PagedArray<EdgeSums>.Empty;
    private PagedArray<EdgeSums> _previous = PagedArray<EdgeSums>.Empty;
    private PagedArray<ItemSums> _itemSums = PagedArray<ItemSums>.Empty;
    private PagedArray<ItemEvidence> _evidence = PagedArray<ItemEvidence>.Empty;
    private PagedArray<ClusterSums> _clusterSums = PagedArray<ClusterSums>.Empty;
    private ClusterSums _allClusters;
    private CatalogueSums _catalogue = new();
    private Totals _currentTotals;
    private Totals _previousTotals;
    private Centring _centring;
    private double _edgeSpread;
    private ImmutableDictionary<int, bool> _full = ImmutableDictionary<int, bool>.Empty;
    private long _period;
    private long _newest;
    private long _step;
    private double _currentFactor = 1;
    private double _previousFactor = 1;

    private EdgePicture(Forgetting forgetting, bool pooled)
    {
        (_forgetting, _pooled) = (forgetting, pooled);
        Derive();
        _centring = Centring.Of(MeanReward, default);
        _edgeSpread = PooledModel.EdgeSpreadOf(default, Noise);
        Model = PooledModel.Of(_catalogue, Noise, _edgeSpread);
    }

    private EdgePicture(EdgePicture from)
    {
        (_forgetting, _pooled, _centring, _edgeSpread) = (from._forgetting, from._pooled, from._centring, from._edgeSpread);
        (_edges, _items, _clusters, _links, _lastEdges) = (from._edges, from._items, from._clusters, from._links, from._lastEdges);
        (_current, _previous, _currentTotals, _previousTotals) = (from._current, from._previous, from._currentTotals, from._previousTotals);
        (_itemSums, _evidence, _clusterSums) = (from._itemSums, from._evidence, from._clusterSums);
        (_allClusters, _catalogue) = (from._allClusters, from._catalogue);
        (_full, _period, _newest, _step) = (from._full, from._period, from._newest, from._step);
        (_currentFactor, _previousFactor) = (from._currentFactor, from._previousFactor);
        (Edges, Items, Clusters, Interactions, Model, MeanReward) = (from.Edges, from.Items, from.Clusters, from.Interactions, from.Model, from.MeanReward);
        Pending = from.Pending;
    }

    /// <summary>Nothing learned.</summary>
    /// <param name="forgetting">How sums fade.</param>
    /// <param name="pooled">Whether <see cref="Model"/> and what belongs to it are wanted.</param>
    public static EdgePicture Empty(Forgetting forgetting, bool pooled) => new(forgetting, pooled);

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; private set; }

    /// <summary>Edges known.</summary>
    public int Edges { get; private set; }

    /// <summary>Items known.</summary>
    public int Items { get; private set; }

    /// <summary>Clusters known.</summary>
    public int Clusters { get; private set; }

    /// <summary>Weighted mean of all rewards, normalised; shrunk towards 1/2 while there are few.</summary>
    public double MeanReward { get; private set; }

    /// <summary>What is expected of an edge before it is looked at.</summary>
    public PooledModel Model { get; private set; }

    /// <summary>Impressions whose reward is awaited.</summary>
    public PendingPicture Pending { get; private set; } = PendingPicture.Empty;

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
    public ItemEvidence Item(int number) => _evidence[number];

    /// <summary>What an edge has seen; all zero for one that is not known.</summary>
    public EdgeView Find(in EdgeKey edge)
    {
        var number = _edges.Find(edge, Edges);
        return number < 0 ? default : View(_current[number], _previous[number]);
    }

    /// <summary>All edges of an item, by its number, with the clusters that they come from.</summary>
    public IEnumerable<(int Cluster, EdgeView Edge)> EdgesOf(int item)
    {
        for (var edge = _lastEdges[item]; edge != 0; edge = _links[edge - 1].NextOfItem)
            yield return (_edges[edge - 1].Cluster, View(edge - 1));
    }

    /// <summary>What the rewards and affinities of a cluster lie around; those of all clusters for one that is not known.</summary>
    public Centre CentreOf(int cluster)
    {
        var number = _clusters.Find(new ClusterKey(cluster), Clusters);
        return number < 0 ? _centring.All : _centring.Of(_clusterSums[number]);
    }

    /// <summary>How much more an edge will weigh in its item with impressions learned, in units of <see cref="ItemSums.Scale"/>; 0 unless pooled.</summary>
    public long LeaningOf(in EdgeKey edge, in PendingSums awaited)
    {
        if (!_pooled || awaited == default)
            return 0;
        var view = Find(edge);
        return (long)(ItemSums.Fixed(ItemSums.LeaningOf(view.SizeWith(awaited), _edgeSpread)) - ItemSums.Fixed(ItemSums.LeaningOf(view.Size, _edgeSpread)));
    }

    private double Noise => MeanReward * (1 - MeanReward);

    private EdgeView View(int edge) => View(_current[edge], _previous[edge]);

    private EdgeView View(in EdgeSums current, in EdgeSums previous) => EdgeView.Of(current, _currentFactor, previous, _previousFactor);

    private void Add(EdgeTable table)
    {
        if (Interactions > long.MaxValue - table.Interactions)
            throw new SnapshotFormatException("Shards count more interactions than an integer holds.");
        Interactions += table.Interactions;
        _newest = Math.Max(_newest, table.Newest);
        var (period, spread) = (_period, _edgeSpread);
        Rotate(Math.Max(_period, table.Period));
        var step = _forgetting.StepOf(_newest);
        // Most of it is new, or all of it counts differently: then one pass over everything costs less than taking out and putting back.
        var faded = step != _step || period != _period;
        var all = step != _step || table.Edges > Edges / 2;
        _step = step;
        (_currentFactor, _previousFactor) = (_forgetting.Factor(_period, step), _forgetting.Factor(_period - 1, step));
        (_edges, _items, _clusters) = (_edges.Continue(Edges), _items.Continue(Items), _clusters.Continue(Clusters));
        var pooling = new Pooling(this, table.Edges, moves: _pooled && !all);
        _current = Add(table.In(_period), _current, isCurrent: true, pooling);
        _previous = Add(table.In(_period - 1), _previous, isCurrent: false, pooling);
        (_links, _lastEdges, _clusterSums) = (pooling.Links.Freeze(), pooling.LastEdges.Freeze(), pooling.Clusters.Freeze());
        Derive();
        if (_pooled)
            Pool(pooling, all);
        Pending = Pending.With(table, this, all: faded || spread != _edgeSpread);
    }

    /// <summary>What items and clusters say now that the sums have changed.</summary>
    private void Pool(Pooling pooling, bool all)
    {
        if (!all && Centre(pooling))
            _catalogue = pooling.Catalogue();
        else
            Pool();
        var spread = PooledModel.EdgeSpreadOf(_catalogue.Within, Noise);
        if (spread != _edgeSpread)
            Lean(spread);
        Model = PooledModel.Of(_catalogue, Noise, _edgeSpread);
    }

    /// <summary>Adds a list to the sums of its period and, where asked to, moves what items and clusters say along.</summary>
    private PagedArray<EdgeSums> Add(in EdgeList list, PagedArray<EdgeSums> sums, bool isCurrent, Pooling pooling)
    {
        if (list.Keys.Length == 0)
            return sums;
        var other = isCurrent ? _previous : _current;
        var changed = sums.Change(Edges + list.Keys.Length);
        for (var i = 0; i < list.Keys.Length; i++)
        {
            var edge = _edges.Find(list.Keys[i], Edges);
            if (edge < 0)
                edge = Introduce(list.Keys[i], pooling);
            ref var sum = ref changed[edge];
            var old = sum;
            sum += list.Sums[i];
            if (!sum.IsPossible)
                throw new SnapshotFormatException($"Merged edge {list.Keys[i]} has impossible sums {sum}.");
            (isCurrent ? ref _currentTotals : ref _previousTotals).Add(list.Sums[i]);
            if (!pooling.Moves)
                continue;
            var (then, now) = isCurrent ? (View(old, other[edge]), View(sum, other[edge])) : (View(other[edge], old), View(other[edge], sum));
            pooling.Move(edge, then, now);
        }
        return changed.Freeze();
    }

    private int Introduce(in EdgeKey key, Pooling pooling)
    {
        var item = _items.Find(new ItemKey(key.Action), Items);
        if (item < 0)
            (item, Items) = (_items.Add(new ItemKey(key.Action)), Items + 1);
        var cluster = _clusters.Find(new ClusterKey(key.Cluster), Clusters);
        if (cluster < 0)
            (cluster, Clusters) = (_clusters.Add(new ClusterKey(key.Cluster)), Clusters + 1);
        var edge = _edges.Add(key);
        Edges++;
        ref var sums = ref pooling.Clusters[cluster];
        ref var last = ref pooling.LastEdges[item];
        pooling.Links[edge] = new Links(item, cluster, sums.LastEdge, last);
        last = edge + 1;
        sums = sums with { LastEdge = edge + 1 };
        return edge;
    }

    /// <summary>Moves the edges of every cluster whose centre has moved; centres lie on a grid so that this is seldom.</summary>
    /// <returns>False, with nothing done, when so many have moved that all had better be pooled anew.</returns>
    private bool Centre(Pooling pooling)
    {
        var before = _centring;
        var now = Centring.Of(MeanReward, _allClusters);
        _centring = now;
        // Another grid, or another middle to lean on, may move any cluster.
        if (before != now)
            return false;
        foreach (var (cluster, old) in pooling.Touched)
        {
            Centre from = now.Of(old), to = now.Of(_clusterSums[cluster]);
            if (from == to)
                continue;
            for (var edge = _clusterSums[cluster].LastEdge; edge != 0; edge = _links[edge - 1].Next)
                pooling.Move(_links[edge - 1].Item, View(edge - 1), from, to);
        }
        _itemSums = pooling.Items.Freeze();
        return true;
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

    /// <summary>What clusters and items say, from all edges.</summary>
    private void Pool()
    {
        var clusters = _clusterSums.Change(Clusters);
        for (var cluster = 0; cluster < Clusters; cluster++)
            clusters[cluster] = new ClusterSums { LastEdge = clusters[cluster].LastEdge };
        _allClusters = default;
        for (var edge = 0; edge < Edges; edge++)
        {
            var sums = ClusterSums.Of(View(edge));
            clusters[_links[edge].Cluster] += sums;
            _allClusters += sums;
        }
        _clusterSums = clusters.Freeze();
        _centring = Centring.Of(MeanReward, _allClusters);
        Lean(_edgeSpread);
    }

    /// <summary>What the items say, from all edges, if the edges of an item lie so far apart.</summary>
    private void Lean(double spread)
    {
        _edgeSpread = spread;
        var items = new ItemSums[Items];
        for (var edge = 0; edge < Edges; edge++)
        {
            var links = _links[edge];
            items[links.Item] += ItemSums.Of(View(edge).Around(_centring.Of(_clusterSums[links.Cluster])), spread);
        }
        var kept = PagedArray<ItemSums>.Empty.Change(items.Length);
        var evidence = PagedArray<ItemEvidence>.Empty.Change(items.Length);
        _catalogue = new CatalogueSums();
        for (var i = 0; i < items.Length; i++)
        {
            kept[i] = items[i];
            evidence[i] = ItemEvidence.Of(items[i]);
            _catalogue.Add(items[i], 1);
        }
        (_itemSums, _evidence) = (kept.Freeze(), evidence.Freeze());
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

    /// <summary>A cluster.</summary>
    private readonly record struct ClusterKey(int Cluster) : IMixedKey
    {
        public ulong Mixed => ((ulong)(uint)Cluster * 0x9E3779B97F4A7C15) >> 32;
    }

    /// <summary>What an edge belongs to.</summary>
    /// <param name="Item">Number of its item.</param>
    /// <param name="Cluster">Number of its cluster.</param>
    /// <param name="Next">1 + the edge of that cluster that came before it; 0 for none.</param>
    /// <param name="NextOfItem">1 + the edge of that item that came before it; 0 for none.</param>
    private readonly record struct Links(int Item, int Cluster, int Next, int NextOfItem);

    /// <summary>What items and clusters say while a picture is made: what they said before, and how it moves.</summary>
    private sealed class Pooling(EdgePicture picture, int added, bool moves)
    {
        private readonly Dictionary<int, ItemSums> _before = [];
        private readonly Dictionary<int, ClusterSums> _touched = [];

        public bool Moves => moves;

        public PagedArray<Links>.Changes Links { get; } = picture._links.Change(picture.Edges + added);

        public PagedArray<int>.Changes LastEdges { get; } = picture._lastEdges.Change(picture.Items + added);

        public PagedArray<ItemSums>.Changes Items { get; } = picture._itemSums.Change(picture.Items + added);

        public PagedArray<ClusterSums>.Changes Clusters { get; } = picture._clusterSums.Change(picture.Clusters + added);

        /// <summary>Clusters that have moved, with what they said before.</summary>
        public IReadOnlyDictionary<int, ClusterSums> Touched => _touched;

        /// <summary>An edge has seen more.</summary>
        public void Move(int edge, in EdgeView then, in EdgeView now)
        {
            var links = Links[edge];
            ref var cluster = ref Clusters[links.Cluster];
            _touched.TryAdd(links.Cluster, cluster);
            // Around the centre that the other edges still lie around; when that moves, all move.
            var centre = picture._centring.Of(_touched[links.Cluster]);
            var (old, sums) = (ClusterSums.Of(then), ClusterSums.Of(now));
            cluster = cluster - old + sums;
            picture._allClusters = picture._allClusters - old + sums;
            Move(links.Item, then.Around(centre), now.Around(centre));
        }

        /// <summary>The centre of an edge's cluster has moved.</summary>
        public void Move(int item, in EdgeView edge, in Centre from, in Centre to) => Move(item, edge.Around(from), edge.Around(to));

        /// <summary>What all items say now.</summary>
        public CatalogueSums Catalogue()
        {
            var catalogue = picture._catalogue.Copy();
            var evidence = picture._evidence.Change(picture.Items);
            foreach (var (item, sums) in _before)
            {
                catalogue.Add(sums, -1);
                catalogue.Add(picture._itemSums[item], 1);
                evidence[item] = ItemEvidence.Of(picture._itemSums[item]);
            }
            picture._evidence = evidence.Freeze();
            return catalogue;
        }

        // By item, after its number: the views are centred already.
        private void Move(int item, EdgeView then, EdgeView now)
        {
            ref var sums = ref Items[item];
            _before.TryAdd(item, sums);
            sums = sums - ItemSums.Of(then, picture._edgeSpread) + ItemSums.Of(now, picture._edgeSpread);
        }
    }
}
