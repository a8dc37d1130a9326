using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;

namespace Recsys.Infrastructure.Events;

/// <summary>
/// Reads experiments from Kafka, one consumer each, in the group <c>recsys.{experiment}</c>: the group decides who reads a partition, the owner's
/// checkpoint decides from where.
/// </summary>
/// <remarks>
/// When the owner throws <see cref="Experiments.StoreUnavailableException"/>, the call counts as not made: a record is handed over again, an assignment
/// is asked for again, both after a pause; a revoked partition goes without its last checkpoint. Any other exception ends the reading:
/// every partition is then <see cref="IPartitionOwner.Lost"/>, because what the owner holds may be half done, and the exception reaches the caller.
/// A checkpoint that the log no longer covers is reported loudly and counted; reading goes on from the log's first event, or from
/// its end when the log has become shorter than the checkpoint.
/// </remarks>
public sealed class KafkaEventSource(KafkaOptions options, ILogger<KafkaEventSource> log) : IEventSource
{
    /// <inheritdoc/>
    public void Consume(string experiment, IPartitionOwner owner, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(owner);
        using var reader = new KafkaPartitionReader(options, experiment, owner, log, cancellationToken);
        reader.Run();
    }

    /// <summary>The consumer group of an experiment.</summary>
    public static string Group(string experiment) => $"recsys.{experiment}";
}
