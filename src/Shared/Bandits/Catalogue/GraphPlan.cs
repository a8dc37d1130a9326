using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>What is known about the graph of user clusters and items before any item is met: the output of the offline half, or of its owner's own.</summary>
/// <param name="Version">Counts the plans of an experiment from 1; 0 for none.</param>
/// <param name="Centroids">C user-cluster centroids of one length D; none for a single cluster.</param>
/// <param name="ClusterIds">
/// The lasting id of each cluster, distinct, at least 0, C of them: statistics belong to ids, so a cluster that a new plan continues keeps its id and what it has
/// learned, and an id is never given to another cluster. Empty: ids are positions.
/// </param>
/// <param name="Rows">Per cluster, the items it has edges to, best first; null to rank the catalogue by inner product with the centroid.</param>
public sealed record GraphPlan(
    long Version, IReadOnlyList<float[]> Centroids, IReadOnlyList<int> ClusterIds, IReadOnlyList<IReadOnlyList<ActionKey>>? Rows)
{
    /// <summary>No centroids: one cluster with an edge to every item.</summary>
    public static GraphPlan None { get; } = new(0, [], [], null);
}
