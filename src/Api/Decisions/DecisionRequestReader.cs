using System.Text.Json;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Features;

namespace Recsys.Api.Decisions;

/// <summary>Reads a decision request straight into a workspace: features are hashed while they are parsed, every problem is listed.</summary>
public static class DecisionRequestReader
{
    /// <summary>Reads one request.</summary>
    /// <param name="reader">Stands on the request's value; afterwards on its last token.</param>
    /// <param name="definition">Shapes and limits.</param>
    /// <param name="candidatesMax">Most actions.</param>
    /// <param name="work">Cleared first; its <see cref="DecisionWorkspace.Errors"/> tell what is wrong.</param>
    /// <exception cref="JsonException">Malformed JSON.</exception>
    public static void Read(ref Utf8JsonReader reader, ExperimentDefinition definition, int candidatesMax, DecisionWorkspace work)
    {
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentNullException.ThrowIfNull(work);
        work.Clear();
        var errors = work.Errors;
        var contextVector = false;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            errors.Add(new("$", "A decision request is an object."));
            return;
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("decisionId"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.Null && ReadId(ref reader, "decisionId", work, out var id))
                    work.SetDecisionId(id.Span);
            }
            else if (reader.ValueTextEquals("context"u8))
            {
                reader.Read();
                contextVector = ReadContext(ref reader, definition.Features, work);
            }
            else if (reader.ValueTextEquals("actions"u8))
            {
                reader.Read();
                ReadActions(ref reader, definition.Features, candidatesMax, work);
            }
            else if (reader.ValueTextEquals("excludedActions"u8))
            {
                reader.Read();
                ReadExcluded(ref reader, work);
            }
            else if (reader.ValueTextEquals("count"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var count) && count >= 1 && count <= candidatesMax)
                    work.Count = count;
                else if (reader.TokenType != JsonTokenType.Null)
                    Skip(ref reader, errors, "count", $"Give a whole number from 1 to {candidatesMax}.");
            }
            else if (reader.ValueTextEquals("activate"u8))
            {
                reader.Read();
                if (reader.TokenType is JsonTokenType.True or JsonTokenType.False)
                    work.Activate = reader.GetBoolean();
                else if (reader.TokenType != JsonTokenType.Null)
                    Skip(ref reader, errors, "activate", "Give true or false.");
            }
            else
            {
                var name = reader.GetString()!;
                reader.Skip();
                errors.Add(new(name, "Unknown field. Known: decisionId, context, actions, excludedActions, count, activate."));
            }
        }
        if (!contextVector && definition.Features.ContextVector > 0 && !errors.Exists(static e => e.Key.StartsWith("context", StringComparison.Ordinal)))
            errors.Add(new("context.vector", $"must have {definition.Features.ContextVector} numbers."));
        if (work.ListedActions && definition.Candidates == CandidateSource.Request && work.Count > Math.Max(1, work.CandidateCount))
            errors.Add(new("count", $"{work.Count} positions cannot be filled from {work.CandidateCount} actions."));
    }

    private static bool ReadContext(ref Utf8JsonReader reader, FeatureSchema schema, DecisionWorkspace work)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return false;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Skip(ref reader, work.Errors, "context", "Give an object with 'features', 'vector' or 'subject'.");
            return false;
        }
        int sparse = work.Features.SparseCount, dense = work.Features.DenseCount;
        var vector = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("subject"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.Null)
                    ReadId(ref reader, "context.subject", work, out _);
            }
            else if (reader.ValueTextEquals("features"u8))
            {
                reader.Read();
                Add(work.Errors, "context.features", FeatureJsonReader.ReadFeatures(ref reader, work.Features));
            }
            else if (reader.ValueTextEquals("vector"u8))
            {
                reader.Read();
                vector = true;
                Add(work.Errors, "context.vector", FeatureJsonReader.ReadVector(ref reader, work.Features, schema.ContextVector));
            }
            else
            {
                var name = reader.GetString()!;
                reader.Skip();
                work.Errors.Add(new($"context.{name}", "Unknown field. Known: subject, features, vector."));
            }
        }
        work.Context = work.Features.Since(sparse, dense);
        return vector;
    }

    private static void ReadActions(ref Utf8JsonReader reader, FeatureSchema schema, int candidatesMax, DecisionWorkspace work)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return;
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Skip(ref reader, work.Errors, "actions", "Give an array of actions, each with an 'id'.");
            return;
        }
        work.ListedActions = true;
        var index = 0;
        for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= candidatesMax)
                reader.Skip();
            else
                ReadAction(ref reader, index, schema, work);
        }
        if (index > candidatesMax)
            work.Errors.Add(new("actions", $"{index} actions are more than the {candidatesMax} that one decision may list. Use candidates 'catalogue', or pre-select."));
    }

    private static void ReadAction(ref Utf8JsonReader reader, int index, FeatureSchema schema, DecisionWorkspace work)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Skip(ref reader, work.Errors, $"actions[{index}]", "Give an object with an 'id'.");
            return;
        }
        int sparse = work.Features.SparseCount, dense = work.Features.DenseCount;
        ReadOnlyMemory<byte> id = default;
        bool named = false, vector = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("id"u8))
            {
                reader.Read();
                named = true;
                if (!ReadId(ref reader, "id", work, out id))
                {
                    var last = work.Errors[^1];
                    work.Errors[^1] = new($"actions[{index}].id", last.Value);
                }
            }
            else if (reader.ValueTextEquals("features"u8))
            {
                reader.Read();
                if (FeatureJsonReader.ReadFeatures(ref reader, work.Features) is { } problem)
                    work.Errors.Add(new($"actions[{index}].features", problem));
            }
            else if (reader.ValueTextEquals("vector"u8))
            {
                reader.Read();
                vector = true;
                if (FeatureJsonReader.ReadVector(ref reader, work.Features, schema.ActionVector) is { } problem)
                    work.Errors.Add(new($"actions[{index}].vector", problem));
            }
            else
            {
                var name = reader.GetString()!;
                reader.Skip();
                work.Errors.Add(new($"actions[{index}].{name}", "Unknown field. Known: id, features, vector."));
            }
        }
        if (!named)
            work.Errors.Add(new($"actions[{index}].id", "Every action needs an id."));
        if (!vector && schema.ActionVector > 0)
            work.Errors.Add(new($"actions[{index}].vector", $"must have {schema.ActionVector} numbers."));
        if (id.IsEmpty)
            return;
        var key = ActionKey.Of(id.Span);
        if (!work.Seen.Add(key))
            work.Errors.Add(new($"actions[{index}].id", "This id is listed twice."));
        work.Fit(work.CandidateCount + 1);
        work.Candidates[work.CandidateCount++] = new Candidate(id, key, work.Features.Since(sparse, dense));
    }

    private static void ReadExcluded(ref Utf8JsonReader reader, DecisionWorkspace work)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return;
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Skip(ref reader, work.Errors, "excludedActions", "Give an array of action ids.");
            return;
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (ReadId(ref reader, "excludedActions", work, out var id))
                work.Excluded.Add(ActionKey.Of(id.Span));
        }
    }

    private static bool ReadId(ref Utf8JsonReader reader, string field, DecisionWorkspace work, out ReadOnlyMemory<byte> id)
    {
        id = default;
        if (reader.TokenType != JsonTokenType.String)
        {
            Skip(ref reader, work.Errors, field, "Give text of 1 to 256 characters.");
            return false;
        }
        const int Longest = 4 * Identifiers.CharactersMax;
        // Six bytes of JSON (\uXXXX) may stand for one character.
        if (reader.ValueSpan.Length > 6 * Longest)
        {
            work.Errors.Add(new(field, $"must have 1 to {Identifiers.CharactersMax} characters."));
            return false;
        }
        Span<byte> text = stackalloc byte[6 * Longest];
        var length = reader.CopyString(text);
        if (Identifiers.Problem(text[..length]) is { } problem)
        {
            work.Errors.Add(new(field, problem));
            return false;
        }
        id = work.Keep(text[..length]);
        return true;
    }

    private static void Skip(ref Utf8JsonReader reader, List<KeyValuePair<string, string>> errors, string field, string problem)
    {
        reader.Skip();
        errors.Add(new(field, problem));
    }

    private static void Add(List<KeyValuePair<string, string>> errors, string field, string? problem)
    {
        if (problem is not null)
            errors.Add(new(field, problem));
    }
}
