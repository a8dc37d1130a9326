using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>Keys and cells as a partition has written them, read and checked but for what keys say.</summary>
internal sealed class MemoryParts
{
    /// <summary>In the place of a number of keys: they are what they were.</summary>
    public const long KeysUnchanged = -1;

    /// <summary>Reads them.</summary>
    /// <param name="reader">Stands before the keys.</param>
    /// <param name="lineage">Of the spaces.</param>
    /// <param name="shape">Of the cells.</param>
    /// <param name="keysMayBeAbsent">Whether the keys may be what they were.</param>
    /// <exception cref="SnapshotFormatException">They are something else.</exception>
    public MemoryParts(ref StateReader reader, ulong lineage, MemoryShape shape, bool keysMayBeAbsent)
    {
        var keys = reader.Long(keysMayBeAbsent ? KeysUnchanged : 0, MemoryTrace.AddressesMax);
        if (keys >= 0)
        {
            var read = new List<(KeySpace, byte[])>();
            for (var i = 0; i < keys; i++)
                read.Add((Space(ref reader, lineage), reader.ArrayUpTo<byte>(int.MaxValue)));
            Keys = read;
        }
        var spaces = reader.Long(0, MemoryTrace.AddressesMax);
        var changes = new List<(KeySpace, MemoryChange)>();
        for (var i = 0; i < spaces; i++)
        {
            var space = Space(ref reader, lineage);
            reader.Require(i == 0 || space.Version > changes[0].Item1.Version, "its spaces are not in order");
            changes.Add((space, MemoryChange.Read(reader.ArrayUpTo<byte>(int.MaxValue), shape)));
        }
        Spaces = changes;
    }

    /// <summary>The newest last; null where they are what they were.</summary>
    public IReadOnlyList<(KeySpace Space, byte[] Bytes)>? Keys { get; }

    /// <summary>All spaces that are held, the newest last.</summary>
    public IReadOnlyList<(KeySpace Space, MemoryChange Change)> Spaces { get; }

    private static KeySpace Space(ref StateReader reader, ulong lineage)
    {
        var space = new KeySpace((ulong)reader.Long());
        reader.Require(space.IsRelated(KeySpace.Of(lineage, 0)), "a space is of another lineage");
        return space;
    }
}
