namespace Recsys.Bandits.Interactions;

/// <summary>How strongly a user belongs to one user cluster (Online Matching, arXiv 2307.15893, the weights w of eq. 7).</summary>
/// <param name="Cluster">The cluster's lasting id (<see cref="Catalogue.GraphPlan.ClusterIds"/>), at least 0.</param>
/// <param name="Weight">In (0, 1]; the weights of one user add to 1.</param>
public readonly record struct ClusterWeight(int Cluster, float Weight);
