using System.Reflection;
using Recsys.Api.Security;
using Recsys.Api.Serialization;

namespace Recsys.Api.Console;

/// <summary>The status page at <c>/</c>: one file without anything from elsewhere, so that it works with no internet.</summary>
public static class ConsoleEndpoints
{
    /// <summary>Maps the address.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Recsys.Api.Console.index.html")!;
        var page = new byte[stream.Length];
        stream.ReadExactly(page);
        routes.MapGet("/", context =>
        {
            context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'";
            return JsonResponse.WriteAsync(context.Response, "text/html; charset=utf-8", page);
        }).IsOpen();
    }
}
