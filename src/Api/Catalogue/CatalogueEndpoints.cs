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

/// <summary>Items and user clusters over HTTP: validated, made durable in the log, applied here at once and everywhere through the log.</summary>
public sealed class CatalogueEndpoints(
    ExperimentRegistry registry, ExperimentChanges changes, CatalogueIndex index, IEventPublisher log, IExperimentStore store, IOptions<DecisionOptions> options,
    TimeProvider clock)
{
    /// <summary>Most items in one bulk request.</summary>
    public const int ItemsMax = 10_000;

    /// <summary>Most user clusters: beyond it the search for the nearest would cost more than the decision.</summary>
    public const int CentroidsMax = 10_000;

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
        group.MapPut("/clusters", endpoints.ClustersAsync).Needs(ApiRoles.Admin);
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
        var existed = catalogue.Expect(id, item is null ? default : item.Json.Span, clock.GetUtcNow().ToUnixTimeMilliseconds());
        try
        {
            await log.PublishItemAsync(runtime.Name, id, item?.Json, cancellationToken);
        }
        catch
        {
            catalogue.ForgetExpected(id);
            throw;
        }
        catalogue.ApplyOwn(id, item);
        index.Signal();
        return existed;
    }

    private async Task ClustersAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var body = new RequestBody();
        var problem = await body.ReadAsync(context.Request, options.Value.BulkBytesMax);
        if (problem is null && JsonFields.Parse(body.Bytes, out problem) is { } document)
        {
            using (document)
            {
                problem = await StoreAsync(runtime.Name, document.RootElement, context.RequestAborted);
            }
        }
        if (problem is null)
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        else
            await ProblemWriter.WriteAsync(context, problem);
    }

    private async Task<Problem?> StoreAsync(string name, JsonElement clusters, CancellationToken cancellationToken)
    {
        ExperimentRuntime runtime;
        using (await changes.EnterAsync(cancellationToken))
        {
            // Found again: while the body was read it may have been deleted, and must stay so, or redefined.
            if (registry.Find(name) is not { } current)
                return Problem.UnknownExperiment(name);
            var errors = new List<KeyValuePair<string, string>>();
            if (Centroids(clusters, current.Experiment.Definition, errors) is not { } centroids)
                return Problem.Invalid(errors);
            var experiment = current.Experiment with { Centroids = centroids };
            await store.PutAsync(experiment, cancellationToken);
            runtime = registry.Put(experiment);
        }
        await BuiltAsync(runtime);
        return null;
    }

    private static List<float[]>? Centroids(JsonElement root, ExperimentDefinition definition, List<KeyValuePair<string, string>> errors)
    {
        if (JsonFields.Array(root, "centroids", CentroidsMax, errors) is not { } rows)
            return null;
        var length = definition.Features.ContextVector;
        if (length == 0 && rows.GetArrayLength() > 0)
            errors.Add(new("centroids", "Users are assigned by their context vector; give the experiment a features.context.vector first."));
        else if (definition.Features.ActionVector is > 0 and var items && items != length)
            errors.Add(new("centroids", $"Users and items meet in one space, so features.context.vector ({length}) and features.action.vector ({items}) must be equal."));
        var centroids = new List<float[]>(rows.GetArrayLength());
        foreach (var row in rows.EnumerateArray())
        {
            if (errors.Count >= 20)
                break;
            var at = $"centroids[{centroids.Count}]";
            var centroid = new float[length];
            centroids.Add(centroid);
            if (row.ValueKind != JsonValueKind.Array || row.GetArrayLength() != length)
            {
                errors.Add(new(at, $"must be an array of {length} numbers, the length of features.context.vector."));
                continue;
            }
            var i = 0;
            foreach (var number in row.EnumerateArray())
            {
                if (number.ValueKind != JsonValueKind.Number || !number.TryGetSingle(out centroid[i]) || !float.IsFinite(centroid[i]))
                {
                    errors.Add(new(at, "must hold finite 32-bit numbers only."));
                    break;
                }
                i++;
            }
        }
        return errors.Count > 0 ? null : centroids;
    }

    private static int VectorLength(ExperimentRuntime runtime) => runtime.Experiment.Definition.Features.ActionVector;

    // Whoever has written an item wants to see it decided on; waiting for the graph is cheaper than explaining why not.
    private static Task<Task> BuiltAsync(ExperimentRuntime runtime) =>
        Task.WhenAny(runtime.Catalogue.NextBuild, Task.Delay(BuildWaitMax));

    private static Problem UnknownItem(ExperimentRuntime runtime, string id) => new(ProblemTypes.UnknownItem, $"No item '{id}' in the catalogue of '{runtime.Name}'.");
}
