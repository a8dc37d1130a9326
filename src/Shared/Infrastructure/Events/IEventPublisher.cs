namespace Recsys.Infrastructure.Events;

/// <summary>An event that could not be understood, with where it came from and why.</summary>
/// <param name="Topic">Where it was read.</param>
/// <param name="Partition">Where it was read.</param>
/// <param name="Offset">Where it was read.</param>
/// <param name="Key">Its original key.</param>
/// <param name="Value">Its original bytes.</param>
/// <param name="Reason">What is wrong with it, one sentence.</param>
public sealed record DeadLetter(string Topic, int Partition, long Offset, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, string Reason);

/// <summary>Writes to the event log: Kafka in a cluster, the local journal when embedded.</summary>
public interface IEventPublisher
{
    /// <summary>Makes the log of an experiment ready to take events. Idempotent.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The log cannot be reached.</exception>
    Task EnsureLogAsync(string experiment, CancellationToken cancellationToken);

    /// <summary>Queues a decision and returns at once: the answer never waits for the log. The bytes are copied.</summary>
    /// <param name="experiment">Its name.</param>
    /// <param name="decisionId">The key, UTF-8.</param>
    /// <param name="value">The decision in binary form.</param>
    /// <returns>False when the bounded queue is full: the decision is not logged, and the caller says so and counts it.</returns>
    bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value);

    /// <summary>Writes rewards and activations; completes when they are durable.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">Not durable within the time allowed; the client should try again.</exception>
    Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    /// <summary>Writes an event to one given partition; for ticks.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">Not durable within the time allowed.</exception>
    Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    /// <summary>Writes one catalogue item, or its removal; completes when durable.</summary>
    /// <param name="experiment">Its experiment.</param>
    /// <param name="item">Its id.</param>
    /// <param name="value">The item as JSON, or null to remove it.</param>
    /// <param name="cancellationToken">Gives up waiting; the write may still happen.</param>
    /// <exception cref="Experiments.StoreUnavailableException">Not durable within the time allowed.</exception>
    Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken);

    /// <summary>Sets a poisonous event aside; completes when durable.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">Not durable within the time allowed.</exception>
    Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken);
}
