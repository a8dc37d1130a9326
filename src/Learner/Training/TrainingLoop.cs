using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Learner.Training;

/// <summary>The one loop of an experiment: owns the partitions that the log assigns and gives each record to its learner.</summary>
public sealed class TrainingLoop(Experiment experiment, LearnerOutlets outlets) : IPartitionOwner
{
    private readonly Dictionary<int, PartitionLearner> _learners = [];

    /// <inheritdoc/>
    public long Assigned(int partition)
    {
        var learner = new PartitionLearner(experiment, partition, outlets);
        _learners[partition] = learner;
        return learner.NextOffset;
    }

    /// <inheritdoc/>
    public void Handle(in LogRecord record) => _learners[record.Partition].Handle(record);

    /// <inheritdoc/>
    public void Idle(bool caughtUp)
    {
        foreach (var learner in _learners.Values)
        {
            learner.Idle(caughtUp);
            if (learner.IsFenced)
                throw new InvalidOperationException($"Another writer has taken over partition of '{experiment.Name}'; the loop starts again from the newest checkpoint.");
        }
    }

    /// <inheritdoc/>
    public void Revoked(int partition)
    {
        if (_learners.Remove(partition, out var learner))
            learner.Close();
    }

    /// <inheritdoc/>
    public void Lost(int partition) => _learners.Remove(partition);
}
