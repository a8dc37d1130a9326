using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>Three lists of addresses that must be one: the contract, what is mapped, and what the served OpenAPI document describes.</summary>
[Collection(EmbeddedCollection.Name)]
public sealed class RouteTests(EmbeddedDeployment deployment)
{
    // What clients rely on: a change here is a change for them.
    private static readonly string[] Contract =
    [
        "DELETE /v1/experiments/{experiment}",
        "DELETE /v1/experiments/{experiment}/items/{item}",
        "GET /",
        "GET /docs",
        "GET /health/live",
        "GET /health/ready",
        "GET /health/startup",
        "GET /metrics",
        "GET /openapi/v1.json",
        "GET /v1/experiments",
        "GET /v1/experiments/{experiment}",
        "GET /v1/experiments/{experiment}/evaluation",
        "GET /v1/experiments/{experiment}/items/{item}",
        "GET /v1/experiments/{experiment}/items/{item}/statistics",
        "POST /v1/experiments/{experiment}/decisions",
        "POST /v1/experiments/{experiment}/decisions/batch",
        "POST /v1/experiments/{experiment}/decisions/{decisionId}/activate",
        "POST /v1/experiments/{experiment}/decisions/{decisionId}/reward",
        "POST /v1/experiments/{experiment}/explain",
        "POST /v1/experiments/{experiment}/items",
        "POST /v1/experiments/{experiment}/rewards",
        "PUT /v1/experiments/{experiment}",
        "PUT /v1/experiments/{experiment}/clusters",
        "PUT /v1/experiments/{experiment}/items/{item}",
    ];

    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];

    [Fact]
    public async Task Served_document_describes_the_contract_and_nothing_else()
    {
        var document = await deployment.Api.GetAsync("/openapi/v1.json");
        var described = document.GetProperty("paths").EnumerateObject()
            .SelectMany(static path => Operations(path).Select(o => $"{o.Name.ToUpperInvariant()} {path.Name}"));
        Assert.Equal(Contract, described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Mapped_addresses_are_the_contract_and_nothing_else()
    {
        var directory = Directory.CreateTempSubdirectory("recsys-test-");
        try
        {
            // Any type of the assembly names its entry point.
            using var host = new WebApplicationFactory<Recsys.Api.Decisions.DecisionService>().WithWebHostBuilder(
                web => web.UseSetting("Embedded:DataDirectory", directory.FullName).UseSetting("Logging:LogLevel:Default", "None"));
            var mapped = host.Services.GetServices<EndpointDataSource>()
                .SelectMany(static source => source.Endpoints).OfType<RouteEndpoint>().SelectMany(Addresses);
            Assert.Equal(Contract, mapped.Distinct().Order(StringComparer.Ordinal));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Every_operation_says_what_it_answers_when_something_is_wrong()
    {
        var document = await deployment.Api.GetAsync("/openapi/v1.json");
        foreach (var path in document.GetProperty("paths").EnumerateObject().Where(static p => p.Name.Contains("{experiment}", StringComparison.Ordinal)))
        {
            foreach (var operation in Operations(path))
            {
                var answers = operation.Value.GetProperty("responses").EnumerateObject().Select(static r => r.Name).ToList();
                Assert.True(answers.Exists(static a => a[0] == '2' || a == "501"), $"{operation.Name} {path.Name} never succeeds.");
                Assert.True(answers.Exists(static a => a[0] == '4'), $"{operation.Name} {path.Name} never fails.");
            }
        }
    }

    private static IEnumerable<JsonProperty> Operations(JsonProperty path) => path.Value.EnumerateObject().Where(static o => Methods.Contains(o.Name));

    private static IEnumerable<string> Addresses(RouteEndpoint endpoint)
    {
        var path = "/" + endpoint.RoutePattern.RawText!.TrimStart('/');
        // The browser of the API has addresses of its own below its page.
        if (path.StartsWith("/docs", StringComparison.Ordinal))
            path = "/docs";
        var methods = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"];
        return methods.Where(static m => m != "HEAD").Select(m => $"{m} {path}");
    }
}
