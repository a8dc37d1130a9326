using System.Collections.Concurrent;
using System.Text;
using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Local;

/// <summary>The event log when embedded: one journal per topic under one directory, one partition each.</summary>
public sealed class LocalEventLog : IEventPublisher, IEventSource, IItemFeed, IAsyncDisposable
{
    private const int BatchMax = 512;
    private static readonly TimeSpan IdleEvery = TimeSpan.FromMilliseconds(20);
    private readonly ConcurrentDictionary<string, Lazy<Journal>> _journals = new(StringComparer.Ordinal);
    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly FileStream _lock;

    /// <summary>Takes possession of a directory.</summary>
    /// <exception cref="InvalidOperationException">Another process has it.</exception>
    public LocalEventLog(string directory, TimeProvider time)
    {
        _directory = Path.Combine(directory, "log");
        _time = time;
        Directory.CreateDirectory(_directory);
        try
        {
            _lock = new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException problem)
        {
            throw new InvalidOperationException(
                $"Another process is using the data directory '{directory}'. Stop it, or give this one its own with Embedded__DataDirectory.", problem);
        }
    }

    /// <inheritdoc/>
    public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken)
    {
        Open(EventTopics.Events(experiment));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value) =>
        Open(EventTopics.Events(experiment)).TryAppend(decisionId, EventTopics.BinaryContentType, value);

    /// <inheritdoc/>
    public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        Open(EventTopics.Events(experiment)).AppendAsync(Encoding.UTF8.GetBytes(decisionId), EventTopics.BinaryContentType, value, cancellationToken);

    /// <inheritdoc/>
    public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        Open(EventTopics.Events(experiment)).AppendAsync(default, EventTopics.BinaryContentType, value, cancellationToken);

    /// <inheritdoc/>
    public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) =>
        Open(EventTopics.Items).AppendAsync(
            Encoding.UTF8.GetBytes(EventTopics.ItemKey(experiment, item)), EventTopics.JsonContentType, value, cancellationToken);

    /// <inheritdoc/>
    public Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(letter);
        return Open(EventTopics.DeadLetters).AppendAsync(
            letter.Key, $"{letter.Topic}/{letter.Partition}/{letter.Offset}: {letter.Reason}", letter.Value, cancellationToken);
    }

    /// <inheritdoc/>
    public void Consume(string experiment, IPartitionOwner owner, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(owner);
        var journal = Open(EventTopics.Events(experiment));
        var cursor = journal.Open(owner.Assigned(0));
        while (!cancellationToken.IsCancellationRequested)
        {
            foreach (var record in cursor.Read(BatchMax))
            {
                owner.Handle(new LogRecord(
                    0, record.Offset, record.Key, record.Value.GetValueOrDefault(), new EventHeaders(record.Header), record.AppendedAt));
            }
            var caughtUp = cursor.Offset >= journal.Next;
            owner.Idle(caughtUp);
            if (!caughtUp)
                continue;
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            pause.CancelAfter(IdleEvery);
            journal.WaitAsync(cursor.Offset, pause.Token).ContinueWith(static _ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }
        owner.Revoked(0);
    }

    /// <inheritdoc/>
    public async Task FollowAsync(Action<string, string, ReadOnlyMemory<byte>?> handle, Action caughtUp, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(caughtUp);
        var journal = Open(EventTopics.Items);
        var cursor = journal.Open(0);
        var announced = false;
        while (true)
        {
            foreach (var record in cursor.Read(BatchMax))
            {
                var key = Encoding.UTF8.GetString(record.Key.Span);
                var slash = key.IndexOf('/', StringComparison.Ordinal);
                if (slash > 0)
                    handle(key[..slash], key[(slash + 1)..], record.Value);
            }
            if (cursor.Offset < journal.Next)
                continue;
            if (!announced)
                caughtUp();
            announced = true;
            await journal.WaitAsync(cursor.Offset, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var journal in _journals.Values)
            await journal.Value.DisposeAsync().ConfigureAwait(false);
        _journals.Clear();
        await _lock.DisposeAsync().ConfigureAwait(false);
    }

    private Journal Open(string topic) => _journals.GetOrAdd(
        topic, static (name, log) => new Lazy<Journal>(() => new Journal(Path.Combine(log._directory, name), log._time)), this).Value;
}
