using System.ComponentModel.DataAnnotations;

namespace Recsys.Learner.Training;

/// <summary>When the learner learns, publishes and checkpoints.</summary>
public sealed class TrainingOptions
{
    /// <summary>Section of the configuration.</summary>
    public const string SectionName = "Training";

    /// <summary>Interactions that are learned at once; the result does not depend on it.</summary>
    [Range(1, 65_536)]
    public int BatchMax { get; init; } = 256;

    /// <summary>Least time between two publications of one partition; an idle one publishes at once. Below the 100 ms that people notice.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:01:00")]
    public TimeSpan PublishInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Time between two signs of life while there is nothing to publish; keeps the age of parameters under a second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Time between two checkpoints: what a restart reads again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:10:00")]
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Pause after a store could not be reached.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Records that may be read beyond the last checkpoint while the store is away; then reading pauses until it is back.</summary>
    [Range(1, 100_000_000)]
    public int UnsavedRecordsMax { get; init; } = 1_000_000;
}
