using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>The adapters of the embedded mode: everything in one directory, nothing else installed.</summary>
public static class LocalInfrastructure
{
    /// <summary>Registers log and stores under <paramref name="directory"/>.</summary>
    public static IServiceCollection AddLocalInfrastructure(this IServiceCollection services, string directory)
    {
        services.AddSingleton(p => new LocalEventLog(directory, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IEventPublisher>(static p => p.GetRequiredService<LocalEventLog>());
        services.AddSingleton<IEventSource>(static p => p.GetRequiredService<LocalEventLog>());
        services.AddSingleton<IItemFeed>(static p => p.GetRequiredService<LocalEventLog>());
        services.AddSingleton<IExperimentStore>(p => new LocalExperimentStore(directory, p.GetRequiredService<ILogger<LocalExperimentStore>>()));
        services.AddSingleton(_ => new LocalSnapshotStore(directory));
        services.AddSingleton<ISnapshotWriter>(static p => p.GetRequiredService<LocalSnapshotStore>());
        services.AddSingleton<ISnapshotReader>(static p => p.GetRequiredService<LocalSnapshotStore>());
        services.AddSingleton<ICheckpointStore>(_ => new LocalCheckpointStore(directory));
        return services;
    }
}
