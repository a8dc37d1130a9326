using Recsys.Bandits.Catalogue;

namespace Recsys.Api.Catalogue;

/// <summary>What came into service.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Arrivals">For each item that no graph proposed before: when it could have been proposed first, Unix milliseconds.</param>
/// <param name="Catalogued">Items of the catalogue, whether or not the graph has a place for them.</param>
public sealed record GraphSwap(ClusterGraph Graph, IReadOnlyList<long> Arrivals, int Catalogued);
