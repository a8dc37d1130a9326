using System.Text.Json;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;

namespace Recsys.Api.Decisions;

/// <summary>HTTP in, HTTP out for decisions and explanations.</summary>
public static class DecisionEndpoints
{
    /// <summary>Maps them.</summary>
    public static void MapDecisions(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/experiments/{experiment}/decisions", DecideAsync).Needs(ApiRole.Decide).WithTags("Decisions")
            .WithSummary("Decides: draws actions for one user and situation, and logs the decision with its exact propensities.");
        routes.MapPost("/v1/experiments/{experiment}/decisions/batch", DecideBatchAsync).Needs(ApiRole.Decide).WithTags("Decisions")
            .WithSummary("Decides many at once: { \"decisions\": [ … ] }, answered by { \"results\": [ … ] } in the same order.");
        routes.MapPost("/v1/experiments/{experiment}/explain", ExplainAsync).Needs(ApiRole.Decide).WithTags("Decisions")
            .WithSummary("Answers a decision request with every candidate's estimate, width and propensity; logs nothing.");
    }

    private static async Task DecideAsync(HttpContext context, string experiment, ExperimentRegistry registry, DecisionService service, DecisionOptions options)
    {
        var runtime = registry.Get(experiment);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        var work = runtime.Rent();
        try
        {
            Read(body.Bytes.Span, runtime, options, work);
            var outcome = service.Decide(runtime, work);
            context.Response.ContentType = "application/json";
            await using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
            WriteDecision(writer, runtime, work, outcome);
        }
        catch (ApiProblem)
        {
            runtime.Metrics.Rejected.Inc();
            throw;
        }
        finally
        {
            runtime.Return(work);
        }
    }

    private static async Task DecideBatchAsync(HttpContext context, string experiment, ExperimentRegistry registry, DecisionService service, DecisionOptions options)
    {
        var runtime = registry.Get(experiment);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        var work = runtime.Rent();
        try
        {
            using var document = JsonBody.Parse(body.Bytes);
            var entries = JsonBody.Entries(document.RootElement, "decisions", options.BatchMax);
            context.Response.ContentType = "application/json";
            await using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
            writer.WriteStartObject();
            writer.WriteStartArray("results");
            foreach (var entry in entries)
            {
                try
                {
                    Read(System.Text.Encoding.UTF8.GetBytes(entry.GetRawText()), runtime, options, work);
                    WriteDecision(writer, runtime, work, service.Decide(runtime, work));
                }
                catch (ApiProblem problem)
                {
                    runtime.Metrics.Rejected.Inc();
                    JsonSerializer.Serialize(writer, problem.ToDocument(ProblemMiddleware.TraceId(context)));
                }
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        finally
        {
            runtime.Return(work);
        }
    }

    private static async Task ExplainAsync(HttpContext context, string experiment, ExperimentRegistry registry, DecisionService service, DecisionOptions options)
    {
        var runtime = registry.Get(experiment);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        var work = runtime.Rent();
        try
        {
            Read(body.Bytes.Span, runtime, options, work);
            var (means, widths, propensities, fallback, version) = service.Explain(runtime, work);
            context.Response.ContentType = "application/json";
            await using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
            writer.WriteStartObject();
            writer.WriteString("experiment", runtime.Experiment.Name);
            writer.WriteString("policy", runtime.Experiment.Definition.Policy.Kind);
            writer.WriteNumber("policyVersion", version);
            writer.WriteNumber("parameterAgeSeconds", service.Age(runtime));
            writer.WriteString("fallback", fallback);
            writer.WriteStartArray("rules");
            if (work.Excluded.Count > 0)
                writer.WriteStringValue("excludedActions");
            if (runtime.Experiment.Definition.Policy.MinimumPropensity > 0)
                writer.WriteStringValue("minimumPropensity");
            if (runtime.Experiment.Definition.Mode != Infrastructure.Experiments.ExperimentMode.Online)
                writer.WriteStringValue(runtime.Experiment.Definition.Mode == Infrastructure.Experiments.ExperimentMode.Apprentice ? "apprentice" : "logging");
            writer.WriteEndArray();
            writer.WriteStartArray("actions");
            for (var i = 0; i < means.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteString("id", work.Candidates[i].Id.Span);
                writer.WriteNumber("estimate", means[i]);
                writer.WriteNumber("width", widths[i]);
                writer.WriteNumber("memoryCorrection", 0);
                writer.WriteNumber("propensity", propensities[i]);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        finally
        {
            runtime.Return(work);
        }
    }

    private static void Read(ReadOnlySpan<byte> json, ExperimentRuntime runtime, DecisionOptions options, DecisionWorkspace work)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            DecisionRequestReader.Read(ref reader, runtime.Experiment.Definition, options.CandidatesMax, work);
            if (reader.Read())
                throw new JsonException("There is more after the end of the object.");
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            throw JsonBody.Malformed(problem);
        }
        if (work.Errors.Count > 0)
            throw ApiProblem.Invalid(work.Errors);
    }

    private static void WriteDecision(Utf8JsonWriter writer, ExperimentRuntime runtime, DecisionWorkspace work, in DecisionOutcome outcome)
    {
        writer.WriteStartObject();
        writer.WriteString("decisionId", work.DecisionId.Span);
        writer.WriteString("experiment", runtime.Experiment.Name);
        writer.WriteString("policy", runtime.Experiment.Definition.Policy.Kind);
        writer.WriteNumber("policyVersion", outcome.PolicyVersion);
        writer.WriteNumber("parameterAgeSeconds", outcome.ParameterAgeSeconds);
        writer.WriteString("fallback", outcome.Fallback);
        if (!outcome.Logged)
            writer.WriteBoolean("logged", false);
        writer.WriteStartArray("actions");
        foreach (var slot in work.Slots.AsSpan(0, outcome.Positions))
        {
            writer.WriteStartObject();
            writer.WriteString("id", work.Candidates[slot.Action].Id.Span);
            writer.WriteNumber("propensity", slot.Propensity);
            writer.WriteNumber("estimate", work.Means[slot.Action]);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
