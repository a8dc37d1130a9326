using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Infrastructure.Local;

/// <summary>Checkpoints as files, the newest and the one before it, with the epoch of the partition beside them.</summary>
/// <remarks>
/// A checkpoint file: XxHash3 of the rest u64, then the checkpoint. Epochs come from one counter for the whole directory, so that a tenure of a deleted
/// experiment can never be mistaken for one of its successor.
/// </remarks>
public sealed class LocalCheckpointStore(DataDirectory data, ILogger<LocalCheckpointStore> log) : ICheckpointStore
{
    private const string PreviousExtension = ".previous";
    private readonly Lock _gate = new();

    private string CounterPath => Path.Combine(data.Checkpoints, "epoch");

    /// <inheritdoc/>
    public long AcquireEpoch(string experiment, int partition)
    {
        lock (_gate)
        {
            return Guarded(() =>
            {
                var epoch = Math.Max(ReadEpoch(CounterPath), ReadEpoch(PathOf(experiment, partition, ".epoch"))) + 1;
                Directory.CreateDirectory(DirectoryOf(experiment));
                AtomicFile.Write(CounterPath, BitConverter.GetBytes(epoch));
                AtomicFile.Write(PathOf(experiment, partition, ".epoch"), BitConverter.GetBytes(epoch));
                AtomicFile.SyncDirectory(data.Checkpoints);
                return epoch;
            });
        }
    }

    /// <inheritdoc/>
    public byte[]? Load(string experiment, int partition)
    {
        lock (_gate)
        {
            var path = PathOf(experiment, partition, ".checkpoint");
            return Guarded(() => ReadChecked(path) ?? ReadChecked(path + PreviousExtension));
        }
    }

    /// <inheritdoc/>
    public bool Save(string experiment, int partition, long epoch, ReadOnlyMemory<byte> checkpoint)
    {
        lock (_gate)
        {
            return Guarded(() =>
            {
                if (ReadEpoch(PathOf(experiment, partition, ".epoch")) != epoch)
                    return false;
                var path = PathOf(experiment, partition, ".checkpoint");
                var checksum = new byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(checksum, XxHash3.HashToUInt64(checkpoint.Span));
                // Between the two renames a crash leaves only the previous one, which Load takes: the log brings back what it lacks.
                if (File.Exists(path))
                    File.Move(path, path + PreviousExtension, overwrite: true);
                AtomicFile.Write(path, checksum, checkpoint);
                return true;
            });
        }
    }

    /// <summary>Deletes everything of an experiment, which fences its writers. Returns the last epoch that any of them can have.</summary>
    internal long Forget(string experiment)
    {
        lock (_gate)
        {
            if (Directory.Exists(DirectoryOf(experiment)))
                Directory.Delete(DirectoryOf(experiment), recursive: true);
            return ReadEpoch(CounterPath);
        }
    }

    private byte[]? ReadChecked(string path)
    {
        if (AtomicFile.Read(path) is not { } bytes)
            return null;
        if (bytes.Length >= 8 && BinaryPrimitives.ReadUInt64LittleEndian(bytes) == XxHash3.HashToUInt64(bytes.AsSpan(8)))
            return bytes[8..];
        LocalLog.CheckpointDamaged(log, path, "its checksum does not match its content");
        return null;
    }

    private static long ReadEpoch(string path) => AtomicFile.Read(path) is { Length: 8 } bytes ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : 0;

    private string DirectoryOf(string experiment) => Path.Combine(data.Checkpoints, DataDirectory.CheckName(experiment));

    private string PathOf(string experiment, int partition, string extension) =>
        Path.Combine(DirectoryOf(experiment), partition.ToString(CultureInfo.InvariantCulture) + extension);

    private T Guarded<T>(Func<T> act)
    {
        try
        {
            return act();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailableException($"Checkpoints in '{data.Checkpoints}' cannot be read or written: {problem.Message}", problem);
        }
    }
}
