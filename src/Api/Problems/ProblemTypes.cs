namespace Recsys.Api.Problems;

/// <summary>One kind of problem that a client can meet.</summary>
/// <param name="Slug">Last part of <c>urn:recsys:problem:&lt;slug&gt;</c>; never changes its meaning.</param>
/// <param name="Title">One phrase, the same for every occurrence.</param>
/// <param name="Status">HTTP status.</param>
public sealed record ProblemType(string Slug, string Title, int Status)
{
    /// <summary>The <c>type</c> member of the problem document.</summary>
    public string Urn { get; } = "urn:recsys:problem:" + Slug;
}

/// <summary>Every problem that this service returns (RFC 9457). The OpenAPI document lists the same.</summary>
public static class ProblemTypes
{
    /// <summary>The body is not JSON.</summary>
    public static readonly ProblemType MalformedJson = new("malformed-json", "The body is not valid JSON", 400);

    /// <summary>Something in the request has a wrong shape or value; <c>errors</c> lists all of it.</summary>
    public static readonly ProblemType InvalidRequest = new("invalid-request", "The request is not valid", 400);

    /// <summary>No key, or one that nobody configured.</summary>
    public static readonly ProblemType Unauthorized = new("unauthorized", "A valid API key is needed", 401);

    /// <summary>The key lacks the role.</summary>
    public static readonly ProblemType Forbidden = new("forbidden", "The API key may not do this", 403);

    /// <summary>No such route.</summary>
    public static readonly ProblemType NotFound = new("not-found", "There is nothing at this address", 404);

    /// <summary>No experiment of that name.</summary>
    public static readonly ProblemType UnknownExperiment = new("unknown-experiment", "There is no such experiment", 404);

    /// <summary>No item of that id.</summary>
    public static readonly ProblemType UnknownItem = new("unknown-item", "There is no such item", 404);

    /// <summary>The route exists, with other methods.</summary>
    public static readonly ProblemType MethodNotAllowed = new("method-not-allowed", "This address does not take that method", 405);

    /// <summary>Others changed the same thing at the same time.</summary>
    public static readonly ProblemType Conflict = new("conflict", "It was changed at the same time", 409);

    /// <summary>The policy keeps no statistics per edge.</summary>
    public static readonly ProblemType NoStatistics = new("no-statistics", "There are no statistics of items", 409);

    /// <summary>The body is larger than the limit.</summary>
    public static readonly ProblemType BodyTooLarge = new("body-too-large", "The body is too large", 413);

    /// <summary>The body is declared as something that is not JSON.</summary>
    public static readonly ProblemType UnsupportedMediaType = new("unsupported-media-type", "The body must be JSON", 415);

    /// <summary>Well-formed, and nothing to choose from.</summary>
    public static readonly ProblemType NoActions = new("no-actions", "There is no action to choose from", 422);

    /// <summary>Shed because the service is at its limit.</summary>
    public static readonly ProblemType Overloaded = new("overloaded", "The service is at its limit", 429);

    /// <summary>A fault of this service; the log has the details under the trace id.</summary>
    public static readonly ProblemType InternalError = new("internal-error", "Something went wrong on our side", 500);

    /// <summary>Part of the contract that this version does not have.</summary>
    public static readonly ProblemType NotAvailable = new("not-available", "Not available in this version", 501);

    /// <summary>Event log or store cannot be reached; nothing was accepted.</summary>
    public static readonly ProblemType StoreUnavailable = new("store-unavailable", "Event log or store cannot be reached", 503);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ProblemType> All { get; } =
    [
        MalformedJson, InvalidRequest, Unauthorized, Forbidden, NotFound, UnknownExperiment, UnknownItem, MethodNotAllowed, Conflict, NoStatistics, BodyTooLarge,
        UnsupportedMediaType, NoActions, Overloaded, InternalError, NotAvailable, StoreUnavailable,
    ];
}
