using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// The files of one shard: whole parameters in one that is replaced, and behind them what changed since in one that only grows, so that keeping costs what has
/// changed too. Whatever of the second does not continue the first, and a torn end, is left out.
/// </summary>
/// <remarks>
/// Little-endian. Whole: XxHash3 of the rest u64, partition i32, epoch i64, interactions i64, as-of i64, framed parameters. Each record of the other: length of the
/// framed delta i32, XxHash3 of the rest u64, epoch i64, from i64, to i64, as-of i64, framed delta. A record that leads nowhere only moves the time on.
/// </remarks>
internal sealed class LocalShardFiles
{
    /// <summary>Extension of whole parameters.</summary>
    public const string Extension = ".snapshot";

    private const string DeltasExtension = ".deltas";
    private const int WholeHeaderBytes = 36;
    private const int RecordHeaderBytes = 44;
    private const int HashedAt = 12;

    private readonly string _whole;
    private readonly string _deltas;
    private long _end;

    public LocalShardFiles(string directory, int partition)
    {
        var name = Path.Combine(directory, partition.ToString(CultureInfo.InvariantCulture));
        (_whole, _deltas) = (name + Extension, name + DeltasExtension);
    }

    /// <summary>Replaces the whole parameters; what was behind the former ones goes.</summary>
    /// <exception cref="IOException">The disk refuses; what was there before, or a part of it, can still be read.</exception>
    public void Begin(in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        var header = new byte[WholeHeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), head.Partition);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), head.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), head.Interactions);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(28), head.AsOf);
        BinaryPrimitives.WriteUInt64LittleEndian(header, Checksum(header.AsSpan(8), framed.Span));
        Directory.CreateDirectory(Path.GetDirectoryName(_whole)!);
        AtomicFile.Write(_whole, header, framed);
        // Were this lost, records of versions that the whole parameters have already would be passed over.
        File.Delete(_deltas);
        _end = 0;
    }

    /// <summary>Appends deltas, and the time of the head.</summary>
    /// <exception cref="IOException">The disk refuses; the same deltas may be appended again.</exception>
    public void Append(in ShardHead head, IReadOnlyList<LocalDelta> deltas)
    {
        using var handle = File.OpenHandle(_deltas, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        var at = _end;
        foreach (var delta in deltas)
            at = Write(handle, at, head.Epoch, delta);
        if (deltas.Count == 0 || deltas[^1].AsOf < head.AsOf)
            at = Write(handle, at, head.Epoch, new LocalDelta(head.Interactions, head.Interactions, head.AsOf, default));
        RandomAccess.FlushToDisk(handle);
        if (_end == 0)
            AtomicFile.SyncDirectory(Path.GetDirectoryName(_deltas)!);
        _end = at;
    }

    /// <summary>Reads what was kept, or null when the whole parameters are damaged. Cuts off what an interrupted write has left.</summary>
    public static (LocalShard Shard, LocalShardFiles Files)? Read(string path, ILogger log)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < WholeHeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Checksum(bytes.AsSpan(8, WholeHeaderBytes - 8), bytes.AsSpan(WholeHeaderBytes)))
        {
            LocalLog.SnapshotSkipped(log, path, "its checksum does not match its content");
            return null;
        }
        var head = new ShardHead(
            BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(12)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(20)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(28)));
        var files = new LocalShardFiles(Path.GetDirectoryName(path)!, head.Partition);
        var shard = new LocalShard(head, bytes.AsMemory(WholeHeaderBytes));
        files.Follow(shard, log);
        shard.Kept = new LocalKept(head.Epoch, head.Interactions, shard.Head.Interactions);
        return (shard, files);
    }

    private static long Write(Microsoft.Win32.SafeHandles.SafeFileHandle handle, long at, long epoch, in LocalDelta delta)
    {
        var header = new byte[RecordHeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header, delta.Framed.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(HashedAt), epoch);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), delta.From);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(28), delta.To);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(36), delta.AsOf);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(4), Checksum(header.AsSpan(HashedAt), delta.Framed.Span));
        RandomAccess.Write(handle, header, at);
        RandomAccess.Write(handle, delta.Framed.Span, at + header.Length);
        return at + header.Length + delta.Framed.Length;
    }

    private void Follow(LocalShard shard, ILogger log)
    {
        if (AtomicFile.Read(_deltas) is not { } bytes)
            return;
        var at = 0;
        while (Take(shard, bytes.AsMemory(at)) is { } length)
            at += length;
        _end = at;
        if (at == bytes.Length)
            return;
        LocalLog.DeltasCut(log, _deltas, bytes.Length - at);
        using var handle = File.OpenHandle(_deltas, FileMode.Open, FileAccess.Write, FileShare.Read);
        RandomAccess.SetLength(handle, at);
    }

    // The length of the record at the beginning of the rest; null where there is none that can be read and continues what is there.
    private static int? Take(LocalShard shard, ReadOnlyMemory<byte> rest)
    {
        var span = rest.Span;
        if (span.Length < RecordHeaderBytes)
            return null;
        var length = BinaryPrimitives.ReadInt32LittleEndian(span);
        if (length < 0 || length > span.Length - RecordHeaderBytes)
            return null;
        var delta = rest.Slice(RecordHeaderBytes, length);
        if (BinaryPrimitives.ReadUInt64LittleEndian(span[4..]) != Checksum(span[HashedAt..RecordHeaderBytes], delta.Span))
            return null;
        var (epoch, from, to) = (BinaryPrimitives.ReadInt64LittleEndian(span[HashedAt..]), BinaryPrimitives.ReadInt64LittleEndian(span[20..]),
            BinaryPrimitives.ReadInt64LittleEndian(span[28..]));
        var head = shard.Head with { Interactions = to, AsOf = BinaryPrimitives.ReadInt64LittleEndian(span[36..]) };
        if (epoch > shard.Head.Epoch || (epoch == shard.Head.Epoch && to > shard.Head.Interactions && from != shard.Head.Interactions))
            return null;
        if (epoch == shard.Head.Epoch && from == to && to == shard.Head.Interactions)
            shard.Touch(head.AsOf);
        else if (epoch == shard.Head.Epoch && to > shard.Head.Interactions)
            shard.Add(head, delta);
        shard.IsTouched = false;
        return RecordHeaderBytes + length;
    }

    private static ulong Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> framed)
    {
        var hash = new XxHash3();
        hash.Append(header);
        hash.Append(framed);
        return hash.GetCurrentHashAsUInt64();
    }
}
