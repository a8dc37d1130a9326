using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Features;

namespace Recsys.Infrastructure.Events;

/// <summary>
/// The form of events that any producer may write: one JSON object per event, described by the schemas in <c>docs/schemas</c>. Fields that are not
/// known are passed over, so that producers may add their own; a field that is null counts as not given.
/// </summary>
public static class JsonEventCodec
{
    /// <summary>Reads an event; everything it keeps is copied out of <paramref name="json"/>.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="headers">CloudEvents attributes stand in for <c>type</c>, <c>time</c> and <c>eventId</c> where the object has none.</param>
    /// <param name="schema">Shapes of the experiment's features.</param>
    /// <param name="appendedAt">Time of the log, for events that carry none, Unix ms.</param>
    /// <exception cref="EventFormatException">Anything is wrong; the message says what.</exception>
    public static LoggedEvent Read(ReadOnlyMemory<byte> json, in EventHeaders headers, FeatureSchema schema, long appendedAt)
    {
        ArgumentNullException.ThrowIfNull(schema);
        if (!Utf8.IsValid(json.Span))
            throw new EventFormatException("The event is not valid UTF-8.");
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new EventFormatException("The event is not a JSON object.");
            var type = Text(root, "type") ?? LastSegment(headers.CloudEventType) ?? throw new EventFormatException("The event has no 'type'.");
            var time = Time(Text(root, "time") ?? headers.CloudEventTime, appendedAt);
            return type switch
            {
                "decision" => Decision(root, time, schema),
                "activation" => new ActivationEvent(Id(root, "decisionId"), time),
                "reward" => new RewardEvent(
                    Id(root, "decisionId"), time, Number(root, "value"), OptionalId(root, "action"), OptionalId(root, "eventId") ?? CloudEventId(headers)),
                _ => throw new EventFormatException($"Unknown event type '{Shown(type)}'. Known: decision, activation, reward."),
            };
        }
        catch (JsonException problem)
        {
            throw new EventFormatException($"The event is not valid JSON: {problem.Message}", problem);
        }
        catch (InvalidOperationException problem)
        {
            // Half a surrogate pair, written as an escape, is valid JSON and no text.
            throw new EventFormatException($"The event holds text that cannot be read: {problem.Message}", problem);
        }
    }

    private static DecisionEvent Decision(JsonElement root, long time, FeatureSchema schema)
    {
        var decisionId = Id(root, "decisionId");
        var buffer = new FeatureBuffer();
        var given = Get(root, "context");
        if (given is { ValueKind: not JsonValueKind.Object })
            throw new EventFormatException("Field 'context' must be an object.");
        var context = Features(given ?? default, schema.ContextVector, buffer, "context");

        var actions = new List<LoggedAction>();
        var byId = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var action in List(root, "actions", required: true))
        {
            var id = Id(action, "id");
            if (!byId.TryAdd(id, actions.Count))
                throw new EventFormatException($"Action '{id}' is listed twice.");
            actions.Add(new LoggedAction(id, Features(action, schema.ActionVector, buffer, "an action")));
        }
        var chosen = new List<ChosenSlot>();
        foreach (var slot in List(root, "chosen", required: true))
        {
            var id = Id(slot, "id");
            if (!byId.TryGetValue(id, out var index))
                throw new EventFormatException($"Action '{id}' was chosen and is not among 'actions'.");
            chosen.Add(new ChosenSlot(index, (float)Number(slot, "propensity")));
        }
        var clusters = new List<ClusterWeight>();
        foreach (var weight in List(root, "clusters", required: false))
            clusters.Add(new ClusterWeight((int)Whole(weight, "cluster", int.MaxValue), (float)Number(weight, "weight")));
        if (clusters.Count == 0)
            clusters.Add(new ClusterWeight(0, 1));

        var policy = OptionalId(root, "policy") ?? "external";
        var version = Get(root, "policyVersion") is null ? 0 : Whole(root, "policyVersion", long.MaxValue);
        var decision = new DecisionEvent(
            decisionId, time, policy, version, Boolean(root, "activate", absent: true), context, [.. clusters], [.. actions], [.. chosen])
        {
            Traces = Traces(root),
        };
        DecisionRules.Check(decision);
        return decision;
    }

    private static MemoryTrace[] Traces(JsonElement root)
    {
        var traces = new List<MemoryTrace>();
        foreach (var trace in List(root, "memory", required: false))
        {
            var addresses = new List<MemoryAddress>();
            foreach (var address in List(trace, "addresses", required: true))
            {
                var codes = new List<ushort>();
                foreach (var code in List(address, "codes", required: true))
                    codes.Add((ushort)WholeOf(code, "codes", ushort.MaxValue));
                addresses.Add(new MemoryAddress(Space(address), codes.ToArray()));
            }
            traces.Add(new MemoryTrace(
                (float)Number(trace, "expected"), (float)Number(trace, "corrected"), (float)Number(trace, "evidence"), (float)Number(trace, "local"), [.. addresses]));
        }
        return [.. traces];
    }

    // 64 bits are more than a number of JSON holds exactly.
    private static KeySpace Space(JsonElement address) =>
        Text(address, "space") is { Length: 16 } text && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? new KeySpace(value)
            : throw new EventFormatException("Field 'space' must be 16 hexadecimal digits.");

    private static FeatureSet Features(JsonElement owner, int vector, FeatureBuffer buffer, string what)
    {
        var (sparse, dense) = (buffer.SparseCount, buffer.DenseCount);
        if (Get(owner, "features") is { } features)
        {
            var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(features));
            reader.Read();
            if (FeatureJsonReader.ReadFeatures(ref reader, buffer) is { } problem)
                throw new EventFormatException($"Field 'features' of {what} {problem}");
        }
        if (Get(owner, "vector") is { } given)
        {
            var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(given));
            reader.Read();
            if (FeatureJsonReader.ReadVector(ref reader, buffer, vector) is { } problem)
                throw new EventFormatException($"Field 'vector' of {what} {problem}");
        }
        else if (vector > 0)
        {
            throw new EventFormatException($"Field 'vector' of {what} must have {vector} numbers.");
        }
        return buffer.Since(sparse, dense).ToOwned();
    }

    private static JsonElement.ArrayEnumerator List(JsonElement root, string field, bool required) => Get(root, field) switch
    {
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray(),
        null when !required => default,
        null => throw new EventFormatException($"The decision has no array '{field}'."),
        _ => throw new EventFormatException($"Field '{field}' must be an array."),
    };

    private static string Id(JsonElement at, string field) => OptionalId(at, field) ?? throw new EventFormatException($"The event has no '{field}'.");

    private static string? OptionalId(JsonElement at, string field)
    {
        if (Text(at, field) is not { } id)
            return null;
        return Identifiers.Problem(id) is { } problem ? throw new EventFormatException($"Field '{field}' {problem}") : id;
    }

    private static string? CloudEventId(in EventHeaders headers)
    {
        if (string.IsNullOrEmpty(headers.CloudEventId))
            return null;
        return Identifiers.Problem(headers.CloudEventId) is { } problem ? throw new EventFormatException($"Header 'ce_id' {problem}") : headers.CloudEventId;
    }

    // CloudEvents types begin with the producer's reversed domain: "com.example.reward".
    private static string? LastSegment(string? type) => string.IsNullOrEmpty(type) ? null : type[(type.LastIndexOf('.') + 1)..];

    private static string? Text(JsonElement at, string field) => Get(at, field) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        _ => throw new EventFormatException($"Field '{field}' must be text."),
    };

    private static double Number(JsonElement at, string field) => NumberOf(Get(at, field), field);

    private static double NumberOf(JsonElement? given, string field) =>
        given is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw new EventFormatException($"Field '{field}' must be a finite number.");

    private static long Whole(JsonElement at, string field, long maximum) => WholeOf(Get(at, field), field, maximum);

    private static long WholeOf(JsonElement? given, string field, long maximum)
    {
        // A whole number may also be written as 3.0 or 3e0.
        var number = NumberOf(given, field);
        return number >= 0 && number <= maximum && number == Math.Floor(number) && number < long.MaxValue
            ? (long)number
            : throw new EventFormatException($"Field '{field}' must be a whole number from 0 to {maximum}.");
    }

    private static bool Boolean(JsonElement at, string field, bool absent) => Get(at, field) switch
    {
        null => absent,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw new EventFormatException($"Field '{field}' must be true or false."),
    };

    private static JsonElement? Get(JsonElement at, string field) => at.ValueKind switch
    {
        JsonValueKind.Undefined => null,
        JsonValueKind.Object => at.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null,
        _ => throw new EventFormatException($"An object with '{field}' is expected."),
    };

    private static long Time(string? text, long appendedAt)
    {
        if (string.IsNullOrEmpty(text))
            return appendedAt;
        return Rfc3339.TryParse(text, out var unixMs) ? unixMs : throw new EventFormatException($"'{Shown(text)}' is no RFC 3339 time from 1970 on.");
    }

    // A reason travels in a header; what it quotes is bounded.
    private static string Shown(string text) => text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 64), "…");
}
