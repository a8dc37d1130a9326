using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Distributed;

public sealed class DistributedInfrastructureTests
{
    private static ServiceProvider Build(params (string Key, string Value)[] settings) => new ServiceCollection()
        .AddLogging()
        .AddKafkaAndRedis(new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build())
        .BuildServiceProvider();

    private static string Refusal(params (string Key, string Value)[] settings)
    {
        using var provider = Build(settings);
        return Assert.ThrowsAny<Exception>(() => provider.GetRequiredService<IStartupValidator>().Validate()).ToString();
    }

    [Fact]
    public void Every_seam_is_a_singleton_and_servers_that_are_away_do_not_stop_the_start()
    {
        using var provider = Build(
            ("Kafka:BootstrapServers", "127.0.0.1:1"), ("Redis:Configuration", "127.0.0.1:1"), ("Kafka:PublishTimeout", "00:00:03"),
            ("Kafka:Client:security.protocol", "plaintext"), ("Kafka:Consumer:fetch_wait_max_ms", "50"));
        provider.GetRequiredService<IStartupValidator>().Validate();
        Type[] seams =
        [
            typeof(IEventPublisher), typeof(IEventSource), typeof(IItemFeed), typeof(IExperimentStore), typeof(ISnapshotWriter), typeof(ISnapshotReader),
            typeof(ICheckpointStore), typeof(MemorySnapshots),
        ];
        Assert.All(seams, seam => Assert.Same(provider.GetRequiredService(seam), provider.GetRequiredService(seam)));
        Assert.Same(provider.GetRequiredService<ISnapshotWriter>(), provider.GetRequiredService<ISnapshotReader>());
        Assert.NotSame(provider.GetRequiredService<ISnapshotWriter>(), provider.GetRequiredService<MemorySnapshots>().Writer);
        Assert.Equal(TimeSpan.FromSeconds(3), provider.GetRequiredService<KafkaOptions>().PublishTimeout);
        Assert.Throws<StoreUnavailableException>(() => provider.GetRequiredService<ICheckpointStore>().Load("home", 0));
    }

    [Fact]
    public void Everything_that_is_wrong_is_said_at_start()
    {
        var refusal = Refusal(("Kafka:Partitions", "0"), ("Kafka:ReplicationFactor", "0"), ("Kafka:PublishTimeout", "00:00:00"), ("Redis:BlobTimeout", "1.00:00:00"));
        foreach (var part in (string[])["BootstrapServers", "Partitions", "ReplicationFactor", "PublishTimeout", "Redis:Configuration", "BlobTimeout"])
            Assert.Contains(part, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Kafka:BootstrapServer")]
    [InlineData("Redis:Config")]
    public void Misspelt_key_stops_the_start(string key) =>
        Assert.Contains(
            key.Split(':')[1], Refusal(("Kafka:BootstrapServers", "a:1"), ("Redis:Configuration", "a:1"), (key, "x")), StringComparison.Ordinal);
}
