using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Events;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Infrastructure.Tests.Kafka;

/// <summary>A broker of its own for each test: the mock cluster, or the one in KAFKA_BOOTSTRAP.</summary>
public abstract class KafkaTests : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>Far more than anything takes; a busy machine must not fail a test.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected TestBroker Broker { get; } = new();

    protected string Experiment { get; } = TestBroker.Unique("home");

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>What this test's clients have counted.</summary>
    protected DistributedMetrics Counted { get; } = new(Metrics.WithCustomRegistry(Metrics.NewCustomRegistry()));

    protected MockKafka Mock
    {
        get
        {
            if (Broker.Mock is null)
                Assert.Skip("KAFKA_BOOTSTRAP names a real broker, which this test cannot break.");
            return Broker.Mock;
        }
    }

    protected KafkaOptions Options() => new()
    {
        BootstrapServers = Broker.Bootstrap,
        CreateTopics = Broker.HasAdmin,
        Partitions = 4,
        PublishTimeout = TimeSpan.FromSeconds(2),
        // New topics are noticed sooner than an operator would want to ask for.
        Client = { ["topic.metadata.refresh.interval.ms"] = "500" },
    };

    protected KafkaEventPublisher Publisher(KafkaOptions? options = null)
    {
        var publisher = new KafkaEventPublisher(options ?? Options(), Counted, NullLogger<KafkaEventPublisher>.Instance);
        _owned.Add(publisher);
        return publisher;
    }

    /// <summary>A publisher whose topics are there.</summary>
    protected async Task<KafkaEventPublisher> ReadyPublisher(int partitions = 4, KafkaOptions? options = null)
    {
        Broker.Mock?.Topic(EventTopics.Events(Experiment), partitions);
        var publisher = Publisher(options);
        await publisher.EnsureLogAsync(Experiment, Stop);
        return publisher;
    }

    protected KafkaEventSource Source() => new(Options(), Counted, NullLogger<KafkaEventSource>.Instance);

    /// <summary>Everything in a topic, by a consumer that shares no code with the product.</summary>
    protected List<ConsumeResult<byte[]?, byte[]?>> ReadAll(string topic, int partitions, int count)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = Broker.Bootstrap, GroupId = "test", FetchWaitMaxMs = 10, AutoOffsetReset = AutoOffsetReset.Earliest,
        }).Build();
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var found = new List<ConsumeResult<byte[]?, byte[]?>>();
        var until = DateTime.UtcNow + Patience;
        while (found.Count < count)
        {
            Assert.True(DateTime.UtcNow < until, $"Only {found.Count} of {count} records in {topic}.");
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is { } record)
                found.Add(record);
        }
        return found;
    }

    protected static async Task Eventually(Func<bool> condition, string what)
    {
        var until = DateTime.UtcNow + Patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < until, $"Not within {Patience}: {what}");
            await Task.Delay(10, Stop);
        }
    }

    public virtual void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
        Broker.Dispose();
        GC.SuppressFinalize(this);
    }
}
