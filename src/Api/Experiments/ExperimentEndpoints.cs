using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Recsys.Api.Decisions;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Experiments;

/// <summary>HTTP in, HTTP out for experiments and their user clusters.</summary>
public static partial class ExperimentEndpoints
{
    private const int CentroidsMax = 100_000;

    /// <summary>Maps them.</summary>
    public static void MapExperiments(this IEndpointRouteBuilder routes)
    {
        routes.MapPut("/v1/experiments/{experiment}", PutAsync).Needs(ApiRole.Admin).WithTags("Experiments")
            .WithSummary("Creates or replaces an experiment. {} is a valid definition.");
        routes.MapGet("/v1/experiments", List).Needs(ApiRole.Decide).WithTags("Experiments").WithSummary("All experiments with their live state.");
        routes.MapGet("/v1/experiments/{experiment}", Get).Needs(ApiRole.Decide).WithTags("Experiments").WithSummary("One experiment with its live state.");
        routes.MapDelete("/v1/experiments/{experiment}", DeleteAsync).Needs(ApiRole.Admin).WithTags("Experiments").WithSummary("Stops and forgets an experiment.");
        routes.MapPut("/v1/experiments/{experiment}/clusters", PutClustersAsync).Needs(ApiRole.Admin).WithTags("Catalogue")
            .WithSummary("Replaces the user-cluster centroids: { \"centroids\": [[…], …] }; the graph is rebuilt.");
        routes.MapGet("/v1/experiments/{experiment}/evaluation", Evaluation).Needs(ApiRole.Decide).WithTags("Experiments")
            .WithSummary("Off-policy estimates; answered with 501 in this version.");
    }

    /// <summary>The state of an experiment as clients see it.</summary>
    public static JsonObject Describe(ExperimentRuntime runtime, DecisionService service)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(service);
        var definition = runtime.Experiment.Definition;
        var version = runtime.Slot.Current.Policy?.Descriptor.Version ?? 0;
        var state = new JsonObject
        {
            ["experiment"] = runtime.Experiment.Name,
            ["definition"] = JsonNode.Parse(definition.Json),
            ["policy"] = definition.Policy.Kind,
            ["policyVersion"] = version,
            ["interactions"] = version,
            ["parameterAgeSeconds"] = service.Age(runtime),
            ["actions"] = runtime.Items.Count,
            ["mode"] = definition.Mode.ToString().ToLowerInvariant(),
            ["createdAt"] = DateTimeOffset.FromUnixTimeMilliseconds(runtime.Experiment.CreatedAt).ToString("O"),
        };
        if (definition.Warnings.Count > 0)
            state["warnings"] = new JsonArray([.. definition.Warnings.Select(static w => (JsonNode)w)]);
        return state;
    }

    private static async Task PutAsync(
        HttpContext context, string experiment, ExperimentRegistry registry, IExperimentStore store, IEventPublisher events, DecisionService service, DecisionOptions options, TimeProvider time)
    {
        if (!NamePattern().IsMatch(experiment))
            throw ApiProblem.Invalid([new("experiment", "A name has 1 to 63 of a-z, 0-9 and '-', and does not begin with '-'.")]);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(body.Bytes.ToArray(), errors);
        if (definition is null)
            throw errors.Exists(static e => e.Key == "$" && e.Value.StartsWith("The body is not valid JSON", StringComparison.Ordinal))
                ? new ApiProblem(ProblemTypes.Malformed, errors[0].Value)
                : ApiProblem.Invalid(errors);
        var before = registry.Find(experiment)?.Experiment;
        var centroids = before?.Centroids is { Count: > 0 } kept && kept[0].Length == definition.Features.ContextVector ? kept : [];
        var now = new Experiment(experiment, definition, before?.CreatedAt ?? time.GetUtcNow().ToUnixTimeMilliseconds(), centroids);
        await events.EnsureLogAsync(experiment, context.RequestAborted);
        await store.PutAsync(now, context.RequestAborted);
        registry.Apply(now);
        context.Response.StatusCode = before is null ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        context.Response.Headers.Location = $"/v1/experiments/{experiment}";
        await context.Response.WriteAsJsonAsync(Describe(registry.Get(experiment), service));
    }

    private static JsonObject List(ExperimentRegistry registry, DecisionService service) =>
        new() { ["experiments"] = new JsonArray([.. registry.All.Select(r => (JsonNode)Describe(r, service))]) };

    private static JsonObject Get(string experiment, ExperimentRegistry registry, DecisionService service) => Describe(registry.Get(experiment), service);

    private static async Task<IResult> DeleteAsync(string experiment, ExperimentRegistry registry, IExperimentStore store, CancellationToken cancellationToken)
    {
        registry.Get(experiment);
        await store.DeleteAsync(experiment, cancellationToken);
        registry.Forget(experiment);
        return Results.NoContent();
    }

    private static async Task<IResult> PutClustersAsync(HttpContext context, string experiment, ExperimentRegistry registry, IExperimentStore store, DecisionOptions options)
    {
        var runtime = registry.Get(experiment);
        var length = runtime.Experiment.Definition.Features.ContextVector;
        using var body = await RequestBody.ReadAsync(context, 64 * options.BodyBytesMax);
        using var document = JsonBody.Parse(body.Bytes);
        var errors = new List<KeyValuePair<string, string>>();
        var centroids = new List<float[]>();
        foreach (var row in JsonBody.Entries(document.RootElement, "centroids", CentroidsMax))
        {
            var path = $"centroids[{centroids.Count}]";
            var values = row.ValueKind == JsonValueKind.Array
                ? row.EnumerateArray().Select(static v => v.ValueKind == JsonValueKind.Number && v.TryGetSingle(out var f) ? f : float.NaN).ToArray()
                : [];
            if (values.Length != length || length == 0)
                errors.Add(new(path, $"A centroid has as many numbers as features.context.vector says ({length}), not {values.Length}."));
            else if (!Array.TrueForAll(values, float.IsFinite))
                errors.Add(new(path, "A centroid holds finite numbers only."));
            centroids.Add(values);
        }
        if (errors.Count > 0)
            throw ApiProblem.Invalid(errors);
        var changed = runtime.Experiment with { Centroids = centroids };
        await store.PutAsync(changed, context.RequestAborted);
        registry.Apply(changed);
        return Results.Json(new { clusters = centroids.Count }, statusCode: StatusCodes.Status202Accepted);
    }

    private static void Evaluation(string experiment, ExperimentRegistry registry)
    {
        registry.Get(experiment);
        throw new ApiProblem(ProblemTypes.NotAvailable, "Off-policy evaluation is not part of this version. Every decision is logged with its propensity, so it can be done later on what is logged now.");
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,62}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex NamePattern();
}
