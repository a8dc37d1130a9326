using System.ComponentModel.DataAnnotations;

namespace Recsys.Infrastructure.Local;

/// <summary>Sizes and limits of the event log in embedded mode.</summary>
public sealed class JournalOptions
{
    /// <summary>Section of the configuration.</summary>
    public const string SectionName = "Journal";

    /// <summary>Size at which a segment file is closed and the next begun: retention removes whole segments, and recovery reads one.</summary>
    [Range(4096, 1L << 30)]
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Bytes that may wait for the disk: about a second of 30 000 decisions of a kilobyte, and the bound on memory. Beyond it decisions are refused.</summary>
    [Range(1024, 1 << 30)]
    public int QueueBytesMax { get; init; } = 32 << 20;

    /// <summary>How long a decision may wait for company before it is made durable. Somebody waiting for an answer cuts it short.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01")]
    public TimeSpan GroupWindow { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Segments of events whose last record is older are removed. The learner's checkpoint is seconds old, so a week is for replay and evaluation.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "36500.00:00:00")]
    public TimeSpan RetainFor { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Bytes of one experiment's events beyond which its oldest segments are removed, whatever their age: a laptop's disk must not fill.</summary>
    [Range(4096, long.MaxValue)]
    public long RetainBytes { get; init; } = 10L << 30;

    /// <summary>How long a reward may wait to become durable before its sender is told to try again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:05:00")]
    public TimeSpan PublishTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
