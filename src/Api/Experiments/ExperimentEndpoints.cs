using Recsys.Api.Catalogue;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Serialization;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Experiments;

/// <summary>Experiments over HTTP: create, read, replace, forget.</summary>
public sealed class ExperimentEndpoints(
    ExperimentRegistry registry, ExperimentChanges changes, IExperimentStore store, IEventPublisher log, CatalogueIndex catalogues, TimeProvider clock)
{
    /// <summary>A definition is a page of settings.</summary>
    private const int DefinitionBytesMax = 256 << 10;

    /// <summary>Maps the addresses.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<ExperimentEndpoints>();
        routes.MapGet("/v1/experiments", endpoints.ListAsync).Needs(ApiRoles.Decide | ApiRoles.Reward);
        routes.MapGet("/v1/experiments/{experiment}", endpoints.GetAsync).Needs(ApiRoles.Decide | ApiRoles.Reward);
        routes.MapPut("/v1/experiments/{experiment}", endpoints.PutAsync).Needs(ApiRoles.Admin);
        routes.MapDelete("/v1/experiments/{experiment}", endpoints.DeleteAsync).Needs(ApiRoles.Admin);
        routes.MapGet("/v1/experiments/{experiment}/evaluation", endpoints.EvaluateAsync).Needs(ApiRoles.Decide);
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private Task ListAsync(HttpContext context) => JsonResponse.WriteAsync(
        context.Response, JsonResponse.ContentType, (registry.All, Now), static (json, state) =>
        {
            json.WriteStartObject();
            json.WriteStartArray("experiments"u8);
            foreach (var runtime in state.All.Values.OrderBy(static r => r.Name, StringComparer.Ordinal))
                ExperimentResponse.Write(json, runtime, state.Now);
            json.WriteEndArray();
            json.WriteEndObject();
        });

    private Task GetAsync(HttpContext context) =>
        registry.Find(Name(context)) is { } runtime ? WriteAsync(context, runtime) : ProblemWriter.WriteAsync(context, Problem.UnknownExperiment(Name(context)));

    private async Task PutAsync(HttpContext context)
    {
        var name = Name(context);
        if (!Ids.IsExperimentName(name))
        {
            await ProblemWriter.WriteAsync(context, Problem.Invalid(
                "experiment", "A name has 1 to 63 characters of a to z, 0 to 9 and '-', and starts with a letter or digit."));
            return;
        }
        var body = new RequestBody();
        if (await body.ReadAsync(context.Request, DefinitionBytesMax) is { } unreadable)
        {
            await ProblemWriter.WriteAsync(context, unreadable);
            return;
        }
        if (JsonFields.Parse(body.Bytes, out var malformed) is not { } document)
        {
            await ProblemWriter.WriteAsync(context, malformed!);
            return;
        }
        document.Dispose();
        var errors = new List<KeyValuePair<string, string>>();
        if (ExperimentDefinitionReader.Read(body.Bytes, errors) is not { } definition)
        {
            await ProblemWriter.WriteAsync(context, Problem.Invalid(errors));
            return;
        }
        // Two clients that create the same experiment must agree on when it was created.
        using (await changes.EnterAsync(context.RequestAborted))
        {
            var known = registry.Find(name)?.Experiment;
            // Centroids of another length can never match a context, or an item, again.
            var graph = known?.Graph ?? GraphHead.None;
            if (catalogues.Of(name).Plan is { Plan.Centroids: [var first, ..] } plan && plan.Head == graph && !ClustersRequest.Fits(first.Length, definition.Features))
                graph = graph.WithoutPlan();
            var experiment = new Experiment(name, definition, known?.CreatedAt ?? Now, graph);
            await log.EnsureLogAsync(name, context.RequestAborted);
            await store.PutAsync(experiment, context.RequestAborted);
            var runtime = registry.Put(experiment);
            context.Response.StatusCode = known is null ? StatusCodes.Status201Created : StatusCodes.Status200OK;
            if (known is null)
                context.Response.Headers.Location = $"/v1/experiments/{name}";
            await WriteAsync(context, runtime);
        }
    }

    private async Task DeleteAsync(HttpContext context)
    {
        var name = Name(context);
        using (await changes.EnterAsync(context.RequestAborted))
        {
            // Items outlive a process in their own log; without this they would come back with the next experiment of that name.
            if (registry.Find(name) is not null)
                await Task.WhenAll(catalogues.Of(name).Ids.Select(id => log.PublishItemAsync(name, id, null, context.RequestAborted)));
            if (!Ids.IsExperimentName(name) || !await store.DeleteAsync(name, context.RequestAborted))
            {
                await ProblemWriter.WriteAsync(context, Problem.UnknownExperiment(name));
                return;
            }
            registry.Remove(name);
            foreach (var id in catalogues.Of(name).Ids)
                catalogues.Of(name).ApplyOwn(id, null, Now);
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
    }

    private Task EvaluateAsync(HttpContext context) => ProblemWriter.WriteAsync(
        context,
        registry.Find(Name(context)) is null
            ? Problem.UnknownExperiment(Name(context))
            : new Problem(ProblemTypes.NotAvailable, "Off-policy estimates are not part of this version. Every decision is logged with its exact propensity, so the log can be evaluated later."));

    private static string Name(HttpContext context) => (string)context.Request.RouteValues["experiment"]!;

    private Task WriteAsync(HttpContext context, ExperimentRuntime runtime) => JsonResponse.WriteAsync(
        context.Response, JsonResponse.ContentType, (runtime, Now), static (json, state) => ExperimentResponse.Write(json, state.runtime, state.Now));
}
