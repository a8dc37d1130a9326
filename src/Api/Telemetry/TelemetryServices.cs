using Prometheus;

namespace Recsys.Api.Telemetry;

/// <summary>Registers metrics. One registry per host, so that hosts in one process (tests) do not count into each other.</summary>
public static class TelemetryServices
{
    /// <summary>Registry, factory and the metrics of the Api.</summary>
    public static IServiceCollection AddTelemetry(this IServiceCollection services)
    {
        // The library's bridge from runtime meters exports hundreds of series that nobody asked for; process and runtime basics are kept.
        Metrics.SuppressDefaultMetrics(new SuppressDefaultMetricOptions { SuppressEventCounters = true, SuppressMeters = true });
        return services
            .AddSingleton(static _ =>
            {
                var registry = Metrics.NewCustomRegistry();
                DotNetStats.Register(registry);
                return registry;
            })
            .AddSingleton<IMetricFactory>(static p => Metrics.WithCustomRegistry(p.GetRequiredService<CollectorRegistry>()))
            .AddSingleton<ApiMetrics>();
    }
}
