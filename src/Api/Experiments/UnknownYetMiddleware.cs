using Recsys.Api.Problems;

namespace Recsys.Api.Experiments;

/// <summary>
/// Until the experiments were read once, nothing is known of any: a 404 would be untrue, and a definition put now would be taken for a new experiment, which
/// discards what was learned. Requests get a 503 to come back after.
/// </summary>
public sealed class UnknownYetMiddleware(RequestDelegate next, ExperimentRegistry registry)
{
    /// <summary>Checks one request.</summary>
    public Task InvokeAsync(HttpContext context) => registry.Loaded || !context.Request.Path.StartsWithSegments("/v1")
        ? next(context)
        : ProblemWriter.WriteAsync(context, new Problem(
            ProblemTypes.StoreUnavailable,
            "This replica has not read its experiments yet. Nothing was accepted; send the same request again after Retry-After."));
}
