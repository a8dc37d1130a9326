using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;

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
        if (decision.Traces.Count > 0 && decision.Traces.Count != decision.Chosen.Count)
            throw new EventFormatException($"Decision has {decision.Traces.Count} memory traces for {decision.Chosen.Count} positions; give one for each or none.");
        foreach (var trace in decision.Traces)
            Check(trace);
    }

    private static void Check(MemoryTrace trace)
    {
        if (!float.IsFinite(trace.Expected) || !float.IsFinite(trace.Corrected))
            throw new EventFormatException("Memory trace holds an estimate that is not finite.");
        if (!(trace.Evidence >= 0 && float.IsFinite(trace.Evidence)))
            throw new EventFormatException($"Memory trace has evidence {trace.Evidence}; it is finite and at least 0.");
        if (!(trace.Local >= -1 && trace.Local <= 1))
            throw new EventFormatException($"Memory trace has the local value {trace.Local}, which lies outside [-1, 1].");
        if (trace.Addresses.Count is < 1 or > MemoryTrace.AddressesMax)
            throw new EventFormatException($"Memory trace has {trace.Addresses.Count} addresses; there are 1 to {MemoryTrace.AddressesMax}.");
        foreach (var address in trace.Addresses)
        {
            if (address.Codes.Length is < 1 or > MemoryShape.ArraysMax)
                throw new EventFormatException($"Memory trace has an address of {address.Codes.Length} codes; there are 1 to {MemoryShape.ArraysMax}.");
        }
    }
}
