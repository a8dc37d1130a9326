using Recsys.Api.Catalogue;
using Recsys.Api.Snapshots;

namespace Recsys.Api.Experiments;

/// <summary>Registers experiments with their parameters and catalogues.</summary>
public static class ExperimentServices
{
    /// <summary>Registry, follower and endpoints.</summary>
    public static IServiceCollection AddExperiments(this IServiceCollection services) => services
        .AddSingleton<RuntimeParts>().AddSingleton<ExperimentRegistry>().AddSingleton<ExperimentChanges>().AddSingleton<ExperimentEndpoints>()
        .AddHostedService<ExperimentFollower>();

    /// <summary>Refuses requests until the experiments are known. Behind the keys, so that strangers learn nothing.</summary>
    public static IApplicationBuilder UseKnownExperiments(this IApplicationBuilder app) => app.UseMiddleware<UnknownYetMiddleware>();

    /// <summary>Refresh of the serving parameters.</summary>
    public static IServiceCollection AddSnapshots(this IServiceCollection services) => services.AddHostedService<SnapshotRefresher>();

    /// <summary>Items and graphs.</summary>
    public static IServiceCollection AddCatalogue(this IServiceCollection services) => services
        .AddSingleton<CatalogueIndex>().AddSingleton<CatalogueEndpoints>().AddSingleton<ClusterEndpoints>().AddSingleton<StatisticsEndpoints>().AddHostedService<CatalogueFollower>()
        .AddHostedService<GraphPlanFollower>().AddHostedService<GraphBuilderService>().AddHostedService<NewcomerService>();
}
