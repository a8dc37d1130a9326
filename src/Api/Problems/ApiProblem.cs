namespace Recsys.Api.Problems;

/// <summary>A request that cannot be answered as asked; becomes an RFC 9457 problem document.</summary>
/// <param name="type">One of <see cref="ProblemTypes"/>.</param>
/// <param name="detail">What is wrong and what to do.</param>
/// <param name="errors">Everything wrong, by field.</param>
public sealed class ApiProblem(ProblemType type, string detail, IReadOnlyDictionary<string, string[]>? errors = null) : Exception(detail)
{
    /// <summary>Which problem.</summary>
    public ProblemType Type { get; } = type;

    /// <summary>Everything wrong, by field.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; } = errors;

    /// <summary>A problem with fields.</summary>
    public static ApiProblem Invalid(IEnumerable<KeyValuePair<string, string>> errors)
    {
        var byField = errors.GroupBy(static e => e.Key, StringComparer.Ordinal)
            .ToDictionary(static g => g.Key, static g => g.Select(static e => e.Value).ToArray(), StringComparer.Ordinal);
        return new ApiProblem(ProblemTypes.Invalid, "The request is not valid; 'errors' lists everything that has to change.", byField);
    }

    /// <summary>The document as an object to serialise.</summary>
    public Dictionary<string, object?> ToDocument(string traceId)
    {
        var document = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["type"] = Type.Uri,
            ["title"] = Type.Title,
            ["status"] = Type.Status,
            ["detail"] = Message,
            ["traceId"] = traceId,
        };
        if (Errors is not null)
            document["errors"] = Errors;
        return document;
    }
}
