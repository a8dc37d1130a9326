using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Problems;

/// <summary>The one place where an exception becomes an answer: a store that is away is 503, a request that broke off is its own status, the rest one 500.</summary>
public sealed class UnhandledExceptionHandler(ILogger<UnhandledExceptionHandler> log) : IExceptionHandler
{
    /// <inheritdoc/>
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        // A client that went away is no fault of ours and gets no answer. A reset may be read from the body before the abort is signalled.
        if (httpContext.RequestAborted.IsCancellationRequested || exception is ConnectionResetException or ConnectionAbortedException)
        {
            httpContext.Abort();
            return true;
        }
        var problem = exception switch
        {
            StoreUnavailableException => Problem.StoreAway(exception),
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => new Problem(ProblemTypes.BodyTooLarge, "The body is larger than this address accepts."),
            BadHttpRequestException bad => new Problem(ProblemTypes.InvalidRequest, bad.Message),
            _ => null,
        };
        if (problem is null)
        {
            log.Unhandled(exception, httpContext.Request.Method, httpContext.Request.Path.Value ?? "");
            problem = new Problem(ProblemTypes.InternalError, "The log of the service has the details under this trace id.");
        }
        await ProblemWriter.WriteAsync(httpContext, problem);
        return true;
    }
}
