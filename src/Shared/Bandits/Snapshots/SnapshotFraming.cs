using System.Buffers.Binary;
using System.IO.Hashing;

namespace Recsys.Bandits.Snapshots;

/// <summary>What stands before every published shard.</summary>
/// <param name="Fingerprint">Of the configuration that learned it (<see cref="Policies.PolicySpec.Fingerprint"/>).</param>
/// <param name="Partition">The partition it was learned from.</param>
/// <param name="Epoch">Tenure of the writer; a later writer has a larger one.</param>
/// <param name="Interactions">Interactions learned: the shard's version within an epoch.</param>
public readonly record struct SnapshotHeader(ulong Fingerprint, int Partition, long Epoch, long Interactions);

/// <summary>What stands before every published delta.</summary>
/// <param name="Shard">What the shard is once the delta is applied.</param>
/// <param name="From">Interactions of the shard of the same epoch that it is applied to: the version before it, which is below its own.</param>
public readonly record struct DeltaHeader(SnapshotHeader Shard, long From);

/// <summary>
/// The frame of published parameters, little-endian: magic "RCSY", format version u16, reserved u16, fingerprint u64, partition i32, payload length
/// i32, epoch i64, interactions i64, XxHash3 of header and payload u64, payload. A delta has the magic "RCSD" and, between interactions and checksum, the
/// interactions that it starts from, i64.
/// </summary>
public static class SnapshotFraming
{
    /// <summary>Version of this frame and of the payloads inside it. Readers refuse any other.</summary>
    public const ushort FormatVersion = 1;

    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 48;

    /// <summary>Bytes before the payload of a delta.</summary>
    public const int DeltaHeaderBytes = 56;

    private const int ChecksumBytes = 8;

    private static ReadOnlySpan<byte> Magic => "RCSY"u8;

    private static ReadOnlySpan<byte> DeltaMagic => "RCSD"u8;

    /// <summary>Frames a payload.</summary>
    public static byte[] Frame(in SnapshotHeader header, ReadOnlySpan<byte> payload)
    {
        var framed = Lay(Magic, header, payload, HeaderBytes);
        Seal(framed, HeaderBytes);
        return framed;
    }

    /// <summary>Frames a delta.</summary>
    public static byte[] FrameDelta(in DeltaHeader header, ReadOnlySpan<byte> payload)
    {
        var framed = Lay(DeltaMagic, header.Shard, payload, DeltaHeaderBytes);
        BinaryPrimitives.WriteInt64LittleEndian(framed.AsSpan(40), header.From);
        Seal(framed, DeltaHeaderBytes);
        return framed;
    }

    /// <summary>Verifies a frame completely and opens it.</summary>
    /// <param name="framed">What <see cref="Frame"/> made.</param>
    /// <param name="expectedFingerprint">Of the reader's own configuration.</param>
    /// <param name="payload">The payload, a view into <paramref name="framed"/>.</param>
    /// <exception cref="SnapshotFormatException">Any check fails; the message names it.</exception>
    public static SnapshotHeader Open(ReadOnlyMemory<byte> framed, ulong expectedFingerprint, out ReadOnlyMemory<byte> payload) =>
        Open(framed, "Snapshot", Magic, HeaderBytes, expectedFingerprint, out payload);

    /// <summary>Verifies the frame of a delta completely and opens it.</summary>
    /// <param name="framed">What <see cref="FrameDelta"/> made.</param>
    /// <param name="expectedFingerprint">Of the reader's own configuration.</param>
    /// <param name="payload">The payload, a view into <paramref name="framed"/>.</param>
    /// <exception cref="SnapshotFormatException">Any check fails; the message names it.</exception>
    public static DeltaHeader OpenDelta(ReadOnlyMemory<byte> framed, ulong expectedFingerprint, out ReadOnlyMemory<byte> payload)
    {
        var shard = Open(framed, "Delta", DeltaMagic, DeltaHeaderBytes, expectedFingerprint, out payload);
        var from = BinaryPrimitives.ReadInt64LittleEndian(framed.Span[40..]);
        return from < shard.Interactions
            ? new DeltaHeader(shard, from)
            : throw new SnapshotFormatException($"Delta leads from {from} interactions not on but to {shard.Interactions}.");
    }

    private static byte[] Lay(ReadOnlySpan<byte> magic, in SnapshotHeader header, ReadOnlySpan<byte> payload, int headerBytes)
    {
        var framed = GC.AllocateUninitializedArray<byte>(headerBytes + payload.Length);
        var span = framed.AsSpan();
        span[..headerBytes].Clear();
        magic.CopyTo(span);
        BinaryPrimitives.WriteUInt16LittleEndian(span[4..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(span[8..], header.Fingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], header.Partition);
        BinaryPrimitives.WriteInt32LittleEndian(span[20..], payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], header.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], header.Interactions);
        payload.CopyTo(span[headerBytes..]);
        return framed;
    }

    private static SnapshotHeader Open(
        ReadOnlyMemory<byte> framed, string what, ReadOnlySpan<byte> magic, int headerBytes, ulong expectedFingerprint, out ReadOnlyMemory<byte> payload)
    {
        var span = framed.Span;
        if (span.Length < headerBytes)
            throw new SnapshotFormatException($"{what} of {span.Length} bytes is shorter than its {headerBytes}-byte header.");
        if (!span[..4].SequenceEqual(magic))
            throw new SnapshotFormatException($"{what} does not start with the magic '{System.Text.Encoding.ASCII.GetString(magic)}'.");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(span[4..]);
        if (version != FormatVersion)
            throw new SnapshotFormatException($"{what} has format version {version}; this reader knows {FormatVersion}.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(span[20..]);
        if (length != span.Length - headerBytes)
            throw new SnapshotFormatException($"{what} promises {length} payload bytes and carries {span.Length - headerBytes}.");
        if (BinaryPrimitives.ReadUInt64LittleEndian(span[(headerBytes - ChecksumBytes)..]) != Checksum(span, headerBytes))
            throw new SnapshotFormatException($"{what} checksum does not match its content.");
        var header = new SnapshotHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(span[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(span[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[32..]));
        if (header.Fingerprint != expectedFingerprint)
            throw new SnapshotMismatchException($"{what} was learned under configuration {header.Fingerprint:x16}, this experiment runs {expectedFingerprint:x16}.");
        payload = framed[headerBytes..];
        return header;
    }

    private static void Seal(Span<byte> framed, int headerBytes) =>
        BinaryPrimitives.WriteUInt64LittleEndian(framed[(headerBytes - ChecksumBytes)..], Checksum(framed, headerBytes));

    private static ulong Checksum(ReadOnlySpan<byte> framed, int headerBytes)
    {
        var hash = new XxHash3();
        hash.Append(framed[..(headerBytes - ChecksumBytes)]);
        hash.Append(framed[headerBytes..]);
        return hash.GetCurrentHashAsUInt64();
    }
}
