using Microsoft.Extensions.Options;
using Prometheus;
using Recsys.Api.Catalogue;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Security;
using Recsys.Api.Telemetry;

namespace Recsys.Api;

/// <summary>Registers the Api's own parts; log and stores come from the mode it runs in.</summary>
public static class ApiServices
{
    /// <summary>Adds them.</summary>
    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddOptions<DecisionOptions>().BindConfiguration(DecisionOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<SecurityOptions>().BindConfiguration(SecurityOptions.SectionName, static o => o.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton(static p => p.GetRequiredService<IOptions<DecisionOptions>>().Value);
        services.AddSingleton(static p => new ApiKeys(p.GetRequiredService<IOptions<SecurityOptions>>().Value));
        services.AddSingleton(TimeProvider.System);
        // A registry of its own: the default one would share names with every other user of the library in the process.
        services.AddSingleton(static _ => Metrics.NewCustomRegistry());
        services.AddSingleton<IMetricFactory>(static p => Metrics.WithCustomRegistry(p.GetRequiredService<CollectorRegistry>()));
        services.AddSingleton<ApiMetrics>();
        services.AddSingleton<DecisionService>();
        services.AddSingleton<ExperimentRegistry>();
        services.AddHostedService(static p => p.GetRequiredService<ExperimentRegistry>());
        services.AddSingleton<CatalogueFollower>();
        services.AddHostedService(static p => p.GetRequiredService<CatalogueFollower>());
        return services;
    }
}
