using System.IO.Hashing;
using System.Text;

namespace Recsys.Bandits.Interactions;

/// <summary>
/// An action or item id as the algorithms see it: the 64-bit XxHash3 of its UTF-8 text. Two ids of one experiment collide with
/// probability below n² / 2⁶⁵, one in 37 million for a million items.
/// </summary>
public readonly record struct ActionKey(ulong Value) : IComparable<ActionKey>
{
    /// <summary>Key of an id given as UTF-8.</summary>
    public static ActionKey Of(ReadOnlySpan<byte> id) => new(XxHash3.HashToUInt64(id));

    /// <summary>Key of an id given as text.</summary>
    public static ActionKey Of(string id) => Of(Encoding.UTF8.GetBytes(id));

    /// <inheritdoc/>
    public int CompareTo(ActionKey other) => Value.CompareTo(other.Value);

    /// <summary>Order by hash value.</summary>
    public static bool operator <(ActionKey left, ActionKey right) => left.Value < right.Value;

    /// <summary>Order by hash value.</summary>
    public static bool operator >(ActionKey left, ActionKey right) => left.Value > right.Value;

    /// <summary>Order by hash value.</summary>
    public static bool operator <=(ActionKey left, ActionKey right) => left.Value <= right.Value;

    /// <summary>Order by hash value.</summary>
    public static bool operator >=(ActionKey left, ActionKey right) => left.Value >= right.Value;
}
