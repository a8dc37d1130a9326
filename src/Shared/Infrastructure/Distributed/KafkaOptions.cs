using Microsoft.Extensions.Options;

namespace Recsys.Infrastructure.Distributed;

/// <summary>How to reach Kafka and how much to trust it with; section <c>Kafka</c>.</summary>
public sealed class KafkaOptions
{
    /// <summary>Name of the configuration section.</summary>
    public const string SectionName = "Kafka";

    /// <summary>Brokers to ask first, <c>host:port</c> separated by commas.</summary>
    public string BootstrapServers { get; set; } = "";

    /// <summary>Whether missing topics are created through the admin API. False relies on the broker's auto-creation, or on topics made beforehand.</summary>
    public bool CreateTopics { get; set; } = true;

    /// <summary>Partitions of a new event topic: the most learners that can share one experiment. Cannot be lowered later.</summary>
    public int Partitions { get; set; } = 8;

    /// <summary>Copies of a new topic's partitions; -1 takes the broker's default, which a production cluster has set to something safe.</summary>
    public short ReplicationFactor { get; set; } = -1;

    /// <summary>How long a reward, an item or a dead letter may take to become durable before its writer hears that it failed.</summary>
    public TimeSpan PublishTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a decision waits for Kafka to come back before it is dropped and counted.</summary>
    public TimeSpan DecisionTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Most decisions that wait for Kafka: about ten seconds at 10,000 decisions a second.</summary>
    public int QueuedDecisionsMax { get; set; } = 100_000;

    /// <summary>Most memory for decisions that wait for Kafka, in bytes; whichever bound is reached first counts.</summary>
    public long QueuedDecisionsMaxBytes { get; set; } = 128L << 20;

    /// <summary>Largest event, in bytes; not above the brokers' own limit, which is about 1 MB unless raised.</summary>
    public int MessageMaxBytes { get; set; } = 1_000_000;

    /// <summary>Further librdkafka properties for every client, for example <c>security.protocol</c>. Underscores may stand for dots.</summary>
    public Dictionary<string, string> Client { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Further librdkafka properties for producers.</summary>
    public Dictionary<string, string> Producer { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Further librdkafka properties for consumers.</summary>
    public Dictionary<string, string> Consumer { get; set; } = new(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Reports everything that is wrong with <see cref="KafkaOptions"/> at once.</summary>
public sealed class KafkaOptionsValidator : IValidateOptions<KafkaOptions>
{
    private const int PartitionsMax = 1024;
    private const int MessageBytesMin = 10_000;
    private static readonly TimeSpan TimeMax = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, KafkaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var problems = new List<string>();
        if (string.IsNullOrWhiteSpace(options.BootstrapServers))
            problems.Add("Kafka:BootstrapServers is empty; give host:port of at least one broker.");
        if (options.Partitions is < 1 or > PartitionsMax)
            problems.Add($"Kafka:Partitions must lie between 1 and {PartitionsMax}, not {options.Partitions}.");
        if (options.ReplicationFactor is not (-1 or >= 1))
            problems.Add($"Kafka:ReplicationFactor must be -1 (the broker's default) or at least 1, not {options.ReplicationFactor}.");
        Time("PublishTimeout", options.PublishTimeout);
        Time("DecisionTimeout", options.DecisionTimeout);
        if (options.QueuedDecisionsMax is < 1 or > 10_000_000)
            problems.Add($"Kafka:QueuedDecisionsMax must lie between 1 and 10000000, not {options.QueuedDecisionsMax}.");
        if (options.QueuedDecisionsMaxBytes is < 1 << 20 or > 1L << 40)
            problems.Add($"Kafka:QueuedDecisionsMaxBytes must be at least 1 MiB and at most 1 TiB, not {options.QueuedDecisionsMaxBytes}.");
        if (options.MessageMaxBytes is < MessageBytesMin or > 100_000_000)
            problems.Add($"Kafka:MessageMaxBytes must lie between {MessageBytesMin} and 100000000, not {options.MessageMaxBytes}.");
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);

        void Time(string field, TimeSpan value)
        {
            if (value < TimeSpan.FromMilliseconds(10) || value > TimeMax)
                problems.Add($"Kafka:{field} must lie between 10 ms and {TimeMax}, not {value}.");
        }
    }
}
