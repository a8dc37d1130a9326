using Recsys.Api.Problems;
using Recsys.Api.Telemetry;

namespace Recsys.Api.Security;

/// <summary>Lets a request pass when its key has a role that the address needs. Without configured keys everything passes, and <see cref="LoopbackGuard"/> keeps the service on loopback.</summary>
public sealed class ApiKeyMiddleware(RequestDelegate next, ApiKeys keys, ApiMetrics metrics)
{
    /// <summary>The header with the key.</summary>
    public const string Header = "X-Api-Key";

    /// <summary>Checks one request.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (!keys.Any || context.GetEndpoint() is not { } endpoint)
            return next(context);
        var needed = endpoint.Metadata.GetMetadata<NeededRoles>()?.AnyOf ?? ApiRoles.Admin;
        if (needed == ApiRoles.None)
            return next(context);
        var given = context.Request.Headers[Header];
        if (given.Count != 1 || keys.Find(given[0] ?? "") is not { } roles)
        {
            metrics.Authentication.WithLabels("key").Inc();
            context.Response.Headers.WWWAuthenticate = "ApiKey";
            return ProblemWriter.WriteAsync(context, new Problem(
                ProblemTypes.Unauthorized, given.Count == 0 ? $"Send a key in the header {Header}." : $"The key in {Header} is not known here."));
        }
        if ((roles & (needed | ApiRoles.Admin)) != ApiRoles.None)
            return next(context);
        metrics.Authentication.WithLabels("role").Inc();
        return ProblemWriter.WriteAsync(context, new Problem(
            ProblemTypes.Forbidden, $"This address needs one of the roles {(needed | ApiRoles.Admin).ToString().ToLowerInvariant()}."));
    }
}
