using System.ComponentModel.DataAnnotations;

namespace Recsys.Api.Feedback;

/// <summary>Limits of feedback.</summary>
public sealed class FeedbackOptions
{
    /// <summary>Where they are configured.</summary>
    public const string SectionName = "Feedback";

    /// <summary>Most rewards in one bulk request.</summary>
    [Range(1, 100_000)]
    public int RewardsMax { get; init; } = 1000;

    /// <summary>Most bytes in the body of a bulk request.</summary>
    [Range(1024, 64 << 20)]
    public int BodyBytesMax { get; init; } = 1 << 20;
}
