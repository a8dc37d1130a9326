using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies;

/// <summary>What a policy knows about single edges of the graph of user clusters and items. Frozen and thread-safe; for operators, not for the hot path.</summary>
/// <remarks>Offered by policies that keep statistics per edge (cluster id, item). Clusters are named by their lasting ids, not by their places in a graph.</remarks>
public interface IEdgeStatistics
{
    /// <summary>Whether there are such statistics at all: a policy that wraps an estimator knows only when it is made.</summary>
    bool HasEdgeStatistics => true;

    /// <summary>Reads one edge.</summary>
    /// <param name="cluster">Lasting id of the user cluster.</param>
    /// <param name="action">The item.</param>
    /// <param name="statistics">What is known, in the experiment's units of reward.</param>
    /// <returns>False when nothing was learned on that edge.</returns>
    bool TryRead(int cluster, ActionKey action, out EdgeStatistics statistics);

    /// <summary>Reads an item over all its edges, including edges of clusters that the graph no longer has.</summary>
    /// <param name="action">The item.</param>
    /// <param name="statistics">What is known, in the experiment's units of reward.</param>
    /// <returns>False when nothing was learned about the item.</returns>
    bool TryRead(ActionKey action, out EdgeStatistics statistics);
}

/// <summary>What is known about an edge or an item.</summary>
/// <param name="Interactions">
/// Interactions learned on the edge. One interaction counts on every edge that connected its user to the item, so for an item it is the largest number that the sums of
/// its edges prove: the most interactions of any edge, or the sum of all weights if that is more.
/// </param>
/// <param name="Mean">Expected reward.</param>
/// <param name="Width">Standard deviation of that expectation, at least 0.</param>
public readonly record struct EdgeStatistics(long Interactions, float Mean, float Width);
