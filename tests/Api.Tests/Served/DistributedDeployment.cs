using System.Text;
using Confluent.Kafka;
using Recsys.Infrastructure.Events;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Api.Tests.Served;

/// <summary>Two Apis and two learners as processes of their own, a real Redis, and the broker that the tests use (<see cref="TestBroker"/>).</summary>
public sealed class DistributedDeployment : IDeployment, IAsyncLifetime
{
    /// <summary>Partitions of an experiment's log: what the test broker gives a topic that is asked for.</summary>
    public const int Partitions = 4;

    // From a learner's last heartbeat until it counts as dead. A real broker allows no less than the first; the mock takes a second less than this for every
    // rebalance, whether somebody died or not.
    private const string SessionMilliseconds = "6000";
    private const string MockSessionMilliseconds = "3000";

    public string Name => "distributed";

    public string? Missing => RedisServer.IsInstalled ? null : "There is no redis-server on the path; on Debian, apt-get install redis-server.";

    /// <summary>The broker.</summary>
    public TestBroker Broker { get; } = new();

    /// <summary>The store. It keeps what it holds, so that a test can choose whether a crash loses it.</summary>
    public RedisServer Redis { get; private set; } = null!;

    public IReadOnlyList<ServiceProcess> Apis { get; private set; } = [];

    /// <summary>The learners, each as good as the other.</summary>
    public IReadOnlyList<ServiceProcess> Learners { get; private set; } = [];

    /// <summary>Starts whatever a test has ended; what runs stays as it is.</summary>
    public async Task HealAsync()
    {
        if (!Redis.IsRunning)
            Redis.Start();
        await Task.WhenAll(Apis.Concat(Learners).Where(static p => !p.IsRunning).Select(static p => p.StartAsync()));
    }

    /// <summary>Waits until each partition has one learner, and each learner that runs has partitions.</summary>
    public Task LearnersReadyAsync(string experiment)
    {
        IReadOnlySet<int>[] held = [];
        return Eventually.IsTrueAsync(
            async () =>
            {
                held = await Task.WhenAll(Learners.Where(static l => l.IsRunning).Select(l => PartitionsOfAsync(l, experiment)));
                var all = held.SelectMany(static h => h).ToList();
                return Array.TrueForAll(held, static h => h.Count > 0) && all.Count == Partitions && all.Distinct().Count() == Partitions;
            },
            () => $"the learners shared {Partitions} partitions; they hold {string.Join(" and ", held.Select(static h => $"[{string.Join(' ', h)}]"))}");
    }

    /// <summary>The partitions of an experiment that a learner has published something of and still holds.</summary>
    private static async Task<IReadOnlySet<int>> PartitionsOfAsync(ServiceProcess learner, string experiment)
    {
        var series = $"recsys_params_version{{experiment=\"{experiment}\",partition=\"";
        return (await learner.Client.GetStringAsync("/metrics")).Split('\n')
            .Where(line => line.StartsWith(series, StringComparison.Ordinal))
            .Select(line => int.Parse(line.AsSpan(series.Length, line.IndexOf('"', series.Length) - series.Length)))
            .ToHashSet();
    }

    public IEnumerable<LogRecord> ReadLog(string experiment)
    {
        // Hand-made and assigned by hand: it is no member of the learners' group and starts no rebalance.
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(
            new ConsumerConfig { BootstrapServers = Broker.Bootstrap, GroupId = "test", FetchWaitMaxMs = 10, AutoOffsetReset = AutoOffsetReset.Error }).Build();
        for (var partition = 0; partition < Partitions; partition++)
        {
            var at = new TopicPartition(EventTopics.Events(experiment), partition);
            var end = consumer.QueryWatermarkOffsets(at, TimeSpan.FromSeconds(30)).High.Value;
            consumer.Assign(new TopicPartitionOffset(at, 0));
            for (long offset = -1; offset < end - 1;)
            {
                if (consumer.Consume(TimeSpan.FromSeconds(30)) is not { } read)
                    throw new TimeoutException($"{at} gave nothing after offset {offset}; it ends at {end}.");
                offset = read.Offset.Value;
                var type = read.Message.Headers.TryGetLastBytes("content-type", out var bytes) ? Encoding.UTF8.GetString(bytes) : null;
                var (message, headers) = (read.Message, new EventHeaders(type));
                yield return new LogRecord(partition, offset, message.Key, message.Value, headers, message.Timestamp.UnixTimestampMs);
            }
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
            return;
        Redis = new RedisServer(keeps: true);
        Dictionary<string, string?> environment = new()
        {
            ["Kafka__BootstrapServers"] = Broker.Bootstrap,
            ["Kafka__CreateTopics"] = Broker.HasAdmin ? "true" : "false",
            ["Kafka__Partitions"] = $"{Partitions}",
            ["Kafka__Consumer__session_timeout_ms"] = Broker.Mock is null ? SessionMilliseconds : MockSessionMilliseconds,
            ["Redis__Configuration"] = Redis.Configuration,
        };
        Apis = [ServiceProcess.Api(environment), ServiceProcess.Api(environment)];
        var learner = environment.Append(IDeployment.OftenSaved).ToList();
        Learners = [ServiceProcess.Learner(learner), ServiceProcess.Learner(learner)];
        await Task.WhenAll(Apis.Concat(Learners).Select(static p => p.StartAsync()));
    }

    public ValueTask DisposeAsync()
    {
        foreach (var process in Apis.Concat(Learners))
            process.Dispose();
        Redis?.Dispose();
        Broker.Dispose();
        return ValueTask.CompletedTask;
    }
}
