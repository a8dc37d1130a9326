using System.Buffers;
using System.Text.Json;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Features;

namespace Recsys.Api.Decisions;

/// <summary>
/// Reads a decision request straight into a workspace, encoding features on the way. Strict: unknown fields are refused by name, everything wrong is found
/// at once. Allocates only to describe errors.
/// </summary>
public static class DecisionRequestReader
{
    /// <summary>More errors than this help nobody.</summary>
    private const int ErrorsMax = 50;

    private const string Known = "Unknown field. Known: decisionId, context, actions, excludedActions, count, activate.";

    /// <summary>Reads a request.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="definition">Shapes of the features and where candidates come from.</param>
    /// <param name="options">Limits.</param>
    /// <param name="into">Cleared and filled; its errors are empty when the request is valid.</param>
    /// <exception cref="JsonException">Malformed JSON; the message has the position.</exception>
    public static void Read(ReadOnlySpan<byte> json, ExperimentDefinition definition, DecisionOptions options, DecisionWorkspace into)
    {
        into.Clear();
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            Trailing(ref reader);
            Error(into, "$", "Give an object.");
            return;
        }
        Root(ref reader, definition, options, into);
    }

    [Flags]
    private enum Field
    {
        None = 0,
        DecisionId = 1,
        Context = 2,
        Actions = 4,
        ExcludedActions = 8,
        Count = 16,
        Activate = 32,
    }

    private static void Root(ref Utf8JsonReader reader, ExperimentDefinition definition, DecisionOptions options, DecisionWorkspace into)
    {
        var given = Field.None;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var field = Field.None;
            if (reader.ValueTextEquals("decisionId"u8))
                field = Field.DecisionId;
            else if (reader.ValueTextEquals("context"u8))
                field = Field.Context;
            else if (reader.ValueTextEquals("actions"u8))
                field = Field.Actions;
            else if (reader.ValueTextEquals("excludedActions"u8))
                field = Field.ExcludedActions;
            else if (reader.ValueTextEquals("count"u8))
                field = Field.Count;
            else if (reader.ValueTextEquals("activate"u8))
                field = Field.Activate;
            if (field == Field.None || (given & field) != Field.None)
            {
                Error(into, Name(ref reader), field == Field.None ? Known : "is given twice.");
                reader.Read();
                reader.Skip();
                continue;
            }
            given |= field;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
            {
                // Null counts as not given, so that a client may send every field it knows.
                given &= ~field;
                continue;
            }
            switch (field)
            {
                case Field.DecisionId:
                    into.SetDecisionId(Id(ref reader, into, "decisionId", -1).Span);
                    break;
                case Field.Context:
                    Context(ref reader, definition.Features, into);
                    break;
                case Field.Actions:
                    into.HasActions = true;
                    Actions(ref reader, definition, options, into);
                    break;
                case Field.ExcludedActions:
                    Excluded(ref reader, options, into);
                    break;
                case Field.Count:
                    if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var count) && count >= 1 && count <= options.ActionsMax)
                        into.Count = count;
                    else
                        Refuse(ref reader, into, "count", $"must be a whole number between 1 and {options.ActionsMax}.");
                    break;
                default:
                    if (reader.TokenType is JsonTokenType.True or JsonTokenType.False)
                        into.Activate = reader.GetBoolean();
                    else
                        Refuse(ref reader, into, "activate", "must be true or false.");
                    break;
            }
        }
        Trailing(ref reader);
        if ((given & Field.Context) == Field.None && definition.Features.ContextVector > 0)
            Error(into, "context.vector", $"must have {definition.Features.ContextVector} numbers; the length is set by the experiment's features.context.vector.");
    }

    private static void Context(ref Utf8JsonReader reader, FeatureSchema schema, DecisionWorkspace into)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Refuse(ref reader, into, "context", "must be an object.");
            return;
        }
        int sparse = into.Features.SparseCount, dense = into.Features.DenseCount;
        bool subject = false, features = false, vector = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("subject"u8))
            {
                var again = Once(ref subject, into, "context.subject");
                reader.Read();
                if (reader.TokenType != JsonTokenType.Null && !again)
                    Id(ref reader, into, "context.subject", -1);
                else
                    reader.Skip();
            }
            else if (reader.ValueTextEquals("features"u8))
            {
                Once(ref features, into, "context.features");
                reader.Read();
                if (FeatureJsonReader.ReadFeatures(ref reader, into.Features) is { } problem)
                    Error(into, "context.features", problem);
            }
            else if (reader.ValueTextEquals("vector"u8))
            {
                Once(ref vector, into, "context.vector");
                reader.Read();
                if (FeatureJsonReader.ReadVector(ref reader, into.Features, schema.ContextVector) is { } problem)
                    Error(into, "context.vector", problem);
            }
            else
            {
                Error(into, "context." + Name(ref reader), "Unknown field. Known: subject, features, vector.");
                reader.Read();
                reader.Skip();
            }
        }
        if (!vector && schema.ContextVector > 0)
            Error(into, "context.vector", $"must have {schema.ContextVector} numbers; the length is set by the experiment's features.context.vector.");
        into.Context = into.Features.Since(sparse, dense);
    }

    private static void Actions(ref Utf8JsonReader reader, ExperimentDefinition definition, DecisionOptions options, DecisionWorkspace into)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Refuse(ref reader, into, "actions", "must be an array of objects.");
            return;
        }
        var index = 0;
        for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            // Beyond the limit only the length still matters, for the message.
            if (index >= options.ActionsMax)
                reader.Skip();
            else if (reader.TokenType != JsonTokenType.StartObject)
                Refuse(ref reader, into, "actions", index, "must be an object with an id.");
            else
                Action(ref reader, definition, into, index);
        }
        if (index > options.ActionsMax)
            Error(into, "actions", $"has {index} entries; at most {options.ActionsMax} actions can be decided between (Decisions:ActionsMax).");
        else if (into.Errors.Count == 0 && into.FindDuplicate() is >= 0 and var duplicate)
            Error(into, $"actions[{duplicate}].id", $"'{System.Text.Encoding.UTF8.GetString(into.Candidates[duplicate].Id.Span)}' is listed twice.");
    }

    private static void Action(ref Utf8JsonReader reader, ExperimentDefinition definition, DecisionWorkspace into, int index)
    {
        var schema = definition.Features;
        int sparse = into.Features.SparseCount, dense = into.Features.DenseCount;
        ReadOnlyMemory<byte> id = default;
        bool hasId = false, features = false, vector = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("id"u8))
            {
                if (hasId)
                    Error(into, At(index, "id"), "is given twice.");
                hasId = true;
                reader.Read();
                id = Id(ref reader, into, "id", index);
            }
            else if (reader.ValueTextEquals("features"u8))
            {
                if (features)
                    Error(into, At(index, "features"), "is given twice.");
                features = true;
                reader.Read();
                if (FeatureJsonReader.ReadFeatures(ref reader, into.Features) is { } problem)
                    Error(into, At(index, "features"), problem);
            }
            else if (reader.ValueTextEquals("vector"u8))
            {
                if (vector)
                    Error(into, At(index, "vector"), "is given twice.");
                vector = true;
                reader.Read();
                if (FeatureJsonReader.ReadVector(ref reader, into.Features, schema.ActionVector) is { } problem)
                    Error(into, At(index, "vector"), problem);
            }
            else
            {
                Error(into, At(index, Name(ref reader)), "Unknown field. Known: id, features, vector.");
                reader.Read();
                reader.Skip();
            }
        }
        if (!hasId)
            Error(into, At(index, "id"), "is missing.");
        // Beside a catalogue the listed actions only restrict what it proposes; their features are the items' own.
        if (!vector && schema.ActionVector > 0 && definition.Candidates == CandidateSource.Request)
            Error(into, At(index, "vector"), $"must have {schema.ActionVector} numbers; the length is set by the experiment's features.action.vector.");
        into.AddCandidate(new Candidate(id, ActionKey.Of(id.Span), into.Features.Since(sparse, dense)));
    }

    private static void Excluded(ref Utf8JsonReader reader, DecisionOptions options, DecisionWorkspace into)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Refuse(ref reader, into, "excludedActions", "must be an array of action ids.");
            return;
        }
        // A client may exclude all it has ever shown, so the bound is wider than that on actions.
        var max = 10 * options.ActionsMax;
        var index = 0;
        for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= max)
                reader.Skip();
            else
                into.Exclude(ActionKey.Of(Id(ref reader, into, "excludedActions", index).Span));
        }
        if (index > max)
            Error(into, "excludedActions", $"has {index} entries; at most {max} are taken.");
    }

    private static ReadOnlyMemory<byte> Id(ref Utf8JsonReader reader, DecisionWorkspace into, string field, int index)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            Error(into, Path(field, index), "must be text.");
            return default;
        }
        ReadOnlyMemory<byte> id;
        if (reader.ValueIsEscaped)
        {
            var rented = ArrayPool<byte>.Shared.Rent(reader.ValueSpan.Length);
            try
            {
                id = into.Keep(rented.AsSpan(0, reader.CopyString(rented)));
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
        else
        {
            id = into.Keep(reader.ValueSpan);
        }
        if (Identifiers.Problem(id.Span) is { } problem)
            Error(into, Path(field, index), problem);
        return id;
    }

    private static void Trailing(ref Utf8JsonReader reader)
    {
        // Throws with the position when anything but white space follows.
        reader.Read();
    }

    private static string Path(string field, int index) =>
        index < 0 ? field : field == "excludedActions" ? $"{field}[{index}]" : At(index, field);

    private static string At(int index, string field) => $"actions[{index}].{field}";

    private static string Name(ref Utf8JsonReader reader)
    {
        var name = reader.GetString()!;
        return name.Length <= 64 ? name : name[..64] + "…";
    }

    private static bool Once(ref bool given, DecisionWorkspace into, string path)
    {
        if (given)
            Error(into, path, "is given twice.");
        var before = given;
        given = true;
        return before;
    }

    private static void Refuse(ref Utf8JsonReader reader, DecisionWorkspace into, string path, string message)
    {
        reader.Skip();
        Error(into, path, message);
    }

    private static void Refuse(ref Utf8JsonReader reader, DecisionWorkspace into, string path, int index, string message)
    {
        reader.Skip();
        Error(into, $"{path}[{index}]", message);
    }

    private static void Error(DecisionWorkspace into, string path, string message)
    {
        if (into.Errors.Count < ErrorsMax)
            into.Errors.Add(new(path, message));
    }
}
