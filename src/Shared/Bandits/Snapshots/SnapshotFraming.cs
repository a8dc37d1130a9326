using System.Buffers.Binary;
using System.IO.Hashing;

namespace Recsys.Bandits.Snapshots;

/// <summary>What stands before every published shard.</summary>
/// <param name="Fingerprint">Of the configuration that learned it (<see cref="Policies.PolicySpec.Fingerprint"/>).</param>
/// <param name="Partition">The partition it was learned from.</param>
/// <param name="Epoch">Tenure of the writer; a later writer has a larger one.</param>
/// <param name="Interactions">Interactions learned: the shard's version within an epoch.</param>
public readonly record struct SnapshotHeader(ulong Fingerprint, int Partition, long Epoch, long Interactions);

/// <summary>
/// The frame of published parameters, little-endian: magic "RCSY", format version u16, reserved u16, fingerprint u64, partition i32, payload length
/// i32, epoch i64, interactions i64, XxHash3 of header and payload u64, payload.
/// </summary>
public static class SnapshotFraming
{
    /// <summary>Version of this frame and of the payloads inside it. Readers refuse any other.</summary>
    public const ushort FormatVersion = 1;

    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 48;

    private const int ChecksumAt = 40;

    /// <summary>Frames a payload.</summary>
    public static byte[] Frame(in SnapshotHeader header, ReadOnlySpan<byte> payload)
    {
        var framed = new byte[HeaderBytes + payload.Length];
        var span = framed.AsSpan();
        "RCSY"u8.CopyTo(span);
        BinaryPrimitives.WriteUInt16LittleEndian(span[4..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(span[8..], header.Fingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], header.Partition);
        BinaryPrimitives.WriteInt32LittleEndian(span[20..], payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], header.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], header.Interactions);
        payload.CopyTo(span[HeaderBytes..]);
        BinaryPrimitives.WriteUInt64LittleEndian(span[ChecksumAt..], Checksum(span));
        return framed;
    }

    /// <summary>Verifies a frame completely and opens it.</summary>
    /// <param name="framed">What <see cref="Frame"/> made.</param>
    /// <param name="expectedFingerprint">Of the reader's own configuration.</param>
    /// <param name="payload">The payload, a view into <paramref name="framed"/>.</param>
    /// <exception cref="SnapshotFormatException">Any check fails; the message names it.</exception>
    public static SnapshotHeader Open(ReadOnlyMemory<byte> framed, ulong expectedFingerprint, out ReadOnlyMemory<byte> payload)
    {
        var span = framed.Span;
        if (span.Length < HeaderBytes)
            throw new SnapshotFormatException($"Snapshot of {span.Length} bytes is shorter than its {HeaderBytes}-byte header.");
        if (!span[..4].SequenceEqual("RCSY"u8))
            throw new SnapshotFormatException("Snapshot does not start with the magic 'RCSY'.");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(span[4..]);
        if (version != FormatVersion)
            throw new SnapshotFormatException($"Snapshot has format version {version}; this reader knows {FormatVersion}.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(span[20..]);
        if (length != span.Length - HeaderBytes)
            throw new SnapshotFormatException($"Snapshot promises {length} payload bytes and carries {span.Length - HeaderBytes}.");
        if (BinaryPrimitives.ReadUInt64LittleEndian(span[ChecksumAt..]) != Checksum(span))
            throw new SnapshotFormatException("Snapshot checksum does not match its content.");
        var header = new SnapshotHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(span[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(span[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[32..]));
        if (header.Fingerprint != expectedFingerprint)
            throw new SnapshotMismatchException($"Snapshot was learned under configuration {header.Fingerprint:x16}, this experiment runs {expectedFingerprint:x16}.");
        payload = framed[HeaderBytes..];
        return header;
    }

    private static ulong Checksum(ReadOnlySpan<byte> framed)
    {
        var hash = new XxHash3();
        hash.Append(framed[..ChecksumAt]);
        hash.Append(framed[HeaderBytes..]);
        return hash.GetCurrentHashAsUInt64();
    }
}
