using Recsys.Api.Security;
using Recsys.Api.Serialization;
using Scalar.AspNetCore;

namespace Recsys.Api.OpenApi;

/// <summary>The description of the API and its browser, whose scripts come from this process.</summary>
public static class OpenApiEndpoints
{
    /// <summary>Answers <c>/docs</c> itself instead of sending the reader on to <c>/docs/</c>. Belongs before routing.</summary>
    public static void UseDocsAddress(this IApplicationBuilder app) => app.Use(static (context, next) =>
    {
        if (context.Request.Path == "/docs")
            context.Request.Path = "/docs/";
        return next(context);
    });

    /// <summary>Maps the addresses.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var document = System.Text.Encoding.UTF8.GetBytes(OpenApiDocument.Create());
        routes.MapGet("/openapi/v1.json", context => JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, document)).IsOpen();
        // Only the reference itself: no fonts, helpers or buttons that talk to somebody else's server.
        routes.MapScalarApiReference("/docs", static scalar => scalar
            .WithTitle("Recsys").WithOpenApiRoutePattern("/openapi/{documentName}.json").AddHeadContent("<base href=\"/docs/\">")
            .HideDeveloperTools().DisableAgent().DisableMcp().DisableTelemetry().DisableDefaultFonts()).IsOpen();
    }
}
