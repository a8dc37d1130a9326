using System.Text;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>The items of one experiment, and the graph made of them: rebuilt aside, at most every <see cref="RebuildAfter"/>, and swapped as a whole.</summary>
public sealed class ItemCatalogue(string experiment, ILogger log)
{
    private static readonly TimeSpan RebuildAfter = TimeSpan.FromMilliseconds(50);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, byte[]> _items = new(StringComparer.Ordinal);
    private Dictionary<string, CatalogueItem> _encoded = new(StringComparer.Ordinal);
    private Experiment? _experiment;
    private ClusterGraph _graph = ClusterGraph.Empty;
    private bool _scheduled;

    /// <summary>The graph to propose from.</summary>
    public ClusterGraph Graph => Volatile.Read(ref _graph);

    /// <summary>Items known.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _items.Count;
        }
    }

    /// <summary>An item as its owner wrote it, or null.</summary>
    public byte[]? Find(string item)
    {
        lock (_gate)
            return _items.GetValueOrDefault(item);
    }

    /// <summary>Takes over a definition: vectors and graph sizes may have changed.</summary>
    public void Configure(Experiment definition)
    {
        lock (_gate)
        {
            _experiment = definition;
            _encoded = new Dictionary<string, CatalogueItem>(StringComparer.Ordinal);
            foreach (var (id, json) in _items)
                Encode(id, json);
            Volatile.Write(ref _graph, Build());
        }
    }

    /// <summary>Adds, replaces or (null) removes an item. True when it is new.</summary>
    public bool Set(string item, ReadOnlyMemory<byte>? json)
    {
        lock (_gate)
        {
            var added = false;
            if (json is { } bytes)
            {
                added = !_items.ContainsKey(item);
                Encode(item, _items[item] = bytes.ToArray());
            }
            else
            {
                _items.Remove(item);
                _encoded.Remove(item);
            }
            if (_experiment is not null && !_scheduled)
            {
                _scheduled = true;
                _ = Task.Delay(RebuildAfter).ContinueWith(_ => Rebuild(), TaskScheduler.Default);
            }
            return added;
        }
    }

    private void Rebuild()
    {
        Dictionary<string, CatalogueItem> items;
        Experiment definition;
        lock (_gate)
        {
            _scheduled = false;
            items = new Dictionary<string, CatalogueItem>(_encoded, StringComparer.Ordinal);
            definition = _experiment!;
        }
        var graph = ClusterGraph.Build(definition.Centroids, items.Values, definition.Definition.Graph.ItemsPerCluster);
        lock (_gate)
        {
            if (ReferenceEquals(definition, _experiment))
                Volatile.Write(ref _graph, graph);
        }
    }

    private ClusterGraph Build() => ClusterGraph.Build(_experiment!.Centroids, _encoded.Values, _experiment.Definition.Graph.ItemsPerCluster);

    private void Encode(string id, byte[] json)
    {
        if (_experiment is null)
            return;
        var errors = new List<KeyValuePair<string, string>>();
        if (ItemReader.Read(json, _experiment.Definition.Features, errors) is { } item)
        {
            var utf8 = Encoding.UTF8.GetBytes(id);
            _encoded[id] = new CatalogueItem(utf8, ActionKey.Of(utf8), item.Features, item.AvailableFrom, item.AvailableUntil);
        }
        else
        {
            _encoded.Remove(id);
            log.ItemSkipped(experiment, id, string.Join(" ", errors.Select(static e => $"{e.Key} {e.Value}")));
        }
    }
}
