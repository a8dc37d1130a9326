using System.Text;
using System.Text.Json;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Infrastructure.Events;

namespace Recsys.Api.Catalogue;

/// <summary>HTTP in, HTTP out for catalogue items.</summary>
public static class ItemEndpoints
{
    /// <summary>Maps them.</summary>
    public static void MapItems(this IEndpointRouteBuilder routes)
    {
        const string Item = "/v1/experiments/{experiment}/items/{item}";
        routes.MapPut(Item, PutAsync).Needs(ApiRole.Admin).WithTags("Catalogue").WithSummary("Adds or replaces one item.");
        routes.MapGet(Item, Get).Needs(ApiRole.Decide).WithTags("Catalogue").WithSummary("One item.");
        routes.MapDelete(Item, DeleteAsync).Needs(ApiRole.Admin).WithTags("Catalogue").WithSummary("Removes one item.");
        routes.MapPost("/v1/experiments/{experiment}/items", PostAsync).Needs(ApiRole.Admin).WithTags("Catalogue")
            .WithSummary("Adds or replaces many items: { \"items\": [ { \"id\", … } ] }, one result per entry.");
    }

    private static async Task<IResult> PutAsync(HttpContext context, string experiment, string item, ExperimentRegistry registry, IEventPublisher events, DecisionOptions options)
    {
        var runtime = registry.Get(experiment);
        var id = Id(item);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        var json = body.Bytes.ToArray();
        Check(json, runtime, bulk: false);
        var added = await StoreAsync(runtime, id, json, events, context.RequestAborted);
        return Results.Bytes(json, "application/json").WithStatus(added ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static IResult Get(string experiment, string item, ExperimentRegistry registry)
    {
        var id = Id(item);
        return registry.Get(experiment).Items.Find(id) is { } json ? Results.Bytes(json, "application/json") : throw Unknown(id);
    }

    private static async Task<IResult> DeleteAsync(string experiment, string item, ExperimentRegistry registry, IEventPublisher events, CancellationToken cancellationToken)
    {
        var runtime = registry.Get(experiment);
        var id = Id(item);
        if (runtime.Items.Find(id) is null)
            throw Unknown(id);
        await events.PublishItemAsync(experiment, id, null, cancellationToken);
        runtime.Items.Set(id, null);
        return Results.NoContent();
    }

    private static async Task PostAsync(HttpContext context, string experiment, ExperimentRegistry registry, IEventPublisher events, DecisionOptions options)
    {
        var runtime = registry.Get(experiment);
        using var body = await RequestBody.ReadAsync(context, 16 * options.BodyBytesMax);
        using var document = JsonBody.Parse(body.Bytes);
        var results = new List<object>();
        var writes = new List<Task>();
        foreach (var entry in JsonBody.Entries(document.RootElement, "items", options.BatchMax))
        {
            try
            {
                if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("id", out var given) || given.ValueKind != JsonValueKind.String)
                    throw ApiProblem.Invalid([new("id", "Every item needs an id.")]);
                var id = given.GetString()!;
                if (Identifiers.Problem(id) is { } wrong)
                    throw ApiProblem.Invalid([new("id", wrong)]);
                var json = Encoding.UTF8.GetBytes(entry.GetRawText());
                Check(json, runtime, bulk: true);
                var fields = System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject();
                fields.Remove("id");
                writes.Add(StoreAsync(runtime, id, Encoding.UTF8.GetBytes(fields.ToJsonString()), events, context.RequestAborted));
                results.Add(new { id, status = StatusCodes.Status202Accepted });
            }
            catch (ApiProblem problem)
            {
                results.Add(problem.ToDocument(ProblemMiddleware.TraceId(context)));
            }
        }
        await Task.WhenAll(writes);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        await context.Response.WriteAsJsonAsync(new { results });
    }

    private static async Task<bool> StoreAsync(ExperimentRuntime runtime, string id, byte[] json, IEventPublisher events, CancellationToken cancellationToken)
    {
        await events.PublishItemAsync(runtime.Experiment.Name, id, json, cancellationToken);
        // At once here, so that whoever wrote it reads it; other replicas learn of it from the log.
        return runtime.Items.Set(id, json);
    }

    private static void Check(byte[] json, ExperimentRuntime runtime, bool bulk)
    {
        var errors = new List<KeyValuePair<string, string>>();
        if (ItemReader.Read(json, runtime.Experiment.Definition.Features, errors, bulk) is null)
            throw errors[0].Key == "$" && errors[0].Value.StartsWith("is not valid JSON", StringComparison.Ordinal)
                ? new ApiProblem(ProblemTypes.Malformed, $"The body {errors[0].Value}")
                : ApiProblem.Invalid(errors);
    }

    private static string Id(string item)
    {
        var id = item.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return Identifiers.Problem(id) is { } problem ? throw ApiProblem.Invalid([new("item", problem)]) : id;
    }

    private static ApiProblem Unknown(string item) => new(ProblemTypes.UnknownItem, $"There is no item '{item}'. Add it with PUT to this address.");

    private static StatusResult WithStatus(this IResult result, int status) => new StatusResult(result, status);

    private sealed class StatusResult(IResult inner, int status) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            return inner.ExecuteAsync(httpContext);
        }
    }
}
