using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;

namespace Recsys.Infrastructure.Events;

/// <summary>Client settings: what the design needs, then what the operator has added, which wins.</summary>
internal static class KafkaClients
{
    /// <summary>Settings of a producer.</summary>
    public static ProducerConfig Producer(KafkaOptions options, TimeSpan messageTimeout)
    {
        var config = new ProducerConfig
        {
            BootstrapServers = options.BootstrapServers,
            ClientId = "recsys",
            Acks = Acks.All,
            EnableIdempotence = true,
            LingerMs = 5,
            CompressionType = CompressionType.Lz4,
            // As the Java clients do it, so that a reward written by any producer lands in the partition of its decision.
            Partitioner = Partitioner.Murmur2Random,
            MessageMaxBytes = options.MessageMaxBytes,
            MessageTimeoutMs = (int)messageTimeout.TotalMilliseconds,
            // The reports are looked at for errors only.
            DeliveryReportFields = "none",
        };
        return Add(Add(config, options.Client), options.Producer);
    }

    /// <summary>Settings of a consumer.</summary>
    public static ConsumerConfig Consumer(KafkaOptions options, string group)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = options.BootstrapServers,
            ClientId = "recsys",
            GroupId = group,
            // Marks are stored by hand and committed in the background. They feed lag dashboards and autoscaling only: where reading starts is
            // decided by checkpoints, so a commit that comes too early can lose nothing.
            EnableAutoOffsetStore = false,
            EnableAutoCommit = true,
            EnablePartitionEof = true,
            ConsumeResultFields = "headers,timestamp",
            // The default pauses fetching for a whole second whenever the prefetch queue is full.
            FetchQueueBackoffMs = 5,
            FetchWaitMaxMs = 10,
            // Per experiment and process; enough for tens of milliseconds at full speed.
            QueuedMaxMessagesKbytes = 16_384,
            // A killed learner is replaced after this silence.
            SessionTimeoutMs = 10_000,
            // Members hear of a rebalance in the answer to a heartbeat, and nobody reads until the last has heard: this is how long parameters stand still.
            HeartbeatIntervalMs = 500,
            // New topics and partitions are noticed this soon.
            TopicMetadataRefreshIntervalMs = 5_000,
        };
        return Add(Add(config, options.Client), options.Consumer);
    }

    /// <summary>Routes librdkafka's own log lines; its errors arrive separately.</summary>
    public static void Log(ILogger log, LogMessage message) => log.KafkaClient(message.Facility, message.Message);

    private static T Add<T>(T config, Dictionary<string, string> properties) where T : ClientConfig
    {
        foreach (var (name, value) in properties)
            config.Set(name.Replace('_', '.'), value);
        return config;
    }
}
