using Microsoft.Extensions.Logging;

namespace Recsys.Infrastructure.Distributed;

/// <summary>Every message of the Kafka and Redis adapters.</summary>
internal static partial class DistributedLog
{
    [LoggerMessage(4001, LogLevel.Warning, "Kafka client of {Topic}: {Reason}. It keeps trying.")]
    public static partial void KafkaProblem(this ILogger log, string topic, string reason);

    [LoggerMessage(4002, LogLevel.Debug, "librdkafka {Facility}: {Text}")]
    public static partial void KafkaClient(this ILogger log, string facility, string text);

    [LoggerMessage(4003, LogLevel.Error, "The Kafka producer can go on no more ({Reason}) and is replaced; what it had queued is counted as dropped.")]
    public static partial void ProducerReplaced(this ILogger log, string reason);

    [LoggerMessage(4004, LogLevel.Warning, "A dead letter of {Bytes} bytes from {Topic}/{Partition}@{Offset} is too large and was cut.")]
    public static partial void DeadLetterCut(this ILogger log, int bytes, string topic, int partition, long offset);

    [LoggerMessage(4005, LogLevel.Error,
        "{Lost} events of {Topic}/{Partition} are LOST: the log now starts at {Low}, the checkpoint stands at {Next}. Learning goes on from {Low}. Keep the log longer.")]
    public static partial void EventsExpired(this ILogger log, long lost, string topic, int partition, long low, long next);

    [LoggerMessage(4006, LogLevel.Information, "{Topic}/{Partition} is read from its first retained event, {Low}.")]
    public static partial void StartsLater(this ILogger log, string topic, int partition, long low);

    [LoggerMessage(4007, LogLevel.Error,
        "The log {Topic}/{Partition} ends at {High}, before the checkpoint at {Next}: it was cut or made anew. Learning goes on from its end, so that nothing is learned twice.")]
    public static partial void LogCut(this ILogger log, string topic, int partition, long high, long next);

    [LoggerMessage(4008, LogLevel.Warning, "The store is away while {Topic}/{Partition} is read ({Reason}); the same record is handed over again.")]
    public static partial void RecordWaits(this ILogger log, string topic, int partition, string reason);

    [LoggerMessage(4009, LogLevel.Warning,
        "The last checkpoint of {Topic}/{Partition} could not be written ({Reason}); its next reader starts from the one before. Nothing is lost.")]
    public static partial void RevokedWithoutCheckpoint(this ILogger log, string topic, int partition, string reason);

    [LoggerMessage(4010, LogLevel.Warning, "Catalogue record {Partition}@{Offset} is skipped: its key is not experiment/item.")]
    public static partial void ItemRefused(this ILogger log, int partition, long offset);

    [LoggerMessage(4011, LogLevel.Warning, "The stored experiment '{Experiment}' is skipped: {Reason}")]
    public static partial void ExperimentRefused(this ILogger log, string experiment, string reason);

    [LoggerMessage(4012, LogLevel.Warning, "Redis has lost the experiments that this process knows; {Count} were put back.")]
    public static partial void ExperimentsPutBack(this ILogger log, int count);

    [LoggerMessage(4013, LogLevel.Warning, "Redis had lost the parameters of '{Experiment}', partition {Partition}; they were published again.")]
    public static partial void ParametersPutBack(this ILogger log, string experiment, int partition);

    [LoggerMessage(4014, LogLevel.Warning, "Redis {Endpoint}: {Reason}")]
    public static partial void RedisProblem(this ILogger log, string endpoint, string reason);
}
