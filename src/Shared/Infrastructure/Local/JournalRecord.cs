using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Recsys.Infrastructure.Local;

/// <summary>One record of a journal.</summary>
/// <param name="Offset">Its number, from 0.</param>
/// <param name="AppendedAt">When it was appended, Unix ms.</param>
/// <param name="Key">Its key as UTF-8.</param>
/// <param name="Header">A content type, or the reason of a dead letter.</param>
/// <param name="Value">Its bytes; null for a removal.</param>
public readonly record struct JournalRecord(long Offset, long AppendedAt, ReadOnlyMemory<byte> Key, string Header, ReadOnlyMemory<byte>? Value);

/// <summary>
/// How a record lies on disk, little-endian: length u32, CRC-32 u32, then the payload: appended-at i64, flags u8 (1: has a value), key length u16, header
/// length u16, key, header, value.
/// </summary>
internal static class JournalFormat
{
    public const int FrameBytes = 8;
    public const int RecordBytesMax = 16 << 20;
    private const int FixedBytes = 13;

    public static byte[] Encode(long appendedAt, ReadOnlySpan<byte> key, string header, ReadOnlySpan<byte> value, bool hasValue)
    {
        var headerLength = Encoding.UTF8.GetByteCount(header);
        var payload = FixedBytes + key.Length + headerLength + value.Length;
        var bytes = new byte[FrameBytes + payload];
        var span = bytes.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)payload);
        BinaryPrimitives.WriteInt64LittleEndian(span[8..], appendedAt);
        span[16] = hasValue ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(span[17..], checked((ushort)key.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(span[19..], checked((ushort)headerLength));
        key.CopyTo(span[21..]);
        Encoding.UTF8.GetBytes(header, span[(21 + key.Length)..]);
        value.CopyTo(span[(21 + key.Length + headerLength)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(span[4..], Crc32.HashToUInt32(span[FrameBytes..]));
        return bytes;
    }

    /// <summary>Reads the record at the start of <paramref name="bytes"/>. Zero when it is not complete there or its checksum is wrong.</summary>
    public static int TryDecode(ReadOnlySpan<byte> bytes, long offset, out JournalRecord record)
    {
        record = default;
        if (bytes.Length < FrameBytes)
            return 0;
        var payload = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (payload is < FixedBytes or > RecordBytesMax || payload > bytes.Length - FrameBytes)
            return 0;
        var body = bytes.Slice(FrameBytes, (int)payload);
        if (Crc32.HashToUInt32(body) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]))
            return 0;
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(body[9..]), headerLength = BinaryPrimitives.ReadUInt16LittleEndian(body[11..]);
        if (FixedBytes + keyLength + headerLength > payload)
            return 0;
        var copy = body[FixedBytes..].ToArray();
        record = new JournalRecord(
            offset,
            BinaryPrimitives.ReadInt64LittleEndian(body),
            copy.AsMemory(0, keyLength),
            Encoding.UTF8.GetString(copy, keyLength, headerLength),
            body[8] == 1 ? copy.AsMemory(keyLength + headerLength) : null);
        return FrameBytes + (int)payload;
    }
}
