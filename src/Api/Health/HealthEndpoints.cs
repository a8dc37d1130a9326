using Recsys.Api.Catalogue;
using Recsys.Api.Experiments;

namespace Recsys.Api.Health;

/// <summary>Probes. Readiness does not follow a store down while there are parameters in memory: it says degraded and stays.</summary>
public static class HealthEndpoints
{
    /// <summary>Maps them.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health/live", static () => Results.Json(new { status = "ok" })).WithTags("Health").WithSummary("The process answers.");
        routes.MapGet("/health/startup", static (ExperimentRegistry registry) => Answer(registry.IsLoaded, "the experiments are being read", false))
            .WithTags("Health").WithSummary("The experiments have been read once.");
        routes.MapGet("/health/ready", static (ExperimentRegistry registry, CatalogueFollower catalogue) => Answer(
            registry.IsLoaded && catalogue.IsCaughtUp && registry.All.All(static r => r.IsReady),
            "experiments, catalogue or parameters are being read",
            registry.IsStoreAway)).WithTags("Health").WithSummary("Decisions are made with the last published parameters.");
    }

    private static IResult Answer(bool ready, string waitingFor, bool degraded) => ready
        ? Results.Json(new { status = degraded ? "degraded" : "ok" })
        : Results.Json(new { status = "starting", waitingFor }, statusCode: StatusCodes.Status503ServiceUnavailable);
}
