using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// From an edge to its position in the sorted list: open addressing with linear probing, at most half full. Immutable, so consecutive snapshots
/// of the same edges share one.
/// </summary>
public sealed class EdgeIndex
{
    private readonly Slot[] _slots;
    private readonly int _mask;

    /// <summary>Indexes edges.</summary>
    /// <param name="keys">Distinct edges; kept, not copied.</param>
    public EdgeIndex(EdgeKey[] keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Keys = keys;
        var size = 2;
        while (size < 2L * keys.Length)
            size *= 2;
        _slots = new Slot[size];
        _mask = size - 1;
        for (var position = 0; position < keys.Length; position++)
        {
            var at = (int)keys[position].Mixed & _mask;
            while (_slots[at].Position != 0)
                at = (at + 1) & _mask;
            _slots[at] = new Slot(keys[position].Action, keys[position].Cluster, position + 1);
        }
    }

    /// <summary>The edges by position.</summary>
    public ReadOnlyMemory<EdgeKey> Keys { get; }

    /// <summary>Position of an edge, or -1.</summary>
    public int Find(EdgeKey key)
    {
        for (var at = (int)key.Mixed & _mask; ; at = (at + 1) & _mask)
        {
            ref readonly var slot = ref _slots[at];
            if (slot.Position == 0)
                return -1;
            if (slot.Action == key.Action && slot.Cluster == key.Cluster)
                return slot.Position - 1;
        }
    }

    /// <param name="Action">Of the edge.</param>
    /// <param name="Cluster">Of the edge.</param>
    /// <param name="Position">1-based, so that a zeroed slot is an empty one.</param>
    private readonly record struct Slot(ActionKey Action, int Cluster, int Position);
}
