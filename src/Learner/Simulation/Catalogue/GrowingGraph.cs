using System.Numerics.Tensors;
using Recsys.Bandits.Catalogue;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The graph of a simulated catalogue as fresh items arrive: the items that some centroid has among its W best of those known, and every fresh item that has
/// arrived. A fresh item is inserted as the service inserts one: it gets the edges that its vector earns, and where it earns none it is a newcomer of its nearest
/// cluster (<see cref="GraphBuilder"/>).
/// </summary>
/// <remarks>
/// The serving graph would keep all other items too, as newcomers that take turns; with thousands of them and one visit each, a simulation would measure the turns
/// instead of the policy. One thread.
/// </remarks>
internal sealed class GrowingGraph
{
    private readonly IReadOnlyList<float[]> _centroids;
    private readonly CatalogueItem[] _catalogue;
    private readonly int[][] _ranking;
    private readonly FreshSchedule _fresh;
    private readonly int _itemsPerCluster;
    private ClusterGraph _graph = ClusterGraph.Empty;
    private int _arrived = -1;

    /// <summary>A graph that knows no fresh item yet.</summary>
    /// <param name="centroids">User clusters.</param>
    /// <param name="catalogue">All items, fresh ones included, with vectors of the centroids' length.</param>
    /// <param name="itemsPerCluster">W.</param>
    /// <param name="fresh">Which items arrive late, and when.</param>
    public GrowingGraph(IReadOnlyList<float[]> centroids, CatalogueItem[] catalogue, int itemsPerCluster, FreshSchedule fresh)
    {
        (_centroids, _catalogue, _itemsPerCluster, _fresh) = (centroids, catalogue, itemsPerCluster, fresh);
        _ranking = [.. centroids.Select(centroid =>
        {
            var scores = Array.ConvertAll(catalogue, item => TensorPrimitives.Dot(centroid, item.Features.Dense.Span));
            return Enumerable.Range(0, catalogue.Length).OrderByDescending(i => scores[i]).ToArray();
        })];
    }

    /// <summary>Positions in the catalogue of the items that some centroid has among its W best of all, fresh or not, ascending.</summary>
    public static int[] Ranked(IReadOnlyList<float[]> centroids, CatalogueItem[] catalogue, int itemsPerCluster)
    {
        var graph = new GrowingGraph(centroids, catalogue, itemsPerCluster, FreshSchedule.None);
        return [.. graph._ranking.SelectMany(order => order.Take(itemsPerCluster)).Distinct().Order()];
    }

    /// <summary>The graph of a round. Cheap unless an item arrived since the last call.</summary>
    public ClusterGraph At(long round)
    {
        var arrived = _fresh.ArrivedBy(round);
        if (arrived == _arrived)
            return _graph;
        _arrived = arrived;
        var places = Array.ConvertAll(_catalogue, item => _fresh.PlaceOf(item.Key));
        var members = new SortedSet<int>(Enumerable.Range(0, places.Length).Where(i => places[i] >= 0 && places[i] < arrived));
        foreach (var order in _ranking)
            members.UnionWith(order.Where(i => places[i] < arrived).Take(_itemsPerCluster));
        return _graph = GraphBuilder.Build(_centroids, [.. members.Select(i => _catalogue[i])], _itemsPerCluster);
    }
}
