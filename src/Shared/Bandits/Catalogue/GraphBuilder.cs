namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Builds the sparse bipartite graph of Online Matching (arXiv 2307.15893): an edge between cluster c and each of the W items with the largest inner product with its
/// centroid, or the edges that a plan brings along.
/// </summary>
/// <remarks>
/// <para>Without given rows the graph is exact: O(C·N·D) to build. Our addition, so that no item is unreachable: an item that no cluster ranks among its W becomes a
/// newcomer of the cluster whose centroid it is nearest to, and an item without a vector (or with one whose length is beyond float) a newcomer of every cluster. How
/// many newcomers a decision sees is bounded, see <see cref="ClusterGraph.Propose"/>. Without centroids there is one cluster and it has an edge to every item.</para>
/// <para>Given rows are kept as they are: an item that they name has these edges and no others, from when it is in the catalogue. For items that they do not name there
/// is a rule of insertion. Such an item competes, by inner product, for places with its 10 nearest clusters. A cluster has as many places as its row is shorter than W,
/// but at least max(1, W / <see cref="ClusterGraph.NewcomerShare"/>), the quota of fresh items; and when its row has W items or more, everybody has a place who
/// beats the W-th of them by 5 % of that one's score, W at most. (While the W-th is not in the catalogue, there is only the quota.) An item that wins no place is a
/// newcomer as above. No given edge is given up for it: the next plan decides that.</para>
/// </remarks>
public static class GraphBuilder
{
    /// <summary>Builds the graph of a plan. A function of its arguments: the order of the items does not matter.</summary>
    /// <param name="plan">Centroids, the ids of their clusters, and the edges where they are given.</param>
    /// <param name="items">The catalogue, distinct keys; vectors of the centroids' length or empty where there are centroids.</param>
    /// <param name="itemsPerCluster">W, at least 1.</param>
    /// <exception cref="ArgumentException">
    /// Lengths or counts disagree, a number is not finite, an id is negative or occurs twice, or an item's key occurs twice; the message says which.
    /// </exception>
    public static ClusterGraph Build(GraphPlan plan, IReadOnlyList<CatalogueItem> items, int itemsPerCluster)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(items);
        var layout = new GraphLayout(plan, itemsPerCluster);
        return new ClusterGraph(layout, GraphEditor.Build(layout, items));
    }

    /// <summary>Builds a graph. A function of the sets it is given: the order of the items does not matter.</summary>
    /// <param name="centroids">C user-cluster centroids of one length D, none for a single cluster. Only their direction counts.</param>
    /// <param name="items">The catalogue, distinct keys; vectors of length D or empty where there are centroids.</param>
    /// <param name="itemsPerCluster">W, at least 1.</param>
    /// <exception cref="ArgumentException">Lengths disagree, a number is not finite, or a key occurs twice; the message says which.</exception>
    public static ClusterGraph Build(IReadOnlyList<float[]> centroids, IReadOnlyList<CatalogueItem> items, int itemsPerCluster)
    {
        ArgumentNullException.ThrowIfNull(centroids);
        return Build(new GraphPlan(0, centroids, [], null), items, itemsPerCluster);
    }
}
