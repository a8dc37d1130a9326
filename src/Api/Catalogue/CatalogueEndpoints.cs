using System.Text.Json;
using Microsoft.Extensions.Options;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Serialization;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>Items over HTTP: validated, made durable in the log, applied here at once and everywhere through the log.</summary>
public sealed class CatalogueEndpoints(
    ExperimentRegistry registry, CatalogueIndex index, IEventPublisher log, IOptions<DecisionOptions> options, TimeProvider clock)
{
    /// <summary>Most items in one bulk request.</summary>
    public const int ItemsMax = 10_000;

    /// <summary>Writes of one bulk that wait for the log at the same time; bounds its queue.</summary>
    private const int WritesAtOnce = 256;

    // A graph is built within milliseconds unless the catalogue is large, and then nobody waits for it.
    private static readonly TimeSpan BuildWaitMax = TimeSpan.FromMilliseconds(100);

    /// <summary>Maps the addresses.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<CatalogueEndpoints>();
        var group = routes.MapGroup("/v1/experiments/{experiment}");
        group.MapGet("/items/{item}", endpoints.GetAsync).Needs(ApiRoles.Decide);
        group.MapPut("/items/{item}", endpoints.PutAsync).Needs(ApiRoles.Admin);
        group.MapDelete("/items/{item}", endpoints.DeleteAsync).Needs(ApiRoles.Admin);
        group.MapPost("/items", endpoints.BulkAsync).Needs(ApiRoles.Admin);
    }

    private async Task GetAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var id = Ids.FromPath(context, "item");
        if (runtime.Catalogue.Find(id) is { } item)
            await JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, item.Json);
        else
            await ProblemWriter.WriteAsync(context, UnknownItem(runtime, id));
    }

    private async Task PutAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var id = Ids.FromPath(context, "item");
        var body = new RequestBody();
        var problem = await body.ReadAsync(context.Request, options.Value.BodyBytesMax);
        if (problem is null && JsonFields.Parse(body.Bytes, out problem) is { } document)
        {
            using (document)
            {
                var errors = new List<KeyValuePair<string, string>>();
                if (CatalogueEntry.Read(id, document.RootElement, VectorLength(runtime), "", errors) is { } item)
                {
                    var existed = await WriteAsync(runtime, id, item, context.RequestAborted);
                    await BuiltAsync(runtime);
                    context.Response.StatusCode = existed ? StatusCodes.Status200OK : StatusCodes.Status201Created;
                    if (!existed)
                        context.Response.Headers.Location = $"/v1/experiments/{runtime.Name}/items/{Uri.EscapeDataString(id)}";
                    await JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, item.Json);
                    return;
                }
                problem = Problem.Invalid(errors);
            }
        }
        await ProblemWriter.WriteAsync(context, problem!);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var id = Ids.FromPath(context, "item");
        if (runtime.Catalogue.Find(id) is null)
        {
            await ProblemWriter.WriteAsync(context, UnknownItem(runtime, id));
            return;
        }
        await WriteAsync(runtime, id, null, context.RequestAborted);
        await BuiltAsync(runtime);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task BulkAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        await BulkRequest.AnswerAsync(context, "items", ItemsMax, options.Value.BulkBytesMax, async entries =>
        {
            var results = new List<Problem?>(entries.GetArrayLength());
            foreach (var chunk in entries.EnumerateArray().Chunk(WritesAtOnce))
                results.AddRange(await Task.WhenAll(chunk.Select(entry => OneOfManyAsync(runtime, entry, context.RequestAborted))));
            await BuiltAsync(runtime);
            return results;
        });
    }

    private async Task<Problem?> OneOfManyAsync(ExperimentRuntime runtime, JsonElement entry, CancellationToken cancellationToken)
    {
        var errors = new List<KeyValuePair<string, string>>();
        var id = JsonFields.Text(entry, "id", "", errors);
        if (id is null)
            errors.Add(new("id", "is missing."));
        if (errors.Count > 0 || CatalogueEntry.Read(id!, entry, VectorLength(runtime), "", errors, alsoAllowed: "id") is not { } item)
            return Problem.Invalid(errors);
        try
        {
            await WriteAsync(runtime, id!, item, cancellationToken);
            return null;
        }
        catch (StoreUnavailableException away)
        {
            return Problem.StoreAway(away);
        }
    }

    private async Task<bool> WriteAsync(ExperimentRuntime runtime, string id, CatalogueEntry? item, CancellationToken cancellationToken)
    {
        var catalogue = runtime.Catalogue;
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        item = item is null ? null : item with { FirstPut = catalogue.Find(id)?.FirstPut ?? now };
        var logged = item?.ToLogged();
        var existed = catalogue.Expect(id, logged is { } bytes ? bytes.Span : default, now);
        try
        {
            await log.PublishItemAsync(runtime.Name, id, logged, cancellationToken);
        }
        catch
        {
            catalogue.ForgetExpected(id);
            throw;
        }
        if (catalogue.ApplyOwn(id, item, now))
            runtime.Metrics.Takedowns.Inc();
        index.Signal();
        return existed;
    }

    private static int VectorLength(ExperimentRuntime runtime) => runtime.Experiment.Definition.Features.ActionVector;

    // Whoever has written an item wants to see it decided on; waiting for the graph is cheaper than explaining why not.
    private static Task<Task> BuiltAsync(ExperimentRuntime runtime) =>
        Task.WhenAny(runtime.Catalogue.NextBuild, Task.Delay(BuildWaitMax));

    private static Problem UnknownItem(ExperimentRuntime runtime, string id) => new(ProblemTypes.UnknownItem, $"No item '{id}' in the catalogue of '{runtime.Name}'.");
}
