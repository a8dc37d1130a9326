using System.ComponentModel.DataAnnotations;
using Recsys.Gpu;

namespace Recsys.Learner.Training;

/// <summary>When the learner learns, publishes and checkpoints.</summary>
public sealed class TrainingOptions
{
    /// <summary>Section of the configuration.</summary>
    public const string SectionName = "Training";

    /// <summary>Where to compute: <c>auto</c> takes a GPU where there is one, <c>cpu</c> looks for none, <c>gpu</c> does not start without. The result does not
    /// depend on it.</summary>
    [EnumDataType(typeof(DevicePreference))]
    public DevicePreference Device { get; init; } = DevicePreference.Auto;

    /// <summary>Interactions that are learned at once; the result does not depend on it. Large enough for matrix products, small enough for the cache.</summary>
    [Range(1, 65_536)]
    public int BatchMax { get; init; } = 256;

    /// <summary>Least time between two publications of one partition; an idle one publishes at once. Below the 100 ms that people notice.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:01:00")]
    public TimeSpan PublishInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Interactions after which parameters are published before the interval has passed: a flood is served sooner than a trickle.</summary>
    [Range(1, int.MaxValue)]
    public int PublishInteractionsMax { get; init; } = 20_000;

    /// <summary>Time between two signs of life while there is nothing to publish; keeps the age of parameters under a second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Time between two checkpoints: what a restart reads again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:10:00")]
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Least time between two ticks of a partition: one tick closes every window that is due, so a default reward is at most this late.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:10:00")]
    public TimeSpan TickInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long after a window's end its tick is written; a reward sent in the last moment has that long to arrive.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan TickSlack { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>First pause after a store could not be reached.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest pause after a store could not be reached; what a recovered store waits for us at most.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan RetryIntervalMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Records that may be read beyond the last checkpoint while the store is away; then reading pauses until it is back. Ten seconds of a busy
    /// partition, and a restart reads them again in a few.</summary>
    [Range(1, 100_000_000)]
    public int UnsavedRecordsMax { get; init; } = 1_000_000;

    /// <summary>Dead letters that may wait for the log; then reading pauses until they are written. They hold whole events in memory.</summary>
    [Range(1, 100_000)]
    public int DeadLettersMax { get; init; } = 1_000;
}
