using System.ComponentModel.DataAnnotations;

namespace Recsys.Api.Decisions;

/// <summary>Limits of deciding.</summary>
public sealed class DecisionOptions
{
    /// <summary>Where they are configured.</summary>
    public const string SectionName = "Decisions";

    /// <summary>Most actions that one request may list. A thousand are estimated in well under a millisecond by every linear policy.</summary>
    [Range(1, 100_000)]
    public int ActionsMax { get; init; } = 1000;

    /// <summary>Most bytes in the body of one decision: a thousand actions with a few hundred bytes of features each.</summary>
    [Range(1024, 64 << 20)]
    public int BodyBytesMax { get; init; } = 1 << 20;

    /// <summary>Most decisions in one batch.</summary>
    [Range(1, 10_000)]
    public int BatchMax { get; init; } = 256;

    /// <summary>Most bytes in the body of a batch or of a bulk upload.</summary>
    [Range(1024, 256 << 20)]
    public int BulkBytesMax { get; init; } = 16 << 20;

    /// <summary>
    /// Most bytes in the body of clusters with their edges: 30,000 centroids of 64 numbers at 12 bytes are 23 MB, ten million ids of 20 characters with quotes and commas
    /// 230 MB, 253 MB in all. Ids of 36 characters need 390 MB. About twice the body is held in memory while it is worked on, one large body at a time.
    /// </summary>
    [Range(1024, 1 << 30)]
    public int GraphBytesMax { get; init; } = 256 << 20;

    /// <summary>Parameters older than this are not served: decisions are uniform until there are new ones. A day survives any ordinary outage.</summary>
    public TimeSpan ParameterAgeMax { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Requests that are decided at the same time before further ones are shed with 429; bounds memory under overload.</summary>
    [Range(1, 100_000)]
    public int ConcurrencyMax { get; init; } = 1024;
}
