using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Prometheus;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// A durable append-only log in one directory. Publishers copy records into a bounded group in memory; one writer thread takes the group, writes it and makes
/// it durable with one fsync while the next gathers: the slower the disk, the larger the groups. Readers see durable records only.
/// </summary>
public sealed class Journal : IDisposable
{
    // A group this large is worth its fsync; waiting longer would only delay it.
    private const int GroupBytes = 4 << 20;

    private readonly string _directory;
    private readonly JournalOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly bool _retains;
    private readonly Action<SafeFileHandle> _flush;
    private readonly Thread _writer;

    // Guards the group that gathers; the writer waits on it.
    private readonly object _gate = new();
    private Group _gathering = new();
    private bool _closing;

    // Readers wait on it for the next commit.
    private readonly object _committed = new();
    private volatile JournalState _state;
    private volatile bool _forgotten;

    // The writer's own.
    private SafeFileHandle _file;
    private Group _spare = new();
    private bool _tailUnknown;

    private Journal(
        string directory, JournalOptions options, TimeProvider time, ILogger log, bool retains, Action<SafeFileHandle> flush, JournalState state, SafeFileHandle file)
    {
        (_directory, _options, _time, _log, _retains, _flush, _state, _file) = (directory, options, time, log, retains, flush, state, file);
        _writer = new Thread(WriteLoop) { IsBackground = true, Name = $"journal {Path.GetFileName(directory)}" };
        _writer.Start();
    }

    /// <summary>Offset of the oldest record kept.</summary>
    public long FirstOffset => _state.Segments[0].BaseOffset;

    /// <summary>Offset that the next durable record will get.</summary>
    public long NextOffset => _state.NextOffset;

    /// <summary>The journal was deleted with its experiment; its readers must stop.</summary>
    public bool IsForgotten => _forgotten;

    internal JournalState State => _state;

    /// <summary>Opens or creates a journal and cuts back a torn tail.</summary>
    /// <param name="directory">Its directory.</param>
    /// <param name="options">Sizes and limits.</param>
    /// <param name="time">Gives records their time.</param>
    /// <param name="log">Told about everything unusual.</param>
    /// <param name="retains">Whether old segments are removed at all.</param>
    /// <param name="flush">Makes a file durable; for tests that need a slow or a broken disk.</param>
    /// <exception cref="JournalCorruptException">A record that was durable is damaged.</exception>
    public static Journal Open(
        string directory, JournalOptions options, TimeProvider time, ILogger log, bool retains = true, Action<SafeFileHandle>? flush = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Directory.CreateDirectory(directory);
        var segments = JournalSegment.In(directory);
        if (segments.Length == 0)
        {
            segments = [new JournalSegment(0, JournalSegment.PathOf(directory, 0))];
            File.OpenHandle(segments[0].Path, FileMode.CreateNew, FileAccess.Write).Dispose();
            AtomicFile.SyncDirectory(directory);
            AtomicFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory))!);
        }
        var active = segments[^1];
        var (next, bytes, torn) = Recover(active);
        var file = OpenForWriting(active.Path);
        if (torn > 0)
        {
            JournalMetrics.TornBytes.Inc(torn);
            LocalLog.TornTailCut(log, active.Path, torn, next);
            RandomAccess.SetLength(file, bytes);
            RandomAccess.FlushToDisk(file);
        }
        var journal = new Journal(
            directory, options, time, log, retains, flush ?? RandomAccess.FlushToDisk, new JournalState(segments, next, bytes), file);
        return journal;
    }

    /// <summary>Queues a record and returns at once; the bytes are copied. False when the bounded queue is full, the record too large, or the journal closed.</summary>
    internal bool TryAppend(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        lock (_gate)
        {
            if (Gather(headers, key, value, isRemoval: false, awaited: false))
                return true;
        }
        JournalMetrics.Refused.Inc();
        return false;
    }

    /// <summary>Appends a record; completes when it is on disk.</summary>
    /// <exception cref="ArgumentException">The record is larger than any record may be.</exception>
    /// <exception cref="StoreUnavailableException">The disk refuses, is too slow, or the journal is closed.</exception>
    internal async Task AppendAsync(
        ReadOnlyMemory<byte> headers, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, bool isRemoval, CancellationToken cancellationToken)
    {
        if (JournalFormat.SizeOf(headers.Length, key.Length, value.Length) > Math.Min(_options.QueueBytesMax, JournalFormat.PayloadBytesMax))
            throw new ArgumentException($"A record of {value.Length} bytes is too large for the event log.", nameof(value));
        var began = _time.GetTimestamp();
        while (true)
        {
            bool taken;
            Task done;
            lock (_gate)
            {
                if (_closing)
                    throw new StoreUnavailableException($"The event log in '{_directory}' is closed.");
                taken = Gather(headers.Span, key.Span, value.Span, isRemoval, awaited: true);
                // Not taken means full: the group that is full must be on its way before there is room.
                done = _gathering.DoneTask();
            }
            var left = _options.PublishTimeout - _time.GetElapsedTime(began);
            try
            {
                await done.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException problem)
            {
                throw new StoreUnavailableException(
                    $"The event log in '{_directory}' could not make a record durable within {_options.PublishTimeout.TotalSeconds} s; try again.", problem);
            }
            if (taken)
                return;
        }
    }

    /// <summary>A reader that stands before a record; before the oldest kept when that one is gone, at the end when it does not exist yet.</summary>
    public JournalReader Read(long offset) => new(this, Math.Clamp(offset, FirstOffset, NextOffset));

    /// <summary>Waits for a record at or after an offset. False when there was none within the time.</summary>
    public bool WaitFor(long offset, TimeSpan atMost)
    {
        lock (_committed)
        {
            if (_state.NextOffset <= offset)
                Monitor.Wait(_committed, atMost);
            return _state.NextOffset > offset;
        }
    }

    /// <summary>Makes everything queued durable and closes. Idempotent.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closing = true;
            Monitor.PulseAll(_gate);
        }
        _writer.Join();
        _file.Dispose();
    }

    /// <summary>Closes, tells the readers to stop, and deletes every record.</summary>
    internal void Forget()
    {
        _forgotten = true;
        Dispose();
        lock (_committed)
            Monitor.PulseAll(_committed);
        Directory.Delete(_directory, recursive: true);
        AtomicFile.SyncDirectory(Path.GetDirectoryName(_directory)!);
    }

    /// <summary>Finds the end of the last segment.</summary>
    private static (long Next, long Bytes, long Torn) Recover(JournalSegment active)
    {
        using var scanner = new SegmentScanner(active.Path, active.BaseOffset, 0, limit: null);
        while (true)
        {
            var (offset, position) = (scanner.Offset, scanner.Position);
            switch (scanner.Next(out _))
            {
                case Scan.Record:
                    active.Note(offset, position);
                    continue;
                case Scan.End:
                    return (offset, position, 0);
                default:
                    if (!scanner.IsTornTail())
                        throw JournalCorruptException.At(scanner);
                    return (offset, position, scanner.Limit - position);
            }
        }
    }

    private static SafeFileHandle OpenForWriting(string path) =>
        File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);

    // Under the gate. The writer is woken when there is something where nothing was, when somebody waits, and when the group is large.
    private bool Gather(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isRemoval, bool awaited)
    {
        var group = _gathering;
        var size = JournalFormat.SizeOf(headers.Length, key.Length, value.Length);
        var fits = !_closing && size <= JournalFormat.PayloadBytesMax && group.Length + size <= _options.QueueBytesMax;
        if (fits)
            JournalFormat.Write(group.Take((int)size), _time.GetUtcNow().ToUnixTimeMilliseconds(), isRemoval, headers, key, value);
        var urgent = awaited || !fits || group.Length >= GroupBytes;
        if ((fits && group.Count == 1) || (urgent && !group.IsUrgent))
            Monitor.Pulse(_gate);
        group.IsUrgent |= urgent;
        return fits;
    }

    private void WriteLoop()
    {
        while (true)
        {
            Group group;
            lock (_gate)
            {
                while (_gathering.Count == 0 && !_closing)
                    Monitor.Wait(_gate);
                var began = Environment.TickCount64;
                while (!_gathering.IsUrgent && !_closing)
                {
                    var left = _options.GroupWindow - TimeSpan.FromMilliseconds(Environment.TickCount64 - began);
                    if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                        break;
                }
                if (_gathering.Count == 0)
                    return;
                group = _gathering;
                _gathering = _spare;
                _gathering.Clear();
            }
            Commit(group);
            _spare = group;
        }
    }

    private void Commit(Group group)
    {
        try
        {
            using (JournalMetrics.CommitSeconds.NewTimer())
            {
                if (_tailUnknown)
                    CutBack();
                var state = _state;
                if (state.ActiveBytes > 0 && state.ActiveBytes + group.Length > _options.SegmentBytes)
                    state = Roll(state);
                var bytes = group.Bytes;
                JournalFormat.Seal(bytes, (uint)state.ActiveBytes);
                RandomAccess.Write(_file, bytes, state.ActiveBytes);
                _flush(_file);
                state.Segments[^1].Note(state.NextOffset, state.ActiveBytes);
                Publish(state with { NextOffset = state.NextOffset + group.Count, ActiveBytes = state.ActiveBytes + bytes.Length });
                JournalMetrics.Bytes.Inc(bytes.Length);
            }
            group.Done?.SetResult();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // What reached the disk is unknown. Nothing of it was acknowledged, so the file is cut back to the last commit before the next group.
            _tailUnknown = true;
            JournalMetrics.Failed.Inc(group.Count);
            LocalLog.CommitFailed(_log, problem, _directory, group.Count);
            group.Done?.SetException(new StoreUnavailableException($"The event log in '{_directory}' cannot be written: {problem.Message}", problem));
            // Waiters may have given up; the exception is logged above and must not surface a second time as unobserved.
            _ = group.Done?.Task.Exception;
        }
    }

    private void CutBack()
    {
        RandomAccess.SetLength(_file, _state.ActiveBytes);
        RandomAccess.FlushToDisk(_file);
        _tailUnknown = false;
    }

    private JournalState Roll(JournalState state)
    {
        var next = new JournalSegment(state.NextOffset, JournalSegment.PathOf(_directory, state.NextOffset));
        var file = OpenForWriting(next.Path);
        RandomAccess.SetLength(file, 0);
        AtomicFile.SyncDirectory(_directory);
        _file.Dispose();
        _file = file;
        var rolled = new JournalState([.. state.Segments, next], state.NextOffset, 0);
        Publish(rolled);
        return _retains ? Retain(rolled) : rolled;
    }

    // Whole segments only, oldest first, never the one that grows.
    private JournalState Retain(JournalState state)
    {
        var files = Array.ConvertAll(state.Segments, static s => new FileInfo(s.Path));
        var total = files.Sum(static f => f.Length);
        var oldest = (_time.GetUtcNow() - _options.RetainFor).UtcDateTime;
        var remove = 0;
        while (remove < files.Length - 1 && (files[remove].LastWriteTimeUtc < oldest || total > _options.RetainBytes))
            total -= files[remove++].Length;
        if (remove == 0)
            return state;
        var kept = state with { Segments = state.Segments[remove..] };
        // First no reader may find them, then they go: a reader inside one keeps its open file.
        Publish(kept);
        foreach (var file in files.AsSpan(0, remove))
            file.Delete();
        LocalLog.SegmentsRemoved(_log, _directory, remove, kept.Segments[0].BaseOffset);
        return kept;
    }

    private void Publish(JournalState state)
    {
        lock (_committed)
        {
            _state = state;
            Monitor.PulseAll(_committed);
        }
    }

    /// <summary>Records that become durable together. Two take turns: one gathers while the other is written.</summary>
    private sealed class Group
    {
        private byte[] _bytes = new byte[64 << 10];

        public int Length { get; private set; }

        public int Count { get; private set; }

        public bool IsUrgent { get; set; }

        public TaskCompletionSource? Done { get; private set; }

        public Span<byte> Bytes => _bytes.AsSpan(0, Length);

        public Task DoneTask() => (Done ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

        public Span<byte> Take(int size)
        {
            if (Length + size > _bytes.Length)
                Array.Resize(ref _bytes, Math.Max(Length + size, 2 * _bytes.Length));
            var taken = _bytes.AsSpan(Length, size);
            Length += size;
            Count++;
            return taken;
        }

        public void Clear()
        {
            // A burst must not hold its memory for ever.
            if (_bytes.Length > 2 * GroupBytes && Length < GroupBytes)
                _bytes = new byte[64 << 10];
            (Length, Count, IsUrgent, Done) = (0, 0, false, null);
        }
    }
}
