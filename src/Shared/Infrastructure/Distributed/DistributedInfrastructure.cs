using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Prometheus;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Distributed;

/// <summary>The adapters of a cluster: the event log in Kafka, everything else in Redis.</summary>
public static class DistributedInfrastructure
{
    /// <summary>Whether Kafka and Redis are configured.</summary>
    /// <exception cref="OptionsValidationException">Only one of them is; the message says what is missing.</exception>
    public static bool IsConfigured(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var kafka = !string.IsNullOrWhiteSpace(configuration["Kafka:BootstrapServers"]);
        var redis = !string.IsNullOrWhiteSpace(configuration["Redis:Configuration"]);
        if (kafka != redis)
        {
            throw new OptionsValidationException(nameof(Distributed), typeof(DistributedInfrastructure), [
                $"{(kafka ? "Kafka__BootstrapServers is set and Redis__Configuration" : "Redis__Configuration is set and Kafka__BootstrapServers")} is not. "
                + "Set both to run distributed, or neither to run everything in one process."]);
        }
        return kafka;
    }

    /// <summary>Registers them all as singletons, with options from the sections <c>Kafka</c> and <c>Redis</c> that are validated at start.</summary>
    public static IServiceCollection AddKafkaAndRedis(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddSingleton<IValidateOptions<KafkaOptions>, KafkaOptionsValidator>();
        services.AddSingleton<IValidateOptions<RedisOptions>, RedisOptionsValidator>();
        // A misspelt key stops the host instead of being ignored.
        services.AddOptions<KafkaOptions>()
            .Bind(configuration.GetSection(KafkaOptions.SectionName), static binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddOptions<RedisOptions>()
            .Bind(configuration.GetSection(RedisOptions.SectionName), static binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.TryAddSingleton(static provider => provider.GetRequiredService<IOptions<KafkaOptions>>().Value);
        services.TryAddSingleton(static provider => provider.GetRequiredService<IOptions<RedisOptions>>().Value);

        // A host with a registry of its own registers its factory; whichever comes last counts.
        services.TryAddSingleton<IMetricFactory>(Metrics.DefaultFactory);
        services.TryAddSingleton<DistributedMetrics>();
        services.TryAddSingleton<IEventPublisher, KafkaEventPublisher>();
        services.TryAddSingleton<IEventSource, KafkaEventSource>();
        services.TryAddSingleton<IItemFeed, KafkaItemFeed>();

        services.TryAddSingleton<RedisConnection>();
        services.TryAddSingleton<RedisExperimentStore>();
        services.TryAddSingleton<IExperimentStore>(static provider => provider.GetRequiredService<RedisExperimentStore>());
        services.TryAddSingleton<IGraphStore>(static provider => provider.GetRequiredService<RedisExperimentStore>());
        services.TryAddSingleton(static provider => Snapshots(provider, SnapshotChannel.Parameters));
        services.TryAddSingleton(static provider =>
        {
            var memory = Snapshots(provider, SnapshotChannel.Memory);
            return new MemorySnapshots(memory, memory);
        });
        services.TryAddSingleton<ISnapshotWriter>(static provider => provider.GetRequiredService<RedisSnapshotStore>());
        services.TryAddSingleton<ISnapshotReader>(static provider => provider.GetRequiredService<RedisSnapshotStore>());
        services.TryAddSingleton<ICheckpointStore, RedisCheckpointStore>();
        return services;
    }

    private static RedisSnapshotStore Snapshots(IServiceProvider provider, SnapshotChannel channel) =>
        new(provider.GetRequiredService<RedisConnection>(), provider.GetRequiredService<ILogger<RedisSnapshotStore>>(), channel);
}
