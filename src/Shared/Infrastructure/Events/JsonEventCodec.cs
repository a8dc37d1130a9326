using System.Globalization;
using System.Text;
using System.Text.Json;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Features;

namespace Recsys.Infrastructure.Events;

/// <summary>The form of events that any producer may write: one JSON object per event, described by the schemas in <c>docs/schemas</c>.</summary>
public static class JsonEventCodec
{
    /// <summary>Reads an event.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="headers">CloudEvents attributes stand in for <c>type</c>, <c>time</c> and <c>eventId</c> where the object has none.</param>
    /// <param name="schema">Shapes of the experiment's features.</param>
    /// <param name="appendedAt">Time of the log, for events that carry none, Unix ms.</param>
    /// <exception cref="EventFormatException">Anything is wrong; the message says what.</exception>
    public static LoggedEvent Read(ReadOnlyMemory<byte> json, in EventHeaders headers, FeatureSchema schema, long appendedAt)
    {
        ArgumentNullException.ThrowIfNull(schema);
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new EventFormatException("The event is not a JSON object.");
            var type = Text(root, "type") ?? headers.CloudEventType ?? throw new EventFormatException("The event has no 'type'.");
            var time = Time(Text(root, "time") ?? headers.CloudEventTime, appendedAt);
            return type switch
            {
                "reward" => new RewardEvent(Id(root, "decisionId"), time, Number(root, "value"), OptionalId(root, "action"), OptionalId(root, "eventId") ?? headers.CloudEventId),
                "activation" => new ActivationEvent(Id(root, "decisionId"), time),
                "decision" => Decision(root, time, schema),
                "tick" => new TickEvent(time),
                _ => throw new EventFormatException($"Unknown event type '{type}'. Known: decision, activation, reward."),
            };
        }
        catch (JsonException problem)
        {
            throw new EventFormatException($"The event is not valid JSON: {problem.Message}", problem);
        }
        catch (InvalidOperationException problem)
        {
            // Text that is no valid UTF-8 or UTF-16.
            throw new EventFormatException($"The event holds text that cannot be read: {problem.Message}", problem);
        }
    }

    private static DecisionEvent Decision(JsonElement root, long time, FeatureSchema schema)
    {
        var context = root.TryGetProperty("context", out var given) && given.ValueKind == JsonValueKind.Object
            ? Features(given, schema.ContextVector, "context")
            : Features(default, schema.ContextVector, "context");
        var actions = new List<LoggedAction>();
        var byId = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var action in List(root, "actions"))
        {
            var id = Id(action, "id");
            if (!byId.TryAdd(id, actions.Count))
                throw new EventFormatException($"Action '{id}' is listed twice.");
            actions.Add(new LoggedAction(id, Features(action, schema.ActionVector, $"action '{id}'")));
        }
        var chosen = new List<ChosenSlot>();
        foreach (var slot in List(root, "chosen"))
        {
            var id = Id(slot, "id");
            if (!byId.TryGetValue(id, out var index))
                throw new EventFormatException($"Action '{id}' was chosen and is not among 'actions'.");
            chosen.Add(new ChosenSlot(index, (float)Number(slot, "propensity")));
        }
        var clusters = new List<ClusterWeight>();
        if (root.TryGetProperty("clusters", out var weights) && weights.ValueKind == JsonValueKind.Array)
        {
            foreach (var weight in weights.EnumerateArray())
                clusters.Add(new ClusterWeight((int)Math.Clamp(Number(weight, "cluster"), -1, int.MaxValue), (float)Number(weight, "weight")));
        }
        if (clusters.Count == 0)
            clusters.Add(new ClusterWeight(0, 1));
        if (clusters.Count > DecisionQuery.ClustersMax)
            throw new EventFormatException($"Decision has {clusters.Count} clusters; at most {DecisionQuery.ClustersMax} are allowed.");
        var version = root.TryGetProperty("policyVersion", out var v) && v.TryGetInt64(out var number) ? number : 0;
        var activated = !root.TryGetProperty("activate", out var activate) || activate.ValueKind != JsonValueKind.False;
        var decision = new DecisionEvent(Id(root, "decisionId"), time, Text(root, "policy") ?? "external", version, activated, context, clusters, actions, chosen);
        BinaryEventCodec.Check(decision);
        return decision;
    }

    private static FeatureSet Features(JsonElement owner, int vector, string what)
    {
        var buffer = new FeatureBuffer();
        if (owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty("features", out var features))
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(features.GetRawText()));
            reader.Read();
            if (FeatureJsonReader.ReadFeatures(ref reader, buffer) is { } problem)
                throw new EventFormatException($"Field 'features' of {what} {problem}");
        }
        if (owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty("vector", out var given))
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(given.GetRawText()));
            reader.Read();
            if (FeatureJsonReader.ReadVector(ref reader, buffer, vector) is { } problem)
                throw new EventFormatException($"Field 'vector' of {what} {problem}");
        }
        else if (vector > 0)
        {
            throw new EventFormatException($"Field 'vector' of {what} must have {vector} numbers.");
        }
        return buffer.Since(0, 0).ToOwned();
    }

    private static JsonElement.ArrayEnumerator List(JsonElement root, string field) =>
        root.TryGetProperty(field, out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray()
            : throw new EventFormatException($"The decision has no array '{field}'.");

    private static string Id(JsonElement at, string field) => OptionalId(at, field) ?? throw new EventFormatException($"The event has no '{field}'.");

    private static string? OptionalId(JsonElement at, string field)
    {
        if (Text(at, field) is not { } id)
            return null;
        return Identifiers.Problem(id) is { } problem ? throw new EventFormatException($"Field '{field}' {problem}") : id;
    }

    private static string? Text(JsonElement at, string field)
    {
        if (at.ValueKind != JsonValueKind.Object)
            throw new EventFormatException($"An object with '{field}' is expected, not {at.ValueKind}.");
        if (!at.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw new EventFormatException($"Field '{field}' must be text.");
    }

    private static double Number(JsonElement at, string field)
    {
        if (at.ValueKind == JsonValueKind.Object && at.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out var number) && double.IsFinite(number))
            return number;
        throw new EventFormatException($"Field '{field}' must be a finite number.");
    }

    private static long Time(string? text, long fallback)
    {
        if (text is null)
            return fallback;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) && time.ToUnixTimeMilliseconds() >= 0)
            return time.ToUnixTimeMilliseconds();
        throw new EventFormatException($"'{text}' is no RFC 3339 time.");
    }
}
