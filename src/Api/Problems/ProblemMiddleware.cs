using System.Diagnostics;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Problems;

/// <summary>Turns every failure into a problem document; nothing leaves this service as a bare status.</summary>
public static class ProblemMiddleware
{
    /// <summary>Installs it in front of everything else.</summary>
    public static void UseProblems(this WebApplication app) => app.Use(async (context, next) =>
    {
        var log = app.Logger;
        try
        {
            await next(context);
            if (context.Response.HasStarted || context.Response.ContentLength is not null || context.Response.ContentType is not null)
                return;
            if (context.Response.StatusCode == 404)
                await WriteAsync(context, new ApiProblem(ProblemTypes.NotFound, $"There is nothing at {context.Request.Path}. GET /docs lists what there is."));
            else if (context.Response.StatusCode == 405)
                await WriteAsync(context, new ApiProblem(ProblemTypes.MethodNotAllowed, $"{context.Request.Method} is not possible here. GET /docs lists what is."));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; there is nobody to tell.
        }
        catch (Exception problem) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, Of(problem, log));
        }
    });

    private static ApiProblem Of(Exception problem, ILogger log)
    {
        switch (problem)
        {
            case ApiProblem known:
                return known;
            case StoreUnavailableException away:
                return new ApiProblem(ProblemTypes.Unavailable, away.Message + " Nothing was accepted; try again.");
            case BadHttpRequestException { StatusCode: 413 }:
                return new ApiProblem(ProblemTypes.TooLarge, "The body is larger than Decision:BodyBytesMax allows. Send fewer entries at once.");
            case BadHttpRequestException bad:
                return new ApiProblem(ProblemTypes.Invalid, bad.Message);
            default:
                log.Unexpected(problem);
                return new ApiProblem(ProblemTypes.Unexpected, "The service logged what happened under this trace id.");
        }
    }

    /// <summary>Writes a problem document.</summary>
    public static async Task WriteAsync(HttpContext context, ApiProblem problem)
    {
        context.Response.Clear();
        context.Response.StatusCode = problem.Type.Status;
        if (problem.Type.Status is 503)
            context.Response.Headers.RetryAfter = "1";
        await context.Response.WriteAsJsonAsync(problem.ToDocument(TraceId(context)), options: null, contentType: "application/problem+json");
    }

    /// <summary>Finds this request in the log.</summary>
    public static string TraceId(HttpContext context) => Activity.Current?.Id ?? context.TraceIdentifier;
}
