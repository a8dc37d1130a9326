using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Problems;
using Recsys.Api.Security;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;

namespace Recsys.Api.Feedback;

/// <summary>HTTP in, log out: rewards and activations are checked, made durable and answered with 202; the learner gives them meaning.</summary>
public static class FeedbackEndpoints
{
    /// <summary>Maps them.</summary>
    public static void MapFeedback(this IEndpointRouteBuilder routes)
    {
        const string Decision = "/v1/experiments/{experiment}/decisions/{decisionId}";
        routes.MapPost(Decision + "/reward", RewardAsync).Needs(ApiRole.Reward).WithTags("Feedback")
            .WithSummary("The reward of a decision: { \"value\": 1, \"action\"? }. 202 once it is durable.");
        routes.MapPost(Decision + "/activate", ActivateAsync).Needs(ApiRole.Reward).WithTags("Feedback")
            .WithSummary("A decision made with activate: false was really shown.");
        routes.MapPost("/v1/experiments/{experiment}/rewards", RewardsAsync).Needs(ApiRole.Reward).WithTags("Feedback")
            .WithSummary("Many rewards: { \"rewards\": [ { \"decisionId\", \"value\", \"action\"?, \"time\"? } ] }, one result per entry.");
    }

    private static async Task<IResult> RewardAsync(
        HttpContext context, string experiment, string decisionId, ExperimentRegistry registry, IEventPublisher events, DecisionOptions options, TimeProvider time)
    {
        var runtime = registry.Get(experiment);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        using var document = JsonBody.Parse(body.Bytes);
        var reward = Read(document.RootElement, runtime, time, Id(decisionId));
        await PublishAsync(experiment, reward, events, context.RequestAborted);
        return Results.StatusCode(StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> ActivateAsync(
        HttpContext context, string experiment, string decisionId, ExperimentRegistry registry, IEventPublisher events, TimeProvider time)
    {
        registry.Get(experiment);
        var id = Id(decisionId);
        var buffer = new ArrayBufferWriter<byte>();
        BinaryEventCodec.WriteActivation(buffer, new ActivationEvent(id, time.GetUtcNow().ToUnixTimeMilliseconds()));
        await events.PublishAsync(experiment, id, buffer.WrittenMemory, context.RequestAborted);
        return Results.StatusCode(StatusCodes.Status202Accepted);
    }

    private static async Task RewardsAsync(
        HttpContext context, string experiment, ExperimentRegistry registry, IEventPublisher events, DecisionOptions options, TimeProvider time)
    {
        var runtime = registry.Get(experiment);
        using var body = await RequestBody.ReadAsync(context, options.BodyBytesMax);
        using var document = JsonBody.Parse(body.Bytes);
        var results = new List<object>();
        var writes = new List<Task>();
        foreach (var entry in JsonBody.Entries(document.RootElement, "rewards", options.BatchMax))
        {
            try
            {
                var reward = Read(entry, runtime, time, decisionId: null);
                writes.Add(PublishAsync(experiment, reward, events, context.RequestAborted));
                results.Add(new { decisionId = reward.DecisionId, status = StatusCodes.Status202Accepted });
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

    private static Task PublishAsync(string experiment, RewardEvent reward, IEventPublisher events, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>();
        BinaryEventCodec.WriteReward(buffer, reward);
        return events.PublishAsync(experiment, reward.DecisionId, buffer.WrittenMemory, cancellationToken);
    }

    private static RewardEvent Read(JsonElement json, ExperimentRuntime runtime, TimeProvider time, string? decisionId)
    {
        var errors = new List<KeyValuePair<string, string>>();
        if (json.ValueKind != JsonValueKind.Object)
            throw ApiProblem.Invalid([new("$", "A reward is an object with a 'value'.")]);
        var rule = runtime.Experiment.Definition.Reward;
        double? value = null;
        string? action = null, eventId = null;
        var at = time.GetUtcNow();
        foreach (var field in json.EnumerateObject())
        {
            switch (field.Name)
            {
                case "value":
                    if (field.Value.ValueKind == JsonValueKind.Number && field.Value.TryGetDouble(out var number) && number >= rule.Minimum && number <= rule.Maximum)
                        value = number;
                    else
                        errors.Add(new("value", $"Give a number from {rule.Minimum.ToString(CultureInfo.InvariantCulture)} to {rule.Maximum.ToString(CultureInfo.InvariantCulture)}, as the experiment's reward rule says; not {Short(field.Value)}."));
                    break;
                case "action":
                    action = Text(field, errors);
                    break;
                case "eventId":
                    eventId = Text(field, errors);
                    break;
                case "decisionId" when decisionId is null:
                    decisionId = Text(field, errors);
                    break;
                case "time" when field.Value.ValueKind == JsonValueKind.Null:
                    break;
                case "time":
                    if (field.Value.ValueKind != JsonValueKind.String
                        || !DateTimeOffset.TryParse(field.Value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at))
                        errors.Add(new("time", "Give an RFC 3339 time, for example \"2026-01-31T08:00:00Z\"."));
                    break;
                default:
                    errors.Add(new(field.Name, "Unknown field. Known: value, action, eventId, time" + (decisionId is null ? ", decisionId." : ".")));
                    break;
            }
        }
        if (value is null && !errors.Exists(static e => e.Key == "value"))
            errors.Add(new("value", "A reward needs a value."));
        if (decisionId is null && !errors.Exists(static e => e.Key == "decisionId"))
            errors.Add(new("decisionId", "Every reward needs the id of its decision."));
        return errors.Count == 0
            ? new RewardEvent(decisionId!, Math.Max(0, at.ToUnixTimeMilliseconds()), value!.Value, action, eventId)
            : throw ApiProblem.Invalid(errors);
    }

    private static string? Text(JsonProperty field, List<KeyValuePair<string, string>> errors)
    {
        if (field.Value.ValueKind == JsonValueKind.Null)
            return null;
        string? text = null;
        try
        {
            text = field.Value.ValueKind == JsonValueKind.String ? field.Value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair is text to JSON and to nobody else; falls through to the same message.
        }
        if (text is null)
            errors.Add(new(field.Name, "Give text."));
        else if (Identifiers.Problem(text) is { } problem)
            errors.Add(new(field.Name, problem));
        return text;
    }

    private static string Short(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "…";
    }

    private static string Id(string decisionId)
    {
        // Routing leaves an encoded slash as it is.
        var id = decisionId.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return Identifiers.Problem(id) is { } problem ? throw ApiProblem.Invalid([new("decisionId", problem)]) : id;
    }
}
