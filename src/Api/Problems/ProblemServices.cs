namespace Recsys.Api.Problems;

/// <summary>Makes every error answer a problem document, also those that the framework starts.</summary>
public static class ProblemServices
{
    /// <summary>Registers the exception handler.</summary>
    public static IServiceCollection AddProblems(this IServiceCollection services) => services.AddProblemDetails().AddExceptionHandler<UnhandledExceptionHandler>();

    /// <summary>Puts the handlers in front of everything else.</summary>
    public static IApplicationBuilder UseProblems(this IApplicationBuilder app)
    {
        // The handler logs what deserves it; the middleware would log every store outage as an error of ours.
        app.UseExceptionHandler(new ExceptionHandlerOptions { SuppressDiagnosticsCallback = static _ => true });
        return app.UseStatusCodePages(static context => ProblemWriter.WriteAsync(context.HttpContext, Of(context.HttpContext)));
    }

    private static Problem Of(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => new Problem(ProblemTypes.NotFound, $"Nothing at {context.Request.Method} {context.Request.Path}; /docs lists every address."),
        StatusCodes.Status405MethodNotAllowed => new Problem(ProblemTypes.MethodNotAllowed, $"{context.Request.Path} takes {context.Response.Headers.Allow}, not {context.Request.Method}."),
        StatusCodes.Status413PayloadTooLarge => new Problem(ProblemTypes.BodyTooLarge, "The body is larger than this address accepts."),
        StatusCodes.Status415UnsupportedMediaType => new Problem(ProblemTypes.UnsupportedMediaType, "Send JSON with Content-Type: application/json."),
        < 500 => new Problem(ProblemTypes.InvalidRequest with { Status = context.Response.StatusCode }, "The request cannot be understood."),
        _ => new Problem(ProblemTypes.InternalError with { Status = context.Response.StatusCode }, "The log of the service has the details under this trace id."),
    };
}
