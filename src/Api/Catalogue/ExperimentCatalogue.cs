using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.IO.Hashing;
using System.Text;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>
/// The items of one experiment, the plan of its graph, and the graph that serves. Items change under a lock; the graph is swapped whole. A changed item makes a graph from
/// the one that serves; another plan or definition makes one from nothing, beside which the old one goes on serving and changing.
/// </summary>
public sealed class ExperimentCatalogue
{
    // Longer than any healthy log takes to hand our own write back; after that somebody else's word counts again.
    private static readonly TimeSpan EchoMax = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, CatalogueEntry> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<(ulong Hash, long Expires)>> _awaited = new(StringComparer.Ordinal);

    // _swapping is held while a graph is made from the serving one and takes its place, and is taken before _writing.
    private readonly Lock _swapping = new();
    private readonly Lock _writing = new();

    // Changes that the serving graph does not have; and, while a graph is built from nothing, those since it was begun.
    private Dictionary<ActionKey, CatalogueEntry?> _changes = [];
    private Dictionary<ActionKey, CatalogueEntry?>? _changesSinceBuild;

    // Items that no graph has proposed yet, with the time from which one could have.
    private readonly Dictionary<ActionKey, long> _arrivals = [];

    // Items that left their turns as newcomers under the graph that serves: ids of the clusters that rank them, none for the retired. Replaced, never changed.
    private Dictionary<ActionKey, int[]> _dismissed = [];
    private Experiment? _experiment;
    private (GraphHead Head, GraphPlan Plan) _plan = (GraphHead.None, GraphPlan.None);
    private GraphHead? _refusedPlan;
    private volatile ServedGraph _served = ServedGraph.Empty;
    private TaskCompletionSource _built = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _revision;
    private long _servedRevision;

    // Counts definitions and plans; the last that was begun to build, and the last that was built or cannot be.
    private long _shape;
    private long _begunShape;
    private long _builtShape;

    /// <summary>Items known.</summary>
    public int Count => _items.Count;

    /// <summary>What decisions use; read once per decision.</summary>
    public ServedGraph Served => _served;

    /// <summary>The graph that serves.</summary>
    public ClusterGraph Graph => _served.Graph;

    /// <summary>Items whose vector does not fit the definition; no decision is made on them.</summary>
    public int LeftOut { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Items that left their turns as newcomers: how many graduated, and how many retired.</summary>
    public (int Graduated, int Retired) Dismissed
    {
        get
        {
            var dismissed = Volatile.Read(ref _dismissed);
            var graduated = dismissed.Values.Count(static clusters => clusters.Length > 0);
            return (graduated, dismissed.Count - graduated);
        }
    }

    /// <summary>The clusters that rank an item behind their own because it graduated, none if it retired; null for any other.</summary>
    public IReadOnlyList<int>? DismissedTo(ActionKey item) => Volatile.Read(ref _dismissed).GetValueOrDefault(item);

    /// <summary>Ids of all items.</summary>
    public ICollection<string> Ids => _items.Keys;

    /// <summary>Whether the plan, the definition or the sizes are others than those of the serving graph, and everything is there to build from.</summary>
    public bool NeedsBuild
    {
        get
        {
            lock (_writing)
                return _shape != _begunShape && _experiment is { } experiment && _plan.Head == experiment.Graph;
        }
    }

    /// <summary>Whether items have changed that the serving graph can take.</summary>
    public bool NeedsUpdate
    {
        get
        {
            lock (_writing)
                return _changes.Count > 0 && _served.Experiment == _experiment?.CreatedAt;
        }
    }

    /// <summary>The plan that is wanted and not here; null when it is here, or what is stored under its name is no plan.</summary>
    public GraphHead? MissingPlan
    {
        get
        {
            lock (_writing)
                return _experiment is { } experiment && _plan.Head != experiment.Graph && _refusedPlan != experiment.Graph ? experiment.Graph : null;
        }
    }

    /// <summary>Whether decisions are made on the graph that the definition asks for, or on the best there is because what is stored is damaged.</summary>
    public bool IsComplete
    {
        get
        {
            lock (_writing)
                return _experiment is { } experiment && (_shape == _builtShape || _refusedPlan == experiment.Graph);
        }
    }

    /// <summary>The plan here and the head it belongs to; not necessarily the one that serves.</summary>
    public (GraphHead Head, GraphPlan Plan) Plan
    {
        get
        {
            lock (_writing)
                return _plan;
        }
    }

    /// <summary>The item of an id, or null.</summary>
    public CatalogueEntry? Find(string id) => _items.GetValueOrDefault(id);

    /// <summary>Keys of all items.</summary>
    public HashSet<ActionKey> Keys() => [.. _items.Values.Select(static entry => entry.Item.Key)];

    /// <summary>A new definition: other shapes, plan or sizes.</summary>
    public void Redefine(Experiment experiment)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        lock (_writing)
        {
            var same = _experiment is { } before && before.CreatedAt == experiment.CreatedAt && before.Graph == experiment.Graph
                && before.Definition.Features == experiment.Definition.Features && before.Definition.Graph == experiment.Definition.Graph;
            _experiment = experiment;
            if (same)
                return;
            _shape++;
            _revision++;
            if (!experiment.Graph.HasPlan)
                _plan = (experiment.Graph, GraphPlan.None with { Version = experiment.Graph.Version });
        }
    }

    /// <summary>Brings a plan, for the head that the experiment has or is about to have.</summary>
    public void Bring(GraphHead head, GraphPlan plan)
    {
        lock (_writing)
        {
            _plan = (head, plan);
            _shape++;
            _revision++;
        }
    }

    /// <summary>
    /// What is stored under a head cannot be used: what serves goes on serving. Where nothing does, right after a start, a graph without clusters has to: its one
    /// cluster has an id of its own, so nothing is learned in the wrong place.
    /// </summary>
    public void Refuse(GraphHead head)
    {
        lock (_writing)
        {
            _refusedPlan = head;
            if (_experiment is null || _experiment.Graph != head || _served.Experiment == _experiment.CreatedAt)
                return;
            _plan = (head, GraphPlan.None);
            _shape++;
            _revision++;
        }
    }

    /// <summary>Announces a write of this process before it is made, so that its echo in the log is not taken for news.</summary>
    /// <returns>Whether the item exists already; after the write its echo may be here first, and make it look as if it did.</returns>
    public bool Expect(string id, ReadOnlySpan<byte> json, long now)
    {
        lock (_writing)
        {
            if (!_awaited.TryGetValue(id, out var echoes))
                _awaited[id] = echoes = [];
            echoes.Enqueue((XxHash3.HashToUInt64(json), now + (long)EchoMax.TotalMilliseconds));
            return _items.ContainsKey(id);
        }
    }

    /// <summary>Applies what this process has durably written; null removes.</summary>
    /// <returns>Whether an item was taken down that the serving graph has.</returns>
    public bool ApplyOwn(string id, CatalogueEntry? item, long now)
    {
        lock (_writing)
            return Set(id, item, now, live: true);
    }

    /// <summary>Applies what the log says, unless a later write of this process is already applied and on its way through the log.</summary>
    /// <param name="id">The item's id.</param>
    /// <param name="item">The item, or null when removed.</param>
    /// <param name="json">Bytes as they stand in the log, empty for a removal.</param>
    /// <param name="now">Unix milliseconds.</param>
    /// <param name="live">False while the log is read for the first time: what comes then is no news.</param>
    /// <returns>Whether an item was taken down that the serving graph has.</returns>
    public bool ApplyLogged(string id, CatalogueEntry? item, ReadOnlySpan<byte> json, long now, bool live)
    {
        lock (_writing)
        {
            if (_awaited.TryGetValue(id, out var echoes))
            {
                while (echoes.TryPeek(out var stale) && stale.Expires < now)
                    echoes.Dequeue();
                if (echoes.TryPeek(out var next) && next.Hash == XxHash3.HashToUInt64(json))
                    echoes.Dequeue();
                if (echoes.Count > 0)
                    return false;
                _awaited.Remove(id);
            }
            return Set(id, item, now, live);
        }
    }

    /// <summary>A write of this process failed: it may or may not come through the log, and counts as news if it does.</summary>
    public void ForgetExpected(string id)
    {
        lock (_writing)
            _awaited.Remove(id);
    }

    /// <summary>Lets newcomers of the serving graph leave their turns, with the next update.</summary>
    /// <param name="leaving">The ids of the clusters that rank each from now on, none for those that retire.</param>
    public void Dismiss(IReadOnlyDictionary<ActionKey, int[]> leaving)
    {
        ArgumentNullException.ThrowIfNull(leaving);
        lock (_writing)
        {
            var dismissed = new Dictionary<ActionKey, int[]>(_dismissed);
            foreach (var (key, clusters) in leaving)
            {
                // Gone or put anew since it was looked at: no longer the one that was meant.
                if (_served.Graph.Find(key) is not { } item || _items.GetValueOrDefault(Encoding.UTF8.GetString(item.Id.Span)) is not { } entry)
                    continue;
                dismissed[key] = clusters;
                _changes.TryAdd(key, entry);
            }
            Volatile.Write(ref _dismissed, dismissed);
            _revision++;
        }
    }

    /// <summary>The experiment is gone: forgets the plan and stops proposing. The items go one by one, through the log.</summary>
    public void Forget()
    {
        lock (_swapping)
        {
            lock (_writing)
            {
                _experiment = null;
                _refusedPlan = null;
                _plan = (GraphHead.None, GraphPlan.None);
                Volatile.Write(ref _dismissed, []);
                _served = ServedGraph.Empty;
                _shape++;
            }
        }
    }

    /// <summary>Makes a graph from the serving one and the items that have changed, and swaps it in. What was changed is only tried once.</summary>
    /// <returns>What came into service, or null when there is nothing to do.</returns>
    public GraphSwap? Update()
    {
        lock (_swapping)
        {
            Dictionary<ActionKey, CatalogueEntry?> changes;
            Dictionary<ActionKey, int[]> dismissed;
            long revision;
            ServedGraph served;
            lock (_writing)
            {
                served = _served;
                if (_changes.Count == 0 || served.Experiment != _experiment?.CreatedAt)
                    return null;
                (changes, _changes, revision, dismissed) = (_changes, [], _revision, _dismissed);
            }
            ClusterGraph graph;
            try
            {
                graph = With(served.Graph, served.ItemVector, changes, dismissed);
            }
            catch
            {
                // What could not be added may be there from the start.
                lock (_writing)
                    _shape++;
                throw;
            }
            lock (_writing)
                return Swap(new ServedGraph(graph, served.ItemVector, served.Experiment, Graduates(dismissed, served.ItemVector)), revision, changes.Keys);
        }
    }

    /// <summary>Builds a graph from nothing and swaps it in; the old one serves and takes changes meanwhile. One call at a time.</summary>
    /// <returns>What came into service, or null when everything was overtaken by yet another definition or plan, which is to be built then.</returns>
    public GraphSwap? Build()
    {
        Experiment experiment;
        GraphPlan plan;
        long shape;
        lock (_writing)
        {
            if (_experiment is null || _plan.Head != _experiment.Graph)
                return null;
            (experiment, plan, shape) = (_experiment, _plan.Plan, _shape);
            _changesSinceBuild = [];
            // Not again before something changes, even if it fails.
            _begunShape = shape;
        }
        var vector = experiment.Definition.Features.ActionVector;
        ClusterGraph graph;
        try
        {
            graph = GraphBuilder.Build(
                plan, [.. _items.Values.Where(e => Fits(e, vector)).Select(static e => e.Item)], experiment.Definition.Graph.ItemsPerCluster);
        }
        catch
        {
            lock (_writing)
                (_changesSinceBuild, _builtShape) = (null, shape);
            throw;
        }
        lock (_swapping)
        {
            while (true)
            {
                Dictionary<ActionKey, CatalogueEntry?> changes;
                lock (_writing)
                {
                    if (_shape != shape)
                    {
                        _changesSinceBuild = null;
                        return null;
                    }
                    changes = _changesSinceBuild!;
                    if (changes.Count == 0)
                    {
                        _changesSinceBuild = null;
                        var changed = _changes.Keys;
                        _changes = [];
                        _builtShape = shape;
                        // Who is a newcomer of this graph is another question than before.
                        Volatile.Write(ref _dismissed, []);
                        return Swap(new ServedGraph(graph, vector, experiment.CreatedAt, FrozenDictionary<int, CatalogueItem[]>.Empty), _revision, changed);
                    }
                    _changesSinceBuild = [];
                }
                graph = With(graph, vector, changes, []);
            }
        }
    }

    /// <summary>Completes when the serving graph has what is known now.</summary>
    public Task NextBuild
    {
        get
        {
            lock (_writing)
                return _revision == _servedRevision ? Task.CompletedTask : _built.Task;
        }
    }

    private GraphSwap Swap(ServedGraph next, long revision, IEnumerable<ActionKey> changed)
    {
        _served.HideIn(next, revision);
        _served = next;
        _servedRevision = revision;
        LeftOut = Math.Max(0, _items.Count - next.Graph.ItemCount - _dismissed.Count);
        var arrivals = new List<long>();
        foreach (var key in changed)
        {
            // One that the graph has no place for is no candidate, and when that changes it is no newcomer.
            if (_arrivals.Remove(key, out var from) && next.Graph.Find(key) is not null)
                arrivals.Add(from);
        }
        var built = _built;
        _built = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        built.SetResult();
        return new GraphSwap(next.Graph, arrivals, _items.Count);
    }

    private bool Set(string id, CatalogueEntry? item, long now, bool live)
    {
        if (item is null && !_items.ContainsKey(id))
            return false;
        _revision++;
        var key = item?.Item.Key ?? ActionKey.Of(id);
        var isNew = item is not null && !_items.ContainsKey(id);
        if (item is null)
            _items.TryRemove(id, out _);
        else
            _items[id] = item;
        // One that comes back is a newcomer again.
        if (item is null && _dismissed.ContainsKey(key))
            Volatile.Write(ref _dismissed, new Dictionary<ActionKey, int[]>(_dismissed.Where(d => d.Key != key)));
        _changes[key] = item;
        if (_changesSinceBuild is { } since)
            since[key] = item;
        if (item is null)
            _arrivals.Remove(key);
        else if (isNew && live)
            _arrivals[key] = Math.Max(now, item.Item.AvailableFrom ?? now);
        // Taken down by removal, or by an end of its availability: the graph that serves may not know for a while.
        if (item is not null && item.Item.IsAvailable(now))
            return false;
        _served.Hide(key, _revision);
        return _served.Hides(key);
    }

    private FrozenDictionary<int, CatalogueItem[]> Graduates(Dictionary<ActionKey, int[]> dismissed, int vector)
    {
        var rows = new Dictionary<int, List<CatalogueItem>>();
        if (dismissed.Values.Any(static clusters => clusters.Length > 0))
        {
            foreach (var entry in _items.Values)
            {
                if (!Fits(entry, vector) || !dismissed.TryGetValue(entry.Item.Key, out var clusters))
                    continue;
                foreach (var cluster in clusters)
                {
                    if (!rows.TryGetValue(cluster, out var row))
                        rows[cluster] = row = [];
                    row.Add(entry.Item);
                }
            }
        }
        return rows.ToFrozenDictionary(static row => row.Key, static row => row.Value.OrderBy(static item => item.Key).ToArray());
    }

    private static ClusterGraph With(ClusterGraph graph, int vector, Dictionary<ActionKey, CatalogueEntry?> changes, Dictionary<ActionKey, int[]> dismissed)
    {
        var changed = new List<CatalogueItem>();
        var removed = new List<ActionKey>();
        foreach (var (key, entry) in changes)
        {
            if (entry is not null && Fits(entry, vector) && !dismissed.ContainsKey(key))
                changed.Add(entry.Item);
            else
                removed.Add(key);
        }
        return graph.With(changed, removed);
    }

    private static bool Fits(CatalogueEntry entry, int vector) => entry.Item.Features.Dense.Length == vector;
}
