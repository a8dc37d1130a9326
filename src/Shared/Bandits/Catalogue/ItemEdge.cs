namespace Recsys.Bandits.Catalogue;

/// <summary>An edge between a user cluster and an item.</summary>
/// <param name="Cluster">The cluster's lasting id.</param>
/// <param name="Rank">The item's place in the cluster's row, from 0; null where it is not ranked but takes turns as a newcomer.</param>
public readonly record struct ItemEdge(int Cluster, int? Rank);
