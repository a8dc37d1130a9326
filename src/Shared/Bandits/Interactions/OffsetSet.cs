using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Interactions;

/// <summary>
/// A set of log offsets as bytes: for every block of 64 offsets that has a member, the distance from the block before as unsigned LEB128 and a 64-bit mask,
/// little-endian. Small both where members are dense and where the log has holes.
/// </summary>
public static class OffsetSet
{
    /// <summary>Writes a set.</summary>
    /// <param name="offsets">Ascending, distinct, not negative.</param>
    public static byte[] Write(ReadOnlySpan<long> offsets)
    {
        var output = new ArrayBufferWriter<byte>(64 + offsets.Length / 4);
        var before = 0L;
        for (var i = 0; i < offsets.Length;)
        {
            var block = offsets[i] >> 6;
            var mask = 0UL;
            for (; i < offsets.Length && offsets[i] >> 6 == block; i++)
                mask |= 1UL << (int)(offsets[i] & 63);
            var span = output.GetSpan(18);
            var at = 0;
            var distance = (ulong)(block - before);
            for (; distance >= 0x80; distance >>= 7)
                span[at++] = (byte)(distance | 0x80);
            span[at++] = (byte)distance;
            BinaryPrimitives.WriteUInt64LittleEndian(span[at..], mask);
            output.Advance(at + 8);
            before = block;
        }
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads a set, ascending.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are no such set.</exception>
    public static long[] Read(ReadOnlySpan<byte> bytes)
    {
        var offsets = new List<long>();
        var block = 0L;
        for (var at = 0; at < bytes.Length;)
        {
            var distance = 0UL;
            var shift = 0;
            byte next;
            do
            {
                if (at == bytes.Length || shift > 56)
                    throw new SnapshotFormatException("A set of offsets is cut short or holds an impossible distance.");
                next = bytes[at++];
                distance |= (ulong)(next & 0x7F) << shift;
                shift += 7;
            }
            while (next >= 0x80);
            if (bytes.Length - at < 8 || distance > (ulong)((long.MaxValue >> 6) - block) || (distance == 0 && offsets.Count > 0))
                throw new SnapshotFormatException("A set of offsets is cut short or out of order.");
            block += (long)distance;
            for (var mask = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]); mask != 0; mask &= mask - 1)
                offsets.Add((block << 6) + BitOperations.TrailingZeroCount(mask));
            at += 8;
        }
        return [.. offsets];
    }
}
