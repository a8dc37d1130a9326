using System.Collections.Concurrent;
using System.Collections.Frozen;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;

namespace Recsys.Api.Catalogue;

/// <summary>
/// What decisions propose from: one graph, and what was taken down since it was built. A decision reads the reference once, so clusters, weights and candidates are
/// of one version. A takedown counts for every decision that begins after it, however long the next graph takes to build.
/// </summary>
/// <param name="graph">The graph.</param>
/// <param name="items">Length of the item vectors that it was built for.</param>
/// <param name="experiment">When the experiment that it belongs to was created, Unix milliseconds; -1 for none.</param>
/// <param name="graduates">Items that the graph does not have because they left their turns as newcomers, by the id of each cluster that ranks them behind its own.</param>
public sealed class ServedGraph(ClusterGraph graph, int items, long experiment, FrozenDictionary<int, CatalogueItem[]> graduates)
{
    private ConcurrentDictionary<ActionKey, long>? _hidden;

    // O(N log N), so only for whoever asks, and once.
    private readonly Lazy<int> _newcomers = new(() => graph.Items.Count(item => graph.IsNewcomer(item.Key)));

    /// <summary>Nothing to propose.</summary>
    public static ServedGraph Empty { get; } = new(ClusterGraph.Empty, 0, -1, FrozenDictionary<int, CatalogueItem[]>.Empty);

    /// <summary>The graph.</summary>
    public ClusterGraph Graph { get; } = graph;

    /// <summary>Length of the item vectors that it was built for.</summary>
    public int ItemVector { get; } = items;

    /// <summary>When the experiment that it belongs to was created, Unix milliseconds; -1 for none.</summary>
    public long Experiment { get; } = experiment;

    /// <summary>Items that left their turns as newcomers, by the id of each cluster that ranks them behind its own.</summary>
    public FrozenDictionary<int, CatalogueItem[]> Graduates { get; } = graduates;

    /// <summary>Items that no cluster ranks, which are proposed only in their turn.</summary>
    public int Newcomers => _newcomers.Value;

    /// <summary>Whether anything is taken down that the graph still has.</summary>
    public bool HidesAny => Volatile.Read(ref _hidden) is not null;

    /// <summary>Whether an item must not be shown although the graph has it.</summary>
    public bool Hides(ActionKey item) => Volatile.Read(ref _hidden)?.ContainsKey(item) == true;

    /// <summary>Takes an item down as of a revision of the catalogue. Under the catalogue's lock.</summary>
    internal void Hide(ActionKey item, long revision)
    {
        if (Graph.Find(item) is null && !Graduates.Values.Any(row => row.Any(graduate => graduate.Key == item)))
            return;
        var hidden = _hidden ?? new ConcurrentDictionary<ActionKey, long>();
        hidden[item] = revision;
        Volatile.Write(ref _hidden, hidden);
    }

    /// <summary>Hides in a newer graph what was taken down after the revision that it knows. Under the catalogue's lock.</summary>
    internal void HideIn(ServedGraph newer, long known)
    {
        foreach (var (item, revision) in _hidden ?? [])
        {
            if (revision > known)
                newer.Hide(item, revision);
        }
    }
}
