namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>A key with bits good enough for a hash table.</summary>
internal interface IMixedKey
{
    /// <summary>64 well mixed bits.</summary>
    ulong Mixed { get; }
}

/// <summary>
/// Keys numbered in the order of their arrival, with a hash table from key to number: open addressing with linear probing, at most half full. It only grows, and whoever
/// knows the first n keys finds exactly those, however many others have added: so a picture and its successors share one.
/// </summary>
/// <remarks>Any number of threads find while one adds. Adding is for the owner of the newest picture; <see cref="Continue"/> sees to that.</remarks>
internal sealed class GrowingIndex<TKey>
    where TKey : struct, IEquatable<TKey>, IMixedKey
{
    private const int ChunkBits = 12, ChunkLength = 1 << ChunkBits;
    private readonly Lock _adding = new();
    private TKey[][] _chunks = [];
    private int[] _slots = new int[2];
    private int _count;

    /// <summary>The key of a number below what the caller knows.</summary>
    public TKey this[int number] => Volatile.Read(ref _chunks)[number >> ChunkBits][number & (ChunkLength - 1)];

    /// <summary>Number of a key among the first so many, or -1.</summary>
    public int Find(in TKey key, int known)
    {
        var slots = Volatile.Read(ref _slots);
        var chunks = Volatile.Read(ref _chunks);
        var mask = slots.Length - 1;
        for (var at = (int)key.Mixed & mask; ; at = (at + 1) & mask)
        {
            var place = Volatile.Read(ref slots[at]);
            if (place == 0)
                return -1;
            // What lies beyond was added later, perhaps this moment: not for this caller to look at.
            if (place <= known && chunks[(place - 1) >> ChunkBits][(place - 1) & (ChunkLength - 1)].Equals(key))
                return place - 1;
        }
    }

    /// <summary>An index that keys may be added to after the first so many: this one, or a copy when somebody else has gone on from there.</summary>
    public GrowingIndex<TKey> Continue(int known)
    {
        lock (_adding)
        {
            if (_count == known)
                return this;
        }
        var copy = new GrowingIndex<TKey>();
        for (var i = 0; i < known; i++)
            copy.Add(this[i]);
        return copy;
    }

    /// <summary>Adds a key that is not there.</summary>
    /// <returns>Its number.</returns>
    public int Add(in TKey key)
    {
        lock (_adding)
        {
            var number = _count;
            if (number >> ChunkBits == _chunks.Length)
                Volatile.Write(ref _chunks, [.. _chunks, new TKey[ChunkLength]]);
            _chunks[number >> ChunkBits][number & (ChunkLength - 1)] = key;
            if (2 * (number + 1) > _slots.Length)
                Grow(number);
            Put(_slots, key, number);
            return _count++;
        }
    }

    private void Grow(int known)
    {
        var grown = new int[2 * _slots.Length];
        for (var i = 0; i < known; i++)
            Put(grown, this[i], i);
        Volatile.Write(ref _slots, grown);
    }

    private static void Put(int[] slots, in TKey key, int number)
    {
        var mask = slots.Length - 1;
        var at = (int)key.Mixed & mask;
        while (slots[at] != 0)
            at = (at + 1) & mask;
        Volatile.Write(ref slots[at], number + 1);
    }
}
