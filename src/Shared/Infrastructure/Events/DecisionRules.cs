using Recsys.Bandits.Interactions;

namespace Recsys.Infrastructure.Events;

/// <summary>What every logged decision must satisfy, in whatever form it came.</summary>
internal static class DecisionRules
{
    /// <exception cref="EventFormatException">It does not; the message says where.</exception>
    public static void Check(DecisionEvent decision)
    {
        if (decision.Chosen.Count == 0)
            throw new EventFormatException("Decision has no chosen action.");
        if (decision.Clusters.Count > DecisionQuery.ClustersMax)
            throw new EventFormatException($"Decision has {decision.Clusters.Count} clusters; at most {DecisionQuery.ClustersMax} are allowed.");
        var seen = decision.Chosen.Count > 1 ? new bool[decision.Actions.Count] : [];
        foreach (var slot in decision.Chosen)
        {
            if (slot.Action < 0 || slot.Action >= decision.Actions.Count)
                throw new EventFormatException($"Decision chose action number {slot.Action} of {decision.Actions.Count}.");
            if (!(slot.Propensity > 0 && slot.Propensity <= 1))
                throw new EventFormatException($"Propensity {slot.Propensity} lies outside (0, 1].");
            if (seen.Length == 0)
                continue;
            // A reward names an action, so an action at two positions could not be told apart.
            if (seen[slot.Action])
                throw new EventFormatException($"Decision chose action '{decision.Actions[slot.Action].Id}' twice.");
            seen[slot.Action] = true;
        }
        foreach (var cluster in decision.Clusters)
        {
            if (cluster.Cluster < 0 || !(cluster.Weight >= 0 && cluster.Weight <= 1))
                throw new EventFormatException($"Cluster {cluster.Cluster} has weight {cluster.Weight}; weights lie in [0, 1].");
        }
    }
}
