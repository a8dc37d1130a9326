using Prometheus;
using Recsys.Api.Experiments;
using Recsys.Api.Security;
using Recsys.Api.Serialization;

namespace Recsys.Api.Health;

/// <summary>Probes and metrics; open to everybody who can reach the port.</summary>
public static class HealthEndpoints
{
    /// <summary>Maps the addresses.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var readiness = routes.ServiceProvider.GetRequiredService<Readiness>();
        var registry = routes.ServiceProvider.GetRequiredService<ExperimentRegistry>();
        routes.MapGet("/health/live", context => WriteAsync(context, readiness, registry, true)).IsOpen();
        routes.MapGet("/health/startup", context => WriteAsync(context, readiness, registry, readiness.IsStarted)).IsOpen();
        routes.MapGet("/health/ready", context => WriteAsync(context, readiness, registry, readiness.IsReady)).IsOpen();
        routes.MapMetrics("/metrics", routes.ServiceProvider.GetRequiredService<CollectorRegistry>()).IsOpen();
    }

    private static Task WriteAsync(HttpContext context, Readiness readiness, ExperimentRegistry registry, bool well)
    {
        context.Response.StatusCode = well ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.CacheControl = "no-store";
        return JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, (readiness, registry, well), static (json, state) =>
        {
            json.WriteStartObject();
            json.WriteString("status"u8, !state.well ? state.readiness.Stopping ? "stopping" : "starting" : state.readiness.IsDegraded ? "degraded" : "ready");
            json.WriteStartObject("checks"u8);
            json.WriteBoolean("warmedUp"u8, state.readiness.WarmedUp);
            json.WriteBoolean("experimentsLoaded"u8, state.registry.Loaded);
            json.WriteBoolean("catalogueCaughtUp"u8, state.readiness.ItemsKnown);
            json.WriteBoolean("graphsKnown"u8, state.readiness.GraphsKnown);
            json.WriteBoolean("parametersKnown"u8, state.readiness.ParametersKnown);
            json.WriteBoolean("experimentStoreReachable"u8, !state.registry.StoreAway);
            json.WriteBoolean("parameterStoreReachable"u8, state.registry.All.Values.All(static r => !r.StoreAway));
            json.WriteEndObject();
            json.WriteNumber("experiments"u8, state.registry.All.Count);
            json.WriteEndObject();
        });
    }
}
