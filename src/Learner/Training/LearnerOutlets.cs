using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Snapshots;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Training;

/// <summary>What a partition's learner needs from outside.</summary>
/// <param name="Snapshots">Takes parameters.</param>
/// <param name="Checkpoints">Takes checkpoints.</param>
/// <param name="Events">Takes dead letters and ticks.</param>
/// <param name="Time">The host's clock: cadence and ticks only, never learning.</param>
/// <param name="Options">Cadence and bounds.</param>
/// <param name="Metrics">Counts.</param>
/// <param name="Log">Messages.</param>
/// <param name="Trainers">Where trainers come from; null for the CPU's.</param>
public sealed record LearnerOutlets(
    ISnapshotWriter Snapshots,
    ICheckpointStore Checkpoints,
    IEventPublisher Events,
    TimeProvider Time,
    TrainingOptions Options,
    LearnerMetrics Metrics,
    ILogger Log,
    TrainerFactory? Trainers = null);
