using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Api.Serialization;

namespace Recsys.Api.Decisions;

/// <summary>HTTP to domain and back for decisions; the only file of this folder that knows <see cref="HttpContext"/>.</summary>
public sealed class DecisionEndpoints(
    ExperimentRegistry registry, DecisionService service, WorkspacePool pool, IOptions<DecisionOptions> options, TimeProvider clock)
{
    private readonly DecisionOptions _options = options.Value;

    /// <summary>Maps the addresses.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<DecisionEndpoints>();
        var group = routes.MapGroup("/v1/experiments/{experiment}").Needs(ApiRoles.Decide).RequireRateLimiting(LoadShedding.Policy);
        group.MapPost("/decisions", endpoints.DecideAsync);
        group.MapPost("/decisions/batch", endpoints.DecideBatchAsync);
        group.MapPost("/explain", endpoints.ExplainAsync);
    }

    private Task DecideAsync(HttpContext context) => RunAsync(context, Asked.Decision);

    private Task DecideBatchAsync(HttpContext context) => RunAsync(context, Asked.Batch);

    private Task ExplainAsync(HttpContext context) => RunAsync(context, Asked.Explanation);

    private async Task RunAsync(HttpContext context, Asked asked)
    {
        if (await registry.FindAsync(context) is not { } runtime)
            return;
        var workspace = pool.Rent();
        try
        {
            var problem = await workspace.Body.ReadAsync(context.Request, asked == Asked.Batch ? _options.BulkBytesMax : _options.BodyBytesMax);
            workspace.ClearAnswer();
            problem ??= asked == Asked.Batch
                ? AnswerBatch(runtime, workspace, ProblemWriter.TraceId(context), context.RequestAborted)
                : Answer(runtime, workspace, workspace.Body.Bytes.Span, asked == Asked.Explanation);
            if (problem is not null)
            {
                runtime.Metrics.Rejected.Inc();
                await ProblemWriter.WriteAsync(context, problem);
                return;
            }
            workspace.Json.Flush();
            await JsonResponse.WriteAsync(context.Response, JsonResponse.ContentType, workspace.Answer.WrittenMemory);
        }
        finally
        {
            pool.Return(workspace);
        }
    }

    private Problem? AnswerBatch(ExperimentRuntime runtime, DecisionWorkspace workspace, string traceId, CancellationToken cancellationToken)
    {
        if (JsonFields.Parse(workspace.Body.Bytes, out var problem) is not { } document)
            return problem;
        using (document)
        {
            var errors = new List<KeyValuePair<string, string>>();
            if (JsonFields.Array(document.RootElement, "decisions", _options.BatchMax, errors) is not { } entries)
                return Problem.Invalid(errors);
            workspace.Json.WriteStartObject();
            workspace.Json.WriteStartArray("results"u8);
            foreach (var entry in entries.EnumerateArray())
            {
                // Nobody waits for the rest any more.
                cancellationToken.ThrowIfCancellationRequested();
                if (Answer(runtime, workspace, System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(entry), explain: false) is { } wrong)
                {
                    runtime.Metrics.Rejected.Inc();
                    ProblemWriter.WriteObject(workspace.Json, wrong, traceId);
                }
            }
            workspace.Json.WriteEndArray();
            workspace.Json.WriteEndObject();
            return null;
        }
    }

    private Problem? Answer(ExperimentRuntime runtime, DecisionWorkspace workspace, ReadOnlySpan<byte> json, bool explain)
    {
        try
        {
            DecisionRequestReader.Read(json, runtime.Experiment.Definition, _options, workspace);
        }
        catch (JsonException malformed)
        {
            return JsonFields.Malformed(malformed);
        }
        if (workspace.Errors.Count > 0)
            return Problem.Invalid(workspace.Errors);
        var started = Stopwatch.GetTimestamp();
        if (workspace.DecisionId.IsEmpty)
        {
            // Version 7: ids of one time lie together in whatever stores them.
            Span<byte> id = stackalloc byte[32];
            Guid.CreateVersion7(clock.GetUtcNow()).TryFormat(id, out _, "N");
            workspace.SetDecisionId(id);
        }
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var outcome = explain ? service.Explain(runtime, workspace, now) : service.Decide(runtime, workspace, now);
        if (!outcome.IsDecided)
            return NoActions(runtime, workspace);
        if (explain)
        {
            DecisionResponse.WriteExplanation(workspace.Json, runtime, workspace, outcome);
            return null;
        }
        DecisionResponse.Write(workspace.Json, runtime, workspace, outcome);
        runtime.Metrics.Duration.Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return null;
    }

    private static Problem NoActions(ExperimentRuntime runtime, DecisionWorkspace workspace) => new(ProblemTypes.NoActions, workspace switch
    {
        { ListedCount: > 0, ExcludedCount: > 0 } => $"All {workspace.ListedCount} candidates are excluded.",
        _ when runtime.Experiment.Definition.Candidates == Infrastructure.Experiments.CandidateSource.Catalogue =>
            runtime.Catalogue.Count == 0
                ? $"The catalogue is empty. Add items with PUT /v1/experiments/{runtime.Name}/items/{{item}}."
                : "The catalogue proposes nothing for this request: no item near this user is available now, or none of those is among the listed actions.",
        { HasActions: true } => "'actions' is empty.",
        _ => "List the actions to choose from in 'actions', or let the experiment take them from its catalogue (candidates: \"catalogue\").",
    });

    private enum Asked
    {
        Decision,
        Explanation,
        Batch,
    }
}
