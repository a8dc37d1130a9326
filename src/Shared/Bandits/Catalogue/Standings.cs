using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>Where items stand that no row has: newcomers of their nearest cluster, or everywhere.</summary>
internal static class Standings
{
    // From here on it pays to lay out the centroids for the search of a batch.
    private const int NearestBatch = 64;

    /// <summary>Brings the lists of items without an edge, and the count of all edges, to what the rows now say.</summary>
    /// <param name="layout">Of the plan.</param>
    /// <param name="before">What the lists and the count are those of.</param>
    /// <param name="touched">All slots whose item, or number of edges, may have changed.</param>
    /// <param name="itemOf">The item that is now in a slot.</param>
    /// <param name="edgesOf">Edges that it has earned.</param>
    /// <param name="nearOf">Clusters that it may enter, where a plan gives rows.</param>
    public static (SortedSlots[] Newcomers, SortedSlots Everywhere, long Edges) Settle(
        GraphLayout layout, GraphState before, int[] touched, Func<int, CatalogueItem?> itemOf, Func<int, int> edgesOf, Func<int, int[]?> nearOf)
    {
        var edits = new Dictionary<int, List<(ActionKey Key, int Slot)>>();
        var edges = before.EdgeCount;
        var was = Of(layout, touched, slot => before.Items[slot], slot => before.Edges[slot], slot => before.Near[slot]);
        var now = Of(layout, touched, itemOf, edgesOf, nearOf);
        for (var i = 0; i < touched.Length; i++)
        {
            edges += now[i].Edges - was[i].Edges;
            if (was[i].List == now[i].List && was[i].Key == now[i].Key)
                continue;
            if (was[i].List is { } left)
                Edits(left).Add((was[i].Key, -1));
            if (now[i].List is { } entered)
                Edits(entered).Add((now[i].Key, touched[i]));
        }
        var newcomers = before.Newcomers;
        var everywhere = before.Everywhere;
        foreach (var (list, changes) in edits)
        {
            if (list == Standing.Everywhere)
            {
                everywhere = everywhere.With(changes);
                continue;
            }
            if (newcomers == before.Newcomers)
                newcomers = [.. newcomers];
            newcomers[list] = newcomers[list].With(changes);
        }
        return (newcomers, everywhere, edges);

        List<(ActionKey Key, int Slot)> Edits(int list) => edits.TryGetValue(list, out var there) ? there : edits[list] = [];
    }

    private static Standing[] Of(GraphLayout layout, int[] slots, Func<int, CatalogueItem?> itemOf, Func<int, int> edgesOf, Func<int, int[]?> nearOf)
    {
        var standings = new Standing[slots.Length];
        var newcomers = new List<int>();
        for (var i = 0; i < slots.Length; i++)
        {
            if (itemOf(slots[i]) is not { } item)
                continue;
            if (slots[i] < layout.GivenKeys.Length)
            {
                standings[i] = new Standing(item.Key, null, layout.GivenEdges[slots[i]]);
            }
            else if (!layout.IsCandidate(slots[i], item))
            {
                standings[i] = new Standing(item.Key, Standing.Everywhere, layout.Clusters);
            }
            else if (edgesOf(slots[i]) is > 0 and var edges)
            {
                standings[i] = new Standing(item.Key, null, edges);
            }
            else
            {
                standings[i] = new Standing(item.Key, nearOf(slots[i])?[0], 1);
                if (layout.RanksItself)
                    newcomers.Add(i);
            }
        }
        if (newcomers.Count >= NearestBatch)
        {
            ReadOnlyMemory<float>[] vectors = [.. newcomers.Select(i => itemOf(slots[i])!.Features.Dense)];
            var nearest = RowScan.Nearest(layout.Centroids, vectors);
            for (var i = 0; i < nearest.Length; i++)
                standings[newcomers[i]] = standings[newcomers[i]] with { List = nearest[i] };
            return standings;
        }
        Span<ClusterWeight> first = stackalloc ClusterWeight[1];
        foreach (var i in newcomers)
        {
            layout.Centroids.NearestOfAll(itemOf(slots[i])!.Features.Dense.Span, 1, first);
            standings[i] = standings[i] with { List = first[0].Cluster };
        }
        return standings;
    }

    /// <summary>Where an item without an edge is listed (a cluster, <see cref="Everywhere"/>, or null), and how many edges it has in any case.</summary>
    private readonly record struct Standing(ActionKey Key, int? List, int Edges)
    {
        public const int Everywhere = -1;
    }
}
