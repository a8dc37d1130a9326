namespace Recsys.Api.Problems;

/// <summary>One kind of problem that this service can return.</summary>
/// <param name="Slug">Last part of its type URI.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Title">What kind of problem it is.</param>
public sealed record ProblemType(string Slug, int Status, string Title)
{
    /// <summary>Stable identifier.</summary>
    public string Uri => "urn:recsys:problem:" + Slug;
}

/// <summary>Every problem this service can return.</summary>
public static class ProblemTypes
{
    /// <summary>Not JSON.</summary>
    public static readonly ProblemType Malformed = new("malformed-json", 400, "The body is not valid JSON");

    /// <summary>Well-formed and not valid.</summary>
    public static readonly ProblemType Invalid = new("invalid-request", 400, "The request is not valid");

    /// <summary>No or an unknown key.</summary>
    public static readonly ProblemType Unauthorized = new("unauthorized", 401, "An API key is needed");

    /// <summary>The key's role does not allow this.</summary>
    public static readonly ProblemType Forbidden = new("forbidden", 403, "The API key does not allow this");

    /// <summary>No such experiment.</summary>
    public static readonly ProblemType UnknownExperiment = new("unknown-experiment", 404, "No such experiment");

    /// <summary>No such item.</summary>
    public static readonly ProblemType UnknownItem = new("unknown-item", 404, "No such item");

    /// <summary>No such path.</summary>
    public static readonly ProblemType NotFound = new("not-found", 404, "Nothing is here");

    /// <summary>The path exists, the method does not.</summary>
    public static readonly ProblemType MethodNotAllowed = new("method-not-allowed", 405, "The method is not allowed here");

    /// <summary>Body too large.</summary>
    public static readonly ProblemType TooLarge = new("body-too-large", 413, "The body is too large");

    /// <summary>Not JSON by its own declaration.</summary>
    public static readonly ProblemType UnsupportedMedia = new("unsupported-media-type", 415, "The body must be JSON");

    /// <summary>Nothing to choose from.</summary>
    public static readonly ProblemType NoActions = new("no-actions", 422, "There is no action to choose");

    /// <summary>A bug.</summary>
    public static readonly ProblemType Unexpected = new("unexpected", 500, "Something unexpected happened");

    /// <summary>Not in this version.</summary>
    public static readonly ProblemType NotAvailable = new("not-available", 501, "This version cannot do that");

    /// <summary>The log or a store is away.</summary>
    public static readonly ProblemType Unavailable = new("unavailable", 503, "The event log or a store is away");
}
