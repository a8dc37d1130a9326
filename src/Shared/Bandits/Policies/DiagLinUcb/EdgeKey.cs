using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>One edge (c, j) of the bipartite graph: a user cluster and an action. Ordered by cluster, then by action key.</summary>
/// <param name="Cluster">Index of the user cluster, at least 0.</param>
/// <param name="Action">The action.</param>
public readonly record struct EdgeKey(int Cluster, ActionKey Action) : IComparable<EdgeKey>, IMixedKey
{
    /// <summary>64 well mixed bits: the action key is a hash already, so a cluster-dependent offset and one multiplication spread the rest.</summary>
    public ulong Mixed
    {
        get
        {
            var h = (Action.Value ^ ((ulong)(uint)Cluster * 0x9E3779B97F4A7C15)) * 0xD1B54A32D192ED03;
            return h ^ (h >> 32);
        }
    }

    /// <inheritdoc/>
    public int CompareTo(EdgeKey other) => Cluster != other.Cluster ? Cluster.CompareTo(other.Cluster) : Action.CompareTo(other.Action);

    /// <inheritdoc/>
    public override int GetHashCode() => (int)Mixed;

    /// <summary>Order of the edges.</summary>
    public static bool operator <(EdgeKey left, EdgeKey right) => left.CompareTo(right) < 0;

    /// <summary>Order of the edges.</summary>
    public static bool operator >(EdgeKey left, EdgeKey right) => left.CompareTo(right) > 0;

    /// <summary>Order of the edges.</summary>
    public static bool operator <=(EdgeKey left, EdgeKey right) => left.CompareTo(right) <= 0;

    /// <summary>Order of the edges.</summary>
    public static bool operator >=(EdgeKey left, EdgeKey right) => left.CompareTo(right) >= 0;
}

/// <summary>An item; its key is a hash already.</summary>
internal readonly record struct ItemKey(ActionKey Action) : IMixedKey
{
    public ulong Mixed => Action.Value ^ (Action.Value >> 32);
}
