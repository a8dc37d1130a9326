using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// Published parameters in memory, where the one process that serves also finds them, and in files from which a restart serves at once. Files follow within a
/// fraction of a second: the checkpoint is the truth, and a learner that resumes publishes again.
/// </summary>
/// <remarks>A file, little-endian: XxHash3 of the rest u64, partition i32, epoch i64, interactions i64, as-of i64, framed parameters.</remarks>
public sealed class LocalSnapshotStore : ISnapshotWriter, ISnapshotReader, IDisposable
{
    private const int FileHeaderBytes = 36;
    private const string Extension = ".snapshot";
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(250);

    // Parameters may be published twenty times a second; keeping four of them spares the disk that the log needs.
    private static readonly TimeSpan KeepAfter = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Lock _files = new();
    private readonly DataDirectory _data;
    private readonly ILogger<LocalSnapshotStore> _log;
    private readonly ITimer _timer;
    private readonly SortedDictionary<(string Experiment, int Partition), Entry> _current = [];
    private readonly Dictionary<string, Bell> _bells = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _fences = new(StringComparer.Ordinal);
    private bool _scheduled;

    /// <summary>Loads what was last published.</summary>
    public LocalSnapshotStore(DataDirectory data, TimeProvider time, ILogger<LocalSnapshotStore> log)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(time);
        (_data, _log) = (data, log);
        foreach (var path in Directory.EnumerateFiles(data.Snapshots, "*" + Extension, SearchOption.AllDirectories))
            Read(path);
        _timer = time.CreateTimer(static store => ((LocalSnapshotStore)store!).Keep(touched: false), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        DataDirectory.CheckName(experiment);
        lock (_gate)
        {
            var key = (experiment, head.Partition);
            if (_fences.TryGetValue(experiment, out var fence) && head.Epoch <= fence)
                return SnapshotOutcome.Fenced;
            if (_current.TryGetValue(key, out var current)
                && (head.Epoch, head.Interactions).CompareTo((current.Head.Epoch, current.Head.Interactions)) <= 0)
                return SnapshotOutcome.Fenced;
            _current[key] = new Entry(head, framed) { Unkept = true };
            if (!_scheduled)
                _timer.Change(KeepAfter, Timeout.InfiniteTimeSpan);
            _scheduled = true;
            Ring(experiment);
        }
        return SnapshotOutcome.Published;
    }

    /// <inheritdoc/>
    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        lock (_gate)
        {
            if (!_current.TryGetValue((experiment, head.Partition), out var current)
                || current.Head.Epoch != head.Epoch || current.Head.Interactions != head.Interactions)
                return SnapshotOutcome.Fenced;
            current.Head = head with { AsOf = Math.Max(head.AsOf, current.Head.AsOf) };
            current.Touched = true;
            Ring(experiment);
        }
        return SnapshotOutcome.Published;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken)
    {
        var heads = new List<ShardHead>();
        lock (_gate)
        {
            foreach (var (key, entry) in _current)
            {
                if (key.Experiment == experiment)
                    heads.Add(entry.Head);
            }
        }
        return Task.FromResult<IReadOnlyList<ShardHead>>(heads);
    }

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, ShardHead head, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult<ReadOnlyMemory<byte>?>(
                _current.TryGetValue((experiment, head.Partition), out var current)
                && current.Head.Epoch == head.Epoch && current.Head.Interactions == head.Interactions
                    ? current.Framed
                    : null);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Returns at once when the bell rang since a wait last returned, so a single waiter misses nothing between reading and waiting.</remarks>
    public async Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken)
    {
        Task rung;
        lock (_gate)
        {
            var bell = BellOf(experiment);
            if (bell.Unheard)
            {
                bell.Unheard = false;
                return;
            }
            rung = bell.Next.Task;
        }
        try
        {
            await rung.WaitAsync(LookAgainAfter, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Nothing changed: the caller looks again by agreement.
        }
        lock (_gate)
            BellOf(experiment).Unheard = false;
    }

    /// <summary>Writes what was published or touched since. Call after the learner has stopped.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Keep(touched: true);
    }

    /// <summary>Forgets an experiment and refuses every writer of a tenure up to the given one, which may still be running.</summary>
    internal void Forget(string experiment, long lastEpoch)
    {
        lock (_files)
        {
            lock (_gate)
            {
                _fences[experiment] = lastEpoch;
                foreach (var key in _current.Keys.Where(k => k.Experiment == experiment).ToList())
                    _current.Remove(key);
                Ring(experiment);
            }
            var directory = Path.Combine(_data.Snapshots, DataDirectory.CheckName(experiment));
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
        }
    }

    private void Keep(bool touched)
    {
        lock (_files)
        {
            List<(string Experiment, ShardHead Head, ReadOnlyMemory<byte> Framed)> due = [];
            lock (_gate)
            {
                _scheduled = false;
                foreach (var (key, entry) in _current)
                {
                    if (!entry.Unkept && !(touched && entry.Touched))
                        continue;
                    due.Add((key.Experiment, entry.Head, entry.Framed));
                    (entry.Unkept, entry.Touched) = (false, false);
                }
            }
            foreach (var (experiment, head, framed) in due)
                Write(experiment, head, framed);
        }
    }

    private void Write(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        var header = new byte[FileHeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), head.Partition);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), head.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), head.Interactions);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(28), head.AsOf);
        BinaryPrimitives.WriteUInt64LittleEndian(header, Checksum(header.AsSpan(8), framed.Span));
        try
        {
            var directory = Path.Combine(_data.Snapshots, experiment);
            Directory.CreateDirectory(directory);
            AtomicFile.Write(Path.Combine(directory, head.Partition.ToString(CultureInfo.InvariantCulture) + Extension), header, framed);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            LocalLog.SnapshotNotKept(_log, experiment, problem.Message);
        }
    }

    private void Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < FileHeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Checksum(bytes.AsSpan(8, FileHeaderBytes - 8), bytes.AsSpan(FileHeaderBytes)))
        {
            LocalLog.SnapshotSkipped(_log, path, "its checksum does not match its content");
            return;
        }
        var head = new ShardHead(
            BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(12)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(20)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(28)));
        _current[(Path.GetFileName(Path.GetDirectoryName(path)!), head.Partition)] = new Entry(head, bytes.AsMemory(FileHeaderBytes));
    }

    private static ulong Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> framed)
    {
        var hash = new XxHash3();
        hash.Append(header);
        hash.Append(framed);
        return hash.GetCurrentHashAsUInt64();
    }

    private Bell BellOf(string experiment)
    {
        if (!_bells.TryGetValue(experiment, out var bell))
            _bells[experiment] = bell = new Bell();
        return bell;
    }

    // Under the gate; waiters go on elsewhere.
    private void Ring(string experiment)
    {
        var bell = BellOf(experiment);
        bell.Unheard = true;
        bell.Next.SetResult();
        bell.Next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Entry(ShardHead head, ReadOnlyMemory<byte> framed)
    {
        public ShardHead Head { get; set; } = head;

        public ReadOnlyMemory<byte> Framed { get; } = framed;

        public bool Unkept { get; set; }

        public bool Touched { get; set; }
    }

    private sealed class Bell
    {
        public bool Unheard { get; set; }

        public TaskCompletionSource Next { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
