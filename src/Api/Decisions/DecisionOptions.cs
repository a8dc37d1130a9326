using System.ComponentModel.DataAnnotations;

namespace Recsys.Api.Decisions;

/// <summary>Limits of a decision.</summary>
public sealed class DecisionOptions
{
    /// <summary>Section of the configuration.</summary>
    public const string SectionName = "Decision";

    /// <summary>Most actions one decision chooses from: beyond it a request is a catalogue and should be one.</summary>
    [Range(1, 100_000)]
    public int CandidatesMax { get; init; } = 1000;

    /// <summary>Most bytes of one request body; a thousand actions with features fit.</summary>
    [Range(1024, 1 << 28)]
    public int BodyBytesMax { get; init; } = 1 << 20;

    /// <summary>Most entries of a batch.</summary>
    [Range(1, 100_000)]
    public int BatchMax { get; init; } = 1000;

    /// <summary>Parameters older than this are not trusted: decisions are uniform until fresh ones arrive.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00")]
    public TimeSpan ParameterAgeMax { get; init; } = TimeSpan.FromDays(1);
}
