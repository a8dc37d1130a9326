namespace Recsys.Api.Experiments;

/// <summary>A bounded set of hashes that many decisions add to without locks or allocation. Open addressing, never emptied.</summary>
public sealed class SeenActions
{
    /// <summary>Distinct actions counted; more than this are reported as this many.</summary>
    public const int Max = 4096;

    private const int Mask = (4 * Max) - 1;
    private readonly ulong[] _slots = new ulong[4 * Max];
    private int _count;

    /// <summary>Distinct hashes so far.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds a hash; nothing when full.</summary>
    public void Add(ulong hash)
    {
        hash |= 1; // 0 marks a free slot.
        for (var at = (int)(hash >> 32) & Mask; ; at = (at + 1) & Mask)
        {
            var there = Volatile.Read(ref _slots[at]);
            if (there == hash)
                return;
            if (there != 0)
                continue;
            if (Count >= Max)
                return;
            var before = Interlocked.CompareExchange(ref _slots[at], hash, 0);
            if (before == 0)
                Interlocked.Increment(ref _count);
            if (before == 0 || before == hash)
                return;
        }
    }
}
