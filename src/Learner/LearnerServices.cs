using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Recsys.Gpu;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Snapshots;
using Recsys.Learner.Hosting;
using Recsys.Learner.Telemetry;
using Recsys.Learner.Training;

namespace Recsys.Learner;

/// <summary>Registers the learner, for its own process and for the Api that hosts it.</summary>
public static class LearnerServices
{
    /// <summary>Adds the learner; log and stores come from the host, clock and metric factory too if it has its own.</summary>
    public static IServiceCollection AddLearner(this IServiceCollection services)
    {
        services.AddOptions<TrainingOptions>().BindConfiguration(TrainingOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Prometheus.IMetricFactory>(Prometheus.Metrics.DefaultFactory);
        services.AddSingleton<LearnerMetrics>();
        services.AddSingleton<LearnerHealth>();
        services.AddSingleton(static p => new LearnerOutlets(
            p.GetRequiredService<ISnapshotWriter>(),
            p.GetRequiredService<ICheckpointStore>(),
            p.GetRequiredService<IEventPublisher>(),
            p.GetRequiredService<TimeProvider>(),
            p.GetRequiredService<IOptions<TrainingOptions>>().Value,
            p.GetRequiredService<LearnerMetrics>(),
            p.GetRequiredService<ILogger<LearnerService>>(),
            p.GetRequiredService<TrainerFactory>()));
        services.AddSingleton(OpenBackend);
        services.AddSingleton(static p => new TrainerFactory(p.GetRequiredService<ComputeBackend>()));
        services.AddHostedService<LearnerService>();
        return services;
    }

    // Made with the hosted services, so before anything is served or learned.
    private static ComputeBackend OpenBackend(IServiceProvider services)
    {
        var log = services.GetRequiredService<ILogger<LearnerService>>();
        var metrics = services.GetRequiredService<LearnerMetrics>();
        try
        {
            var backend = ComputeBackend.Open(services.GetRequiredService<IOptions<TrainingOptions>>().Value.Device, reason =>
            {
                metrics.DeviceDegraded();
                log.DeviceDegraded(reason);
            });
            metrics.Computing(backend.Kind, backend.Name);
            log.Computing(backend.Kind, backend.Name, backend.Reason);
            return backend;
        }
        catch (DeviceUnavailableException problem)
        {
            throw new OptionsValidationException(
                TrainingOptions.SectionName, typeof(TrainingOptions), [$"Training:Device is 'gpu', but {problem.Message}. Set it to 'auto' or 'cpu' to learn without a GPU."]);
        }
    }
}
