using System.Text.Json;
using Recsys.Api.Problems;

namespace Recsys.Api.Serialization;

/// <summary>Reading small JSON bodies off the decision path: strictly, and with every problem at once.</summary>
public static class JsonFields
{
    /// <summary>The value of a field; a null counts as not given, so that a client may send every field it knows.</summary>
    public static JsonElement? Get(JsonElement at, string field) =>
        at.ValueKind == JsonValueKind.Object && at.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Parses a body.</summary>
    /// <param name="body">UTF-8.</param>
    /// <param name="problem">What is wrong, or null.</param>
    public static JsonDocument? Parse(ReadOnlyMemory<byte> body, out Problem? problem)
    {
        try
        {
            problem = null;
            return JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException malformed)
        {
            problem = Malformed(malformed);
            return null;
        }
    }

    /// <summary>The problem of a body that is not JSON.</summary>
    public static Problem Malformed(JsonException malformed) => new(ProblemTypes.MalformedJson, malformed.Message);

    /// <summary>Checks that an element is an object with known fields only.</summary>
    public static bool IsObject(JsonElement at, string path, ICollection<KeyValuePair<string, string>> errors, params ReadOnlySpan<string> known)
    {
        if (at.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new(path.Length == 0 ? "$" : path, "Give an object."));
            return false;
        }
        foreach (var field in at.EnumerateObject())
        {
            if (!known.Contains(field.Name))
                errors.Add(new(path.Length == 0 ? field.Name : $"{path}.{field.Name}", $"Unknown field. Known: {string.Join(", ", known)}."));
        }
        return true;
    }

    /// <summary>The array under a field of the root object, bounded.</summary>
    /// <returns>The array, or null when there is a problem in <paramref name="errors"/>.</returns>
    public static JsonElement? Array(JsonElement root, string field, int max, ICollection<KeyValuePair<string, string>> errors)
    {
        if (!IsObject(root, "", errors, field))
            return null;
        if (Get(root, field) is not { ValueKind: JsonValueKind.Array } array)
        {
            errors.Add(new(field, "Give an array."));
            return null;
        }
        if (array.GetArrayLength() > max)
            errors.Add(new(field, $"has {array.GetArrayLength()} entries; at most {max} are taken at once."));
        return errors.Count > 0 ? null : array;
    }

    /// <summary>Text of a field; null with an entry in <paramref name="errors"/> when it is something else or unreadable.</summary>
    public static string? Text(JsonElement at, string field, string path, ICollection<KeyValuePair<string, string>> errors)
    {
        if (Get(at, field) is not { } value)
            return null;
        try
        {
            if (value.ValueKind == JsonValueKind.String)
                return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair: no text in any encoding.
        }
        errors.Add(new(path.Length == 0 ? field : $"{path}.{field}", "must be text."));
        return null;
    }
}
