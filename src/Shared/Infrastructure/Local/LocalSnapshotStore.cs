using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// Published parameters, or what else a channel carries, in memory, where the one process that serves also finds them, and in files from which a restart serves at once. Files follow within a
/// fraction of a second: the checkpoint is the truth, and a learner that resumes publishes again.
/// </summary>
public sealed class LocalSnapshotStore : ISnapshotWriter, ISnapshotReader, IDisposable
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(250);

    // Parameters may be published twenty times a second; keeping four of them spares the disk that the log needs.
    private static readonly TimeSpan KeepAfter = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Lock _files = new();
    private readonly string _directory;
    private readonly ILogger<LocalSnapshotStore> _log;
    private readonly ITimer _timer;
    private readonly SortedDictionary<(string Experiment, int Partition), LocalShard> _current = [];
    private readonly Dictionary<(string Experiment, int Partition), LocalShardFiles> _kept = [];
    private readonly Dictionary<string, Bell> _bells = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _fences = new(StringComparer.Ordinal);
    private bool _scheduled;

    /// <summary>Loads what was last published.</summary>
    public LocalSnapshotStore(DataDirectory data, TimeProvider time, ILogger<LocalSnapshotStore> log, SnapshotChannel channel = SnapshotChannel.Parameters)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(time);
        (_directory, _log) = (channel == SnapshotChannel.Parameters ? data.Snapshots : data.Memory, log);
        foreach (var path in Directory.EnumerateFiles(_directory, "*" + LocalShardFiles.Extension, SearchOption.AllDirectories))
        {
            if (LocalShardFiles.Read(path, log) is not { } read)
                continue;
            var key = (Path.GetFileName(Path.GetDirectoryName(path)!), read.Shard.Head.Partition);
            (_current[key], _kept[key]) = read;
        }
        _timer = time.CreateTimer(static store => ((LocalSnapshotStore)store!).Keep(touched: false), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        DataDirectory.CheckName(experiment);
        lock (_gate)
        {
            var key = (experiment, head.Partition);
            if (IsFenced(experiment, head.Epoch))
                return SnapshotOutcome.Fenced;
            if (!_current.TryGetValue(key, out var current))
                _current[key] = new LocalShard(head, framed);
            else if (head.IsAfter(current.Head) || (head.IsVersionOf(current.Head) && current.Head.Base is not null))
                current.Begin(head, framed);
            else
                return SnapshotOutcome.Fenced;
            Changed(experiment);
        }
        return SnapshotOutcome.Published;
    }

    /// <inheritdoc/>
    public SnapshotOutcome PublishDelta(string experiment, in ShardHead head, long fromInteractions, ReadOnlyMemory<byte> framed)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fromInteractions, head.Interactions);
        lock (_gate)
        {
            if (IsFenced(experiment, head.Epoch))
                return SnapshotOutcome.Fenced;
            if (!_current.TryGetValue((experiment, head.Partition), out var current))
                return SnapshotOutcome.Missing;
            if (current.Head.Epoch > head.Epoch)
                return SnapshotOutcome.Fenced;
            if (current.Head.Epoch != head.Epoch || current.Head.Interactions != fromInteractions)
                return SnapshotOutcome.Missing;
            current.Add(head, framed);
            Changed(experiment);
        }
        return SnapshotOutcome.Published;
    }

    /// <inheritdoc/>
    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        lock (_gate)
        {
            if (!_current.TryGetValue((experiment, head.Partition), out var current) || !current.Head.IsVersionOf(head))
                return SnapshotOutcome.Fenced;
            current.Touch(head.AsOf);
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
            foreach (var (key, shard) in _current)
            {
                if (key.Experiment == experiment)
                    heads.Add(shard.Head);
            }
        }
        return Task.FromResult<IReadOnlyList<ShardHead>>(heads);
    }

    /// <inheritdoc/>
    public Task<ShardUpdate?> FetchAsync(string experiment, ShardHead head, long? known, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_current.TryGetValue((experiment, head.Partition), out var current) || current.Head.Epoch != head.Epoch)
                return Task.FromResult<ShardUpdate?>(null);
            if (known is { } version && current.Between(version, head.Interactions) is { } since)
                return Task.FromResult<ShardUpdate?>(new ShardUpdate(null, [.. since.Select(static d => d.Framed)]));
            return Task.FromResult(current.Between(current.WholeVersion, head.Interactions) is { } deltas
                ? new ShardUpdate(current.Whole, [.. deltas.Select(static d => d.Framed)])
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
                {
                    _current.Remove(key);
                    _kept.Remove(key);
                }
                Ring(experiment);
            }
            var directory = Path.Combine(_directory, DataDirectory.CheckName(experiment));
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
        }
    }

    private bool IsFenced(string experiment, long epoch) => _fences.TryGetValue(experiment, out var fence) && epoch <= fence;

    // Under the gate.
    private void Changed(string experiment)
    {
        if (!_scheduled)
            _timer.Change(KeepAfter, Timeout.InfiniteTimeSpan);
        _scheduled = true;
        Ring(experiment);
    }

    private void Keep(bool touched)
    {
        lock (_files)
        {
            List<Due> due = [];
            lock (_gate)
            {
                _scheduled = false;
                foreach (var (key, shard) in _current)
                {
                    var now = new LocalKept(shard.Head.Epoch, shard.WholeVersion, shard.Head.Interactions);
                    if (shard.Kept == now && !(touched && shard.IsTouched))
                        continue;
                    // Whole parameters only when they are others than those in the file; else what came since.
                    var isOther = shard.Kept is not { } kept || (kept.Epoch, kept.Whole) != (now.Epoch, now.Whole);
                    var deltas = shard.Between(isOther ? now.Whole : shard.Kept!.Value.To, now.To)!;
                    // A plain null would become an array that is null, and that empty parameters.
                    due.Add(new Due(key, shard, now, shard.Head, shard.WholeHead, isOther ? shard.Whole : default(ReadOnlyMemory<byte>?), deltas));
                }
            }
            foreach (var item in due)
                Write(item);
        }
    }

    private void Write(Due due)
    {
        var (key, shard, now, head, wholeHead, whole, deltas) = due;
        try
        {
            if (!_kept.TryGetValue(key, out var files))
                _kept[key] = files = new LocalShardFiles(Path.Combine(_directory, key.Experiment), key.Partition);
            if (whole is { } framed)
                files.Begin(wholeHead, framed);
            if (whole is null || deltas.Count > 0)
                files.Append(head, deltas);
            lock (_gate)
            {
                shard.Kept = now;
                shard.IsTouched &= shard.Head.AsOf > head.AsOf;
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // A whole file that is there and deltas that are not would leave a gap; both are tried again with what is published next.
            lock (_gate)
                shard.Kept = whole is null ? shard.Kept : null;
            LocalLog.SnapshotNotKept(_log, key.Experiment, problem.Message);
        }
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

    /// <summary>What files do not hold of a shard yet: whole parameters or null, then deltas.</summary>
    private sealed record Due(
        (string Experiment, int Partition) Key, LocalShard Shard, LocalKept Now, ShardHead Head, ShardHead WholeHead, ReadOnlyMemory<byte>? Whole,
        List<LocalDelta> Deltas);

    private sealed class Bell
    {
        public bool Unheard { get; set; }

        public TaskCompletionSource Next { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
