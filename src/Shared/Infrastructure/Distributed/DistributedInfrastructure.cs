using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Distributed;

/// <summary>The adapters of a cluster: the event log in Kafka, everything else in Redis.</summary>
public static class DistributedInfrastructure
{
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

        services.TryAddSingleton<IEventPublisher, KafkaEventPublisher>();
        services.TryAddSingleton<IEventSource, KafkaEventSource>();
        services.TryAddSingleton<IItemFeed, KafkaItemFeed>();

        services.TryAddSingleton<RedisConnection>();
        services.TryAddSingleton<IExperimentStore, RedisExperimentStore>();
        services.TryAddSingleton<RedisSnapshotStore>();
        services.TryAddSingleton<ISnapshotWriter>(static provider => provider.GetRequiredService<RedisSnapshotStore>());
        services.TryAddSingleton<ISnapshotReader>(static provider => provider.GetRequiredService<RedisSnapshotStore>());
        services.TryAddSingleton<ICheckpointStore, RedisCheckpointStore>();
        return services;
    }
}
