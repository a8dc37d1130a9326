using System.Text.Json;

namespace Recsys.Api.Problems;

/// <summary>JSON bodies off the hot path.</summary>
public static class JsonBody
{
    /// <summary>Parses a body.</summary>
    /// <exception cref="ApiProblem">It is not JSON.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException problem)
        {
            throw Malformed(problem);
        }
    }

    /// <summary>The problem of a body that is not JSON.</summary>
    public static ApiProblem Malformed(Exception problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return new ApiProblem(ProblemTypes.Malformed, $"The body cannot be read: {problem.Message}");
    }

    /// <summary>The entries of a batch.</summary>
    /// <exception cref="ApiProblem">There is no such array, or it is too long.</exception>
    public static List<JsonElement> Entries(JsonElement root, string field, int max)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(field, out var list) || list.ValueKind != JsonValueKind.Array)
            throw ApiProblem.Invalid([new(field, "Give an array.")]);
        return list.GetArrayLength() <= max
            ? [.. list.EnumerateArray()]
            : throw ApiProblem.Invalid([new(field, $"{list.GetArrayLength()} entries are more than the {max} of one request. Split them.")]);
    }
}
