using System.Collections.Concurrent;
using System.IO.Hashing;
using Recsys.Bandits.Catalogue;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>The items of one experiment and the graph last built from them. Items change under a lock, the graph is swapped whole.</summary>
public sealed class ExperimentCatalogue
{
    // Longer than any healthy log takes to hand our own write back; after that somebody else's word counts again.
    private static readonly TimeSpan EchoMax = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, CatalogueEntry> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<(ulong Hash, long Expires)>> _awaited = new(StringComparer.Ordinal);
    private readonly Lock _writing = new();
    private Experiment? _experiment;
    private volatile ClusterGraph _graph = ClusterGraph.Empty;
    private TaskCompletionSource _built = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _revision;
    private long _builtRevision;

    /// <summary>Items known.</summary>
    public int Count => _items.Count;

    /// <summary>What decisions use.</summary>
    public ClusterGraph Graph => _graph;

    /// <summary>Items whose vector does not fit the definition; no decision is made on them.</summary>
    public int LeftOut { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Whether the graph is behind the items.</summary>
    public bool IsDirty => Interlocked.Read(ref _revision) != Interlocked.Read(ref _builtRevision);

    /// <summary>Ids of all items.</summary>
    public ICollection<string> Ids => _items.Keys;

    /// <summary>The item of an id, or null.</summary>
    public CatalogueEntry? Find(string id) => _items.GetValueOrDefault(id);

    /// <summary>A new definition: other shapes, centroids or sizes.</summary>
    public void Redefine(Experiment experiment)
    {
        lock (_writing)
        {
            _experiment = experiment;
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
    public void ApplyOwn(string id, CatalogueEntry? item)
    {
        lock (_writing)
            Set(id, item);
    }

    /// <summary>Applies what the log says, unless a later write of this process is already applied and on its way through the log.</summary>
    /// <param name="id">The item's id.</param>
    /// <param name="item">The item, or null when removed.</param>
    /// <param name="json">Bytes as they stand in the log, empty for a removal.</param>
    /// <param name="now">Unix milliseconds.</param>
    public void ApplyLogged(string id, CatalogueEntry? item, ReadOnlySpan<byte> json, long now)
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
                    return;
                _awaited.Remove(id);
            }
            Set(id, item);
        }
    }

    /// <summary>A write of this process failed: it may or may not come through the log, and counts as news if it does.</summary>
    public void ForgetExpected(string id)
    {
        lock (_writing)
            _awaited.Remove(id);
    }

    /// <summary>Builds the graph anew from what is known now and swaps it in.</summary>
    public void Build()
    {
        Experiment? experiment;
        long revision;
        lock (_writing)
        {
            experiment = _experiment;
            revision = _revision;
        }
        if (experiment is not null)
        {
            var vector = experiment.Definition.Features.ActionVector;
            var all = _items.Values;
            var fitting = all.Where(e => e.Item.Features.Dense.Length == vector).Select(static e => e.Item).ToList();
            _graph = GraphBuilder.Build(experiment.Centroids, fitting, experiment.Definition.Graph.ItemsPerCluster);
            LeftOut = all.Count - fitting.Count;
        }
        TaskCompletionSource built;
        lock (_writing)
        {
            _builtRevision = revision;
            built = _built;
            _built = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        built.SetResult();
    }

    /// <summary>Completes with the next build.</summary>
    public Task NextBuild
    {
        get
        {
            lock (_writing)
                return _revision == _builtRevision ? Task.CompletedTask : _built.Task;
        }
    }

    private void Set(string id, CatalogueEntry? item)
    {
        _revision++;
        if (item is null)
            _items.TryRemove(id, out _);
        else
            _items[id] = item;
    }
}
