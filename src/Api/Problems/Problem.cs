namespace Recsys.Api.Problems;

/// <summary>One occurrence of a problem.</summary>
/// <param name="Type">Which.</param>
/// <param name="Detail">What to do about it, for a person.</param>
/// <param name="Errors">Field path and message of everything wrong in the request; empty for other problems.</param>
public sealed record Problem(ProblemType Type, string Detail, IReadOnlyList<KeyValuePair<string, string>> Errors)
{
    /// <summary>A problem without a list of fields.</summary>
    public Problem(ProblemType type, string detail) : this(type, detail, []) { }

    /// <summary>Everything wrong with a request at once; copies the list.</summary>
    public static Problem Invalid(IReadOnlyCollection<KeyValuePair<string, string>> errors) => new(
        ProblemTypes.InvalidRequest,
        errors.Count == 1 ? $"{errors.First().Key}: {errors.First().Value}" : $"{errors.Count} things are wrong; 'errors' lists them.",
        [.. errors]);

    /// <summary>One thing is wrong with a request.</summary>
    public static Problem Invalid(string field, string message) => Invalid([KeyValuePair.Create(field, message)]);

    /// <summary>There is no such experiment.</summary>
    public static Problem UnknownExperiment(string name) =>
        new(ProblemTypes.UnknownExperiment, $"No experiment '{name}'. Create it with PUT /v1/experiments/{name} and a definition; {{}} is a valid one.");

    /// <summary>The log or a store is away.</summary>
    public static Problem StoreAway(Exception cause) =>
        new(ProblemTypes.StoreUnavailable, $"{cause.Message} Nothing was accepted; send the same request again after Retry-After.");
}
