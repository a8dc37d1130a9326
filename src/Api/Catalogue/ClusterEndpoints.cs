using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Serialization;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>
/// User clusters, and the edges of a graph that was made offline, over HTTP: validated completely, given lasting cluster ids and a version, stored, and put into service
/// here at once and everywhere through the store.
/// </summary>
public sealed class ClusterEndpoints(
    ExperimentRegistry registry, ExperimentChanges changes, IGraphStore store, IOptions<DecisionOptions> options, ILogger<ClusterEndpoints> log)
    : IDisposable
{
    /// <summary>Bodies above this are large: a few hundred megabytes of memory while they are worked on.</summary>
    private const long LargeBytes = 16 << 20;

    // A graph is built within milliseconds unless the catalogue is large, and then nobody waits for it.
    private static readonly TimeSpan BuildWaitMax = TimeSpan.FromMilliseconds(100);

    // What another process has put or stored is known here within this.
    private static readonly TimeSpan HearsayMax = TimeSpan.FromMilliseconds(500);
    private const int TriesMax = 4;

    private readonly SemaphoreSlim _large = new(1);

    /// <summary>Maps the address.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<ClusterEndpoints>();
        routes.MapPut("/v1/experiments/{experiment}/clusters", endpoints.PutAsync).Needs(ApiRoles.Admin);
    }

    /// <inheritdoc/>
    public void Dispose() => _large.Dispose();

    private async Task PutAsync(HttpContext context)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var large = !(context.Request.ContentLength <= LargeBytes);
        if (large && !await _large.WaitAsync(0, context.RequestAborted))
        {
            await ProblemWriter.WriteAsync(context, new Problem(ProblemTypes.Overloaded, "Another graph is being uploaded to this replica; come back after Retry-After."));
            return;
        }
        try
        {
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
                limit.MaxRequestBodySize = options.Value.GraphBytesMax;
            var body = new RequestBody();
            var problem = await body.ReadAsync(context.Request, options.Value.GraphBytesMax);
            if (problem is null)
                (problem, runtime) = await StoreAsync(runtime, body.Bytes, context.RequestAborted);
            if (problem is not null)
            {
                await ProblemWriter.WriteAsync(context, problem);
                return;
            }
            await Task.WhenAny(runtime.Catalogue.NextBuild, Task.Delay(BuildWaitMax));
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            await JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, runtime.Catalogue.Plan.Plan, static (json, plan) =>
            {
                json.WriteStartObject();
                json.WriteNumber("version"u8, plan.Version);
                json.WriteNumber("clusters"u8, plan.Centroids.Count);
                if (plan.Rows is { } rows)
                    json.WriteNumber("edges"u8, rows.Sum(static row => (long)row.Count));
                json.WriteEndObject();
            });
        }
        finally
        {
            if (large)
                _large.Release();
        }
    }

    private async Task<(Problem? Problem, ExperimentRuntime Runtime)> StoreAsync(ExperimentRuntime runtime, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            // Looked up again: while the body was read it may have been deleted, and must stay so, or redefined.
            if (registry.Find(runtime.Name) is not { } current)
                return (Problem.UnknownExperiment(runtime.Name), runtime);
            runtime = current;
            var (problem, stored) = await TryAsync(current, body, attempt, cancellationToken);
            if (problem is not null || stored is not null)
                return (problem, stored ?? current);
            if (attempt == TriesMax)
                return (new Problem(ProblemTypes.Conflict, "Others keep changing this experiment's graph or definition. Nothing was accepted; look at it and send again."), current);
            await Task.Delay(HearsayMax, cancellationToken);
        }
    }

    /// <returns>A problem, or the experiment on its new graph, or neither: it is another one meanwhile.</returns>
    private async Task<(Problem? Problem, ExperimentRuntime? Stored)> TryAsync(
        ExperimentRuntime runtime, ReadOnlyMemory<byte> body, int attempt, CancellationToken cancellationToken)
    {
        var (before, features) = (runtime.Experiment.Graph, runtime.Experiment.Definition.Features);
        var errors = new List<KeyValuePair<string, string>>();
        ClustersRequest? request;
        bool onlyUnknownItems;
        try
        {
            request = ClustersRequest.Read(body.Span, features, runtime.Catalogue.Keys(), errors, out onlyUnknownItems);
        }
        catch (JsonException malformed)
        {
            return (JsonFields.Malformed(malformed), null);
        }
        // Items that another process has just taken are on their way.
        if (request is null)
            return (onlyUnknownItems && attempt == 1 ? null : Problem.Invalid(errors), null);

        var earlier = await EarlierAsync(runtime, cancellationToken);
        var (ids, next) = ClusterIdentity.Continue(earlier.Centroids, earlier.ClusterIds, request.Centroids, before.NextCluster);
        var plan = new GraphPlan(before.Version + 1, request.Centroids, ids, request.Rows);
        var (blob, checksum) = GraphPlanCodec.Write(plan);
        var head = new GraphHead(plan.Version, checksum, next);
        using (await changes.EnterAsync(cancellationToken))
        {
            if (registry.Find(runtime.Name) is not { } current)
                return (Problem.UnknownExperiment(runtime.Name), null);
            var experiment = current.Experiment with { Graph = head };
            if (current.Experiment.CreatedAt != runtime.Experiment.CreatedAt || current.Experiment.Graph != before || current.Experiment.Definition.Features != features
                || !await store.PutAsync(experiment, blob, cancellationToken))
                return (null, null);
            current.Catalogue.Bring(head, plan);
            var continued = ids.Count(id => id < before.NextCluster);
            log.GraphAccepted(runtime.Name, plan.Version, ids.Length, continued, request.Edges, blob.Length);
            return (null, registry.Put(experiment));
        }
    }

    /// <summary>The plan that is replaced; without one that can be read, no cluster continues another.</summary>
    private async Task<GraphPlan> EarlierAsync(ExperimentRuntime runtime, CancellationToken cancellationToken)
    {
        var wanted = runtime.Experiment.Graph;
        if (!wanted.HasPlan)
            return GraphPlan.None;
        var (head, plan) = runtime.Catalogue.Plan;
        if (head == wanted && plan.Version == wanted.Version)
            return plan;
        try
        {
            if (await store.FetchAsync(runtime.Name, wanted, cancellationToken) is { } blob && GraphPlanCodec.IsIntact(blob.Span, wanted.Checksum))
                return GraphPlanCodec.Read(blob.Span);
        }
        catch (SnapshotFormatException problem)
        {
            log.GraphRefused(runtime.Name, wanted.Version, problem.Message);
        }
        return GraphPlan.None;
    }
}
