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

namespace Recsys.Infrastructure.Local;

/// <summary>The adapters of the embedded mode: everything in one directory, nothing else installed.</summary>
public static class LocalInfrastructure
{
    /// <summary>
    /// Registers event log and stores under <paramref name="directory"/>, which is taken possession of when the first of them is resolved. The container
    /// disposes them in the reverse order of their creation: parameters are kept, the log is made durable, then the directory is given up.
    /// </summary>
    /// <param name="services">Also needs logging; uses the host's clock, configuration and metric factory where there are any.</param>
    /// <param name="directory">Created where needed.</param>
    public static IServiceCollection AddLocalInfrastructure(this IServiceCollection services, string directory)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<JournalOptions>()
            .Configure<IServiceProvider>(static (options, provider) =>
                provider.GetService<IConfiguration>()?.GetSection(JournalOptions.SectionName).Bind(options, static o => o.ErrorOnUnknownConfiguration = true))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(_ => new DataDirectory(directory));
        services.AddSingleton(static p => p.GetRequiredService<IOptions<JournalOptions>>().Value);
        services.AddSingleton(static p => new JournalMetrics(p.GetService<IMetricFactory>() ?? Metrics.DefaultFactory));
        services.AddSingleton<JournalSet>();
        services.AddSingleton(static p => Snapshots(p, SnapshotChannel.Parameters));
        // Under a key, so that the container disposes this one too.
        services.AddKeyedSingleton(SnapshotChannel.Memory, static (p, channel) => Snapshots(p, (SnapshotChannel)channel!));
        services.AddSingleton(static p =>
        {
            var memory = p.GetRequiredKeyedService<LocalSnapshotStore>(SnapshotChannel.Memory);
            return new MemorySnapshots(memory, memory);
        });
        services.AddSingleton<LocalCheckpointStore>();
        services.AddSingleton<IEventPublisher, JournalEventPublisher>();
        services.AddSingleton<IEventSource, JournalEventSource>();
        services.AddSingleton<IItemFeed, JournalItemFeed>();
        services.AddSingleton<LocalExperimentStore>();
        services.AddSingleton<IExperimentStore>(static p => p.GetRequiredService<LocalExperimentStore>());
        services.AddSingleton<IGraphStore>(static p => p.GetRequiredService<LocalExperimentStore>());
        services.AddSingleton<ISnapshotWriter>(static p => p.GetRequiredService<LocalSnapshotStore>());
        services.AddSingleton<ISnapshotReader>(static p => p.GetRequiredService<LocalSnapshotStore>());
        services.AddSingleton<ICheckpointStore>(static p => p.GetRequiredService<LocalCheckpointStore>());
        return services;
    }

    private static LocalSnapshotStore Snapshots(IServiceProvider provider, SnapshotChannel channel) => new(
        provider.GetRequiredService<DataDirectory>(), provider.GetRequiredService<TimeProvider>(),
        provider.GetRequiredService<ILogger<LocalSnapshotStore>>(), channel);
}
