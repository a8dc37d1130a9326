using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Learner.Training;

/// <summary>What a partition has learned and how far it has read, as one value.</summary>
/// <param name="Generation">Of the definition it was learned under.</param>
/// <param name="CreatedAt">Of the experiment, Unix ms.</param>
/// <param name="NextOffset">The first record that is not part of the state.</param>
/// <param name="Resume">From where the joiner's state is rebuilt.</param>
/// <param name="Counts">The joiner's counts.</param>
/// <param name="Trainer">What <see cref="Recsys.Bandits.Policies.IPolicyTrainer.WriteCheckpoint"/> wrote.</param>
public sealed record Checkpoint(
    ulong Generation, long CreatedAt, long NextOffset, JoinResumePoint Resume, JoinCounts Counts, ReadOnlyMemory<byte> Trainer)
{
    private const int FixedBytes = 4 + 4 + 8 + 8 + 8 + 8 + 8;
    private static readonly int CountsBytes = Marshal.SizeOf<JoinCounts>();

    /// <summary>Identifies the learned state: equal states, equal digests.</summary>
    public static ulong Digest(ReadOnlySpan<byte> trainer) => XxHash3.HashToUInt64(trainer);

    /// <summary>Little-endian: magic "RCKP", format version i32, generation, created-at, next offset, resume offset, resume watermark, counts, trainer, and
    /// XxHash3 of all before it.</summary>
    public byte[] Write()
    {
        var bytes = new byte[FixedBytes + CountsBytes + Trainer.Length + 8];
        var span = bytes.AsSpan();
        "RCKP"u8.CopyTo(span);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], SnapshotFraming.FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(span[8..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], CreatedAt);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], NextOffset);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], Resume.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(span[40..], Resume.Watermark);
        var counts = Counts;
        MemoryMarshal.Write(span[FixedBytes..], in counts);
        Trainer.Span.CopyTo(span[(FixedBytes + CountsBytes)..]);
        BinaryPrimitives.WriteUInt64LittleEndian(span[^8..], XxHash3.HashToUInt64(span[..^8]));
        return bytes;
    }

    /// <summary>Reads and verifies a checkpoint.</summary>
    /// <exception cref="SnapshotFormatException">It is damaged or of another format.</exception>
    public static Checkpoint Read(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        if (span.Length < FixedBytes + CountsBytes + 8 || !span[..4].SequenceEqual("RCKP"u8))
            throw new SnapshotFormatException("The checkpoint does not start with the magic 'RCKP', or is too short.");
        if (BinaryPrimitives.ReadInt32LittleEndian(span[4..]) != SnapshotFraming.FormatVersion)
            throw new SnapshotFormatException($"The checkpoint has format version {BinaryPrimitives.ReadInt32LittleEndian(span[4..])}.");
        if (BinaryPrimitives.ReadUInt64LittleEndian(span[^8..]) != XxHash3.HashToUInt64(span[..^8]))
            throw new SnapshotFormatException("The checkpoint's checksum does not match its content.");
        return new Checkpoint(
            BinaryPrimitives.ReadUInt64LittleEndian(span[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[24..]),
            new JoinResumePoint(BinaryPrimitives.ReadInt64LittleEndian(span[32..]), BinaryPrimitives.ReadInt64LittleEndian(span[40..])),
            MemoryMarshal.Read<JoinCounts>(span[FixedBytes..]),
            bytes[(FixedBytes + CountsBytes)..^8]);
    }
}
