using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>Which edges lead to the same item. Immutable, so consecutive snapshots of the same edges share one.</summary>
public sealed class ItemIndex
{
    private readonly Dictionary<ActionKey, int> _items = [];
    private readonly int[] _itemOf;

    /// <summary>Groups edges by item.</summary>
    /// <param name="edges">Distinct edges.</param>
    public ItemIndex(ReadOnlySpan<EdgeKey> edges)
    {
        _itemOf = new int[edges.Length];
        for (var i = 0; i < edges.Length; i++)
        {
            if (!_items.TryGetValue(edges[i].Action, out _itemOf[i]))
                _items.Add(edges[i].Action, _itemOf[i] = _items.Count);
        }
    }

    /// <summary>Items, numbered from 0 in the order of their first edge.</summary>
    public int Count => _items.Count;

    /// <summary>The item of every edge, in the order of the edges.</summary>
    public ReadOnlySpan<int> ItemOf => _itemOf;

    /// <summary>Number of an item, or -1.</summary>
    public int Find(ActionKey item) => _items.TryGetValue(item, out var found) ? found : -1;
}
