using System.Numerics.Tensors;
using Recsys.Bandits.Catalogue;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The graph of the items that some centroid has among its W. The serving graph would keep the others too, as newcomers that take turns; with thousands of
/// them and one visit each, a simulation would measure the turns instead of the policy.
/// </summary>
internal static class RankedGraph
{
    /// <summary>Builds it.</summary>
    public static ClusterGraph Build(float[][] centroids, CatalogueItem[] catalogue, int itemsPerCluster)
    {
        var ranked = new SortedSet<int>();
        foreach (var centroid in centroids)
        {
            var scores = Array.ConvertAll(catalogue, item => TensorPrimitives.Dot(centroid, item.Features.Dense.Span));
            ranked.UnionWith(Enumerable.Range(0, catalogue.Length).OrderByDescending(i => scores[i]).Take(itemsPerCluster));
        }
        return GraphBuilder.Build(centroids, [.. ranked.Select(i => catalogue[i])], itemsPerCluster);
    }
}
