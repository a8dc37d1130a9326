using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Recsys.Api.Problems;

namespace Recsys.Api.Decisions;

/// <summary>Keeps overload from becoming latency: beyond the limit decisions are refused at once, with a time to come back.</summary>
public static class LoadShedding
{
    /// <summary>Name of the limiter.</summary>
    public const string Policy = "decisions";

    /// <summary>Registers the limiter.</summary>
    public static IServiceCollection AddLoadShedding(this IServiceCollection services)
    {
        services.AddRateLimiter(static limiter =>
        {
            limiter.AddPolicy(Policy, static context => RateLimitPartition.GetConcurrencyLimiter(Policy, _ => new ConcurrencyLimiterOptions
            {
                PermitLimit = context.RequestServices.GetRequiredService<IOptions<DecisionOptions>>().Value.ConcurrencyMax,
                QueueLimit = 0,
            }));
            limiter.OnRejected = static (rejected, _) => new ValueTask(ProblemWriter.WriteAsync(
                rejected.HttpContext, new Problem(ProblemTypes.Overloaded, "Too many decisions at once for this replica; come back after Retry-After.")));
        });
        return services;
    }
}
