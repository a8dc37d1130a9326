using System.Buffers.Binary;
using System.IO.Hashing;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// A record on disk, little-endian: payload length u32, CRC-32 of the payload u32, then the payload: group start u32, appended-at i64, flags u8 (1: removal),
/// header length u16, key length u32, headers, key, value.
/// </summary>
/// <remarks>
/// Group start is the position in the segment at which the record's commit group began. Everything before it was durable when the record was written.
/// That tells damage from a torn write: bytes that cannot be read are a torn tail only if no later group stands behind them.
/// </remarks>
internal static class JournalFormat
{
    /// <summary>Length and checksum.</summary>
    public const int PrefixBytes = 8;

    /// <summary>Payload without headers, key and value.</summary>
    public const int FixedBytes = 19;

    /// <summary>Most bytes of one payload. A decision with a thousand actions of a thousand features each is half of it.</summary>
    public const int PayloadBytesMax = 16 << 20;

    private const byte RemovalFlag = 1;

    /// <summary>Bytes of a record on disk.</summary>
    public static long SizeOf(int headers, int key, int value) => PrefixBytes + FixedBytes + (long)headers + key + value;

    /// <summary>Writes a record without group start and checksum, which <see cref="Seal"/> adds when both are known.</summary>
    public static void Write(
        Span<byte> target, long appendedAt, bool isRemoval, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)(target.Length - PrefixBytes));
        var payload = target[PrefixBytes..];
        BinaryPrimitives.WriteInt64LittleEndian(payload[4..], appendedAt);
        payload[12] = isRemoval ? RemovalFlag : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(payload[13..], checked((ushort)headers.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(payload[15..], (uint)key.Length);
        headers.CopyTo(payload[FixedBytes..]);
        key.CopyTo(payload[(FixedBytes + headers.Length)..]);
        value.CopyTo(payload[(FixedBytes + headers.Length + key.Length)..]);
    }

    /// <summary>Completes the records of a commit group.</summary>
    public static void Seal(Span<byte> group, uint groupStart)
    {
        while (group.Length > 0)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(group);
            var payload = group.Slice(PrefixBytes, length);
            BinaryPrimitives.WriteUInt32LittleEndian(payload, groupStart);
            BinaryPrimitives.WriteUInt32LittleEndian(group[4..], Crc32.HashToUInt32(payload));
            group = group[(PrefixBytes + length)..];
        }
    }

    /// <summary>What is wrong with a payload length, or null.</summary>
    public static string? CheckLength(uint length) => length is < FixedBytes or > PayloadBytesMax ? $"its length of {length} bytes is impossible" : null;

    /// <summary>Takes a complete payload apart. Returns what is wrong with it, or null.</summary>
    public static string? TryRead(ReadOnlyMemory<byte> payload, uint checksum, long offset, out JournalRecord record)
    {
        record = default;
        var span = payload.Span;
        if (Crc32.HashToUInt32(span) != checksum)
            return "its checksum does not match its content";
        int headers = BinaryPrimitives.ReadUInt16LittleEndian(span[13..]);
        var key = BinaryPrimitives.ReadUInt32LittleEndian(span[15..]);
        if (span[12] > RemovalFlag || FixedBytes + (long)headers + key > span.Length)
            return "its parts do not add up";
        record = new JournalRecord(
            offset,
            BinaryPrimitives.ReadInt64LittleEndian(span[4..]),
            payload.Slice(FixedBytes + headers, (int)key),
            payload[(FixedBytes + headers + (int)key)..],
            span[12] == RemovalFlag,
            payload.Slice(FixedBytes, headers));
        return null;
    }

    /// <summary>Whether a whole record of a group that began after <paramref name="damaged"/> lies anywhere in <paramref name="rest"/>.</summary>
    /// <param name="rest">What follows the byte at which reading failed, from that byte on.</param>
    /// <param name="damaged">Position of that byte in the segment.</param>
    public static bool HasLaterGroup(ReadOnlySpan<byte> rest, long damaged)
    {
        for (var at = 1; at + PrefixBytes + FixedBytes <= rest.Length; at++)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[at..]);
            if (CheckLength(length) is not null || length > rest.Length - at - PrefixBytes)
                continue;
            var groupStart = BinaryPrimitives.ReadUInt32LittleEndian(rest[(at + PrefixBytes)..]);
            // The cheap comparison first: the checksum is only computed where a later group would have to begin.
            if (groupStart > damaged && groupStart <= damaged + at
                && Crc32.HashToUInt32(rest.Slice(at + PrefixBytes, (int)length)) == BinaryPrimitives.ReadUInt32LittleEndian(rest[(at + 4)..]))
                return true;
        }
        return false;
    }
}
