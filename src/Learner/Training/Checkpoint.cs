using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Learner.Training;

/// <summary>What a partition has learned and how far it has read, as one value.</summary>
/// <param name="Generation">Of the definition it was learned under.</param>
/// <param name="CreatedAt">Of the experiment, Unix ms.</param>
/// <param name="Epoch">Tenure of the writer; for people who look, the store does the fencing.</param>
/// <param name="NextOffset">The first record that is not part of the state.</param>
/// <param name="Resume">From where the joiner's state is rebuilt.</param>
/// <param name="Counts">The joiner's counts.</param>
/// <param name="Trainer">What <see cref="Recsys.Bandits.Policies.IPolicyTrainer.WriteCheckpoint"/> wrote.</param>
public sealed record Checkpoint(
    ulong Generation, long CreatedAt, long Epoch, long NextOffset, JoinResumePoint Resume, JoinCounts Counts, ReadOnlyMemory<byte> Trainer)
{
    /// <summary>Version of this layout. A reader that meets another learns again from the log.</summary>
    public const int FormatVersion = 2;

    private const int FixedBytes = 80;
    private static readonly int CountsBytes = Marshal.SizeOf<JoinCounts>();

    /// <summary>Identifies the learned state: equal states, equal digests.</summary>
    public ulong StateDigest => Digest(Trainer.Span);

    /// <summary>Digest of a trainer's checkpoint bytes.</summary>
    public static ulong Digest(ReadOnlySpan<byte> trainer) => XxHash3.HashToUInt64(trainer);

    /// <summary>
    /// Little-endian: magic "RCKP", format version i32, generation u64, created-at i64, epoch i64, next offset i64, resume offset i64, resume watermark
    /// i64, state digest u64, length of counts i32, trainer length i64, length of starts i32, counts, starts (of
    /// the resume point), trainer, XxHash3 of all before it u64.
    /// </summary>
    public byte[] Write()
    {
        var bytes = new byte[FixedBytes + CountsBytes + Resume.Starts.Length + Trainer.Length + 8];
        var span = bytes.AsSpan();
        "RCKP"u8.CopyTo(span);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(span[8..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], CreatedAt);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], NextOffset);
        BinaryPrimitives.WriteInt64LittleEndian(span[40..], Resume.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(span[48..], Resume.Watermark);
        BinaryPrimitives.WriteUInt64LittleEndian(span[56..], StateDigest);
        BinaryPrimitives.WriteInt32LittleEndian(span[64..], CountsBytes);
        BinaryPrimitives.WriteInt64LittleEndian(span[68..], Trainer.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span[76..], Resume.Starts.Length);
        var counts = Counts;
        MemoryMarshal.Write(span[FixedBytes..], in counts);
        Resume.Starts.Span.CopyTo(span[(FixedBytes + CountsBytes)..]);
        Trainer.Span.CopyTo(span[(FixedBytes + CountsBytes + Resume.Starts.Length)..]);
        BinaryPrimitives.WriteUInt64LittleEndian(span[^8..], XxHash3.HashToUInt64(span[..^8]));
        return bytes;
    }

    /// <summary>Reads and verifies a checkpoint; its parts are views into the bytes.</summary>
    /// <exception cref="SnapshotFormatException">It is damaged or of another format; the message says which.</exception>
    public static Checkpoint Read(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        if (span.Length < FixedBytes + 8 || !span[..4].SequenceEqual("RCKP"u8))
            throw new SnapshotFormatException("The checkpoint does not start with the magic 'RCKP', or is too short.");
        var version = BinaryPrimitives.ReadInt32LittleEndian(span[4..]);
        if (version != FormatVersion)
            throw new SnapshotFormatException($"The checkpoint has format version {version}; this reader knows {FormatVersion}.");
        if (BinaryPrimitives.ReadUInt64LittleEndian(span[^8..]) != XxHash3.HashToUInt64(span[..^8]))
            throw new SnapshotFormatException("The checkpoint's checksum does not match its content.");
        var startsAt = FixedBytes + CountsBytes;
        long starts = BinaryPrimitives.ReadInt32LittleEndian(span[76..]);
        if (BinaryPrimitives.ReadInt32LittleEndian(span[64..]) != CountsBytes || starts < 0 || starts > span.Length
            || BinaryPrimitives.ReadInt64LittleEndian(span[68..]) != span.Length - startsAt - starts - 8)
            throw new SnapshotFormatException("The checkpoint's lengths do not add up.");
        var nextOffset = BinaryPrimitives.ReadInt64LittleEndian(span[32..]);
        var checkpoint = new Checkpoint(
            BinaryPrimitives.ReadUInt64LittleEndian(span[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[24..]),
            nextOffset,
            new JoinResumePoint(
                BinaryPrimitives.ReadInt64LittleEndian(span[40..]), BinaryPrimitives.ReadInt64LittleEndian(span[48..]), nextOffset, bytes.Slice(startsAt, (int)starts)),
            MemoryMarshal.Read<JoinCounts>(span[FixedBytes..]),
            bytes[(startsAt + (int)starts)..^8]);
        return checkpoint.StateDigest == BinaryPrimitives.ReadUInt64LittleEndian(span[56..])
            ? checkpoint
            : throw new SnapshotFormatException("The checkpoint's state is not the one that its digest names.");
    }
}
