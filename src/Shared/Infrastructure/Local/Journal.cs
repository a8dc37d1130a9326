using System.Globalization;
using System.Threading.Channels;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// A durable append-only log in one directory. One writer task drains a bounded queue, writes what has gathered, and makes it durable with one fsync:
/// the slower the disk, the larger the groups. Readers see committed records only.
/// </summary>
public sealed class Journal : IAsyncDisposable
{
    /// <summary>Records that may wait for the disk: a few seconds of a busy service, and a bound on memory.</summary>
    public const int QueueMax = 65_536;

    private const long SegmentBytesMax = 64 << 20;
    private const int GroupBytesMax = 4 << 20;

    private readonly string _directory;
    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(QueueMax) { SingleReader = true });
    private readonly TimeProvider _time;
    private readonly Task _writer;
    private readonly Lock _gate = new();
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FileStream _file;
    private long _segmentBase;
    private long _committedLength;
    private long _next;

    /// <summary>Opens or creates a journal and cuts back a torn tail.</summary>
    /// <exception cref="InvalidDataException">A record in the middle is damaged.</exception>
    public Journal(string directory, TimeProvider time)
    {
        _directory = directory;
        _time = time;
        Directory.CreateDirectory(directory);
        var segments = JournalReader.Segments(directory);
        _segmentBase = segments.Count == 0 ? 0 : segments[^1].Base;
        _next = _segmentBase;
        var path = SegmentPath(_segmentBase);
        if (segments.Count > 0)
        {
            foreach (var (record, end) in JournalReader.ReadSegment(path, _segmentBase, long.MaxValue, last: true))
                (_next, _committedLength) = (record.Offset + 1, end);
        }
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
        TornBytes = _file.Length - _committedLength;
        if (TornBytes > 0)
            _file.SetLength(_committedLength);
        _file.Position = _committedLength;
        _writer = Task.Run(WriteAsync);
    }

    /// <summary>Bytes of an incomplete last record that opening cut off.</summary>
    public long TornBytes { get; }

    /// <summary>The offset that the next record will get.</summary>
    public long Next => Volatile.Read(ref _next);

    /// <summary>Queues a record and returns at once; false when the queue is full or the journal is closed.</summary>
    public bool TryAppend(ReadOnlySpan<byte> key, string header, ReadOnlySpan<byte> value) =>
        _queue.Writer.TryWrite(new Pending(JournalFormat.Encode(Now(), key, header, value, hasValue: true), Done: null));

    /// <summary>Appends a record; completes when it is on disk.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="header">Its header.</param>
    /// <param name="value">Its bytes, null for a removal.</param>
    /// <param name="cancellationToken">Gives up waiting; the record may still be written.</param>
    /// <exception cref="Experiments.StoreUnavailableException">The disk refuses, or the journal is closed.</exception>
    public async Task AppendAsync(ReadOnlyMemory<byte> key, string header, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var bytes = JournalFormat.Encode(Now(), key.Span, header, value.GetValueOrDefault().Span, value is not null);
        try
        {
            await _queue.Writer.WriteAsync(new Pending(bytes, done), cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException problem)
        {
            throw new Experiments.StoreUnavailableException("The event log is closed: the service is stopping, or its disk failed.", problem);
        }
        await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Completes when there is a record at or after <paramref name="offset"/>.</summary>
    public async Task WaitAsync(long offset, CancellationToken cancellationToken)
    {
        while (Next <= offset)
        {
            Task grown;
            lock (_gate)
                grown = _grown.Task;
            if (Next > offset)
                return;
            await grown.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A cursor that hands over committed records from an offset on.</summary>
    public JournalCursor Open(long from) => new(this, from);

    /// <summary>The oldest offset kept.</summary>
    public long First => JournalReader.Segments(_directory)[0].Base;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer.ConfigureAwait(false);
        await _file.DisposeAsync().ConfigureAwait(false);
    }

    internal (long SegmentBase, long Length, long Next) Committed
    {
        get
        {
            lock (_gate)
                return (_segmentBase, _committedLength, _next);
        }
    }

    internal string DirectoryPath => _directory;

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private string SegmentPath(long offset) => Path.Combine(_directory, offset.ToString("D20", CultureInfo.InvariantCulture) + JournalReader.Extension);

    private async Task WriteAsync()
    {
        var group = new List<Pending>();
        using var buffer = new MemoryStream();
        try
        {
            while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                group.Clear();
                buffer.SetLength(0);
                while (buffer.Length < GroupBytesMax && _queue.Reader.TryRead(out var pending))
                {
                    group.Add(pending);
                    buffer.Write(pending.Bytes);
                }
                _file.Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
                _file.Flush(flushToDisk: true);
                Commit(group.Count, buffer.Length);
                foreach (var pending in group)
                    pending.Done?.TrySetResult();
                if (_committedLength >= SegmentBytesMax)
                    Roll();
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // A disk that failed once cannot be trusted with order: refuse everything from here on, loudly, until a restart reads what is really there.
            var refusal = new Experiments.StoreUnavailableException($"The event log in '{_directory}' cannot be written: {problem.Message}", problem);
            _queue.Writer.TryComplete(refusal);
            foreach (var pending in group)
                pending.Done?.TrySetException(refusal);
            while (_queue.Reader.TryRead(out var pending))
                pending.Done?.TrySetException(refusal);
        }
    }

    private void Commit(int records, long bytes)
    {
        TaskCompletionSource grown;
        lock (_gate)
        {
            _committedLength += bytes;
            Volatile.Write(ref _next, _next + records);
            grown = _grown;
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        grown.SetResult();
    }

    private void Roll()
    {
        _file.Dispose();
        var file = new FileStream(SegmentPath(_next), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
        lock (_gate)
            (_file, _segmentBase, _committedLength) = (file, _next, 0);
    }

    private readonly record struct Pending(byte[] Bytes, TaskCompletionSource? Done);
}

/// <summary>A place in a journal from which records are read on. Not thread-safe.</summary>
public sealed class JournalCursor(Journal journal, long from)
{
    private long _segment = -1;
    private long _position;

    /// <summary>The offset of the next record.</summary>
    public long Offset { get; private set; } = Math.Max(from, journal.First);

    /// <summary>The records committed by now, in order, at most <paramref name="max"/>.</summary>
    public IEnumerable<JournalRecord> Read(int max)
    {
        while (max > 0)
        {
            var (current, length, next) = journal.Committed;
            if (Offset >= next)
                yield break;
            var segments = JournalReader.Segments(journal.DirectoryPath);
            var segment = segments.FindLast(s => s.Base <= Offset);
            if (segment.Path is null)
                throw new InvalidDataException($"The journal in '{journal.DirectoryPath}' no longer has record {Offset}.");
            if (segment.Base != _segment)
                (_segment, _position) = (segment.Base, 0);
            var at = _position == 0 ? segment.Base : Offset;
            var known = segment.Base == current ? length : long.MaxValue;
            foreach (var (record, end) in JournalReader.ReadSegment(segment.Path, at, known, last: false, _position))
            {
                var wanted = record.Offset >= Offset;
                _position = end;
                if (!wanted)
                    continue;
                Offset = record.Offset + 1;
                yield return record;
                if (--max == 0)
                    yield break;
            }
        }
    }
}
