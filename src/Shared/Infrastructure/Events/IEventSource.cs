namespace Recsys.Infrastructure.Events;

/// <summary>One record of an experiment's event log, not yet decoded. Valid only during the call that hands it over.</summary>
/// <param name="Partition">Its partition.</param>
/// <param name="Offset">Its position in the partition.</param>
/// <param name="Key">The decision id as UTF-8, empty for a tick.</param>
/// <param name="Value">The event's bytes.</param>
/// <param name="Headers">What its headers say about the bytes.</param>
/// <param name="AppendedAt">When the log took it, Unix milliseconds.</param>
public readonly record struct LogRecord(
    int Partition, long Offset, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, EventHeaders Headers, long AppendedAt);

/// <summary>The headers that matter: what the bytes are, and the CloudEvents 1.0 binary-mode attributes.</summary>
/// <param name="ContentType"><c>application/json</c> or <see cref="EventTopics.BinaryContentType"/>; null is read as JSON.</param>
/// <param name="CloudEventType"><c>ce_type</c>.</param>
/// <param name="CloudEventTime"><c>ce_time</c>, RFC 3339.</param>
/// <param name="CloudEventId"><c>ce_id</c>.</param>
public readonly record struct EventHeaders(
    string? ContentType, string? CloudEventType = null, string? CloudEventTime = null, string? CloudEventId = null);

/// <summary>
/// Reads the log of one experiment. The log decides who owns a partition, the owner's checkpoint decides from where. All callbacks come from the
/// thread that called <see cref="Consume"/>.
/// </summary>
public interface IEventSource
{
    /// <summary>Reads until cancelled, then revokes every partition and returns.</summary>
    void Consume(string experiment, IPartitionOwner owner, CancellationToken cancellationToken);
}

/// <summary>What the reader of a log owes to its source.</summary>
public interface IPartitionOwner
{
    /// <summary>A partition is ours. Returns the offset of the first record to hand over.</summary>
    long Assigned(int partition);

    /// <summary>The next record of a partition, in order.</summary>
    void Handle(in LogRecord record);

    /// <summary>Called after every batch and at least every 20 ms when there is nothing to read: publish, checkpoint and tick when due. The log is read up to its end when <paramref name="caughtUp"/>.</summary>
    void Idle(bool caughtUp);

    /// <summary>A partition goes to somebody else in good order: checkpoint it now.</summary>
    void Revoked(int partition);

    /// <summary>A partition has already gone to somebody else: forget it, write nothing.</summary>
    void Lost(int partition);
}

/// <summary>Follows the catalogue of all experiments from its beginning.</summary>
public interface IItemFeed
{
    /// <summary>Hands over every item change in order until cancelled; calls <paramref name="caughtUp"/> once when the end was first reached.</summary>
    /// <param name="handle">Experiment, item id, and the item as JSON or null for a removal.</param>
    /// <param name="caughtUp">The catalogue is complete.</param>
    /// <param name="cancellationToken">Stops following.</param>
    Task FollowAsync(Action<string, string, ReadOnlyMemory<byte>?> handle, Action caughtUp, CancellationToken cancellationToken);
}
