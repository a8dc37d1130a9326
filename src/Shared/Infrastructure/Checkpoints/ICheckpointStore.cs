namespace Recsys.Infrastructure.Checkpoints;

/// <summary>Where a training loop keeps state and log position as one value, fenced by epoch. Synchronous: called by the one training loop.</summary>
public interface ICheckpointStore
{
    /// <summary>Starts a tenure: durably raises the epoch of a partition and returns it. Every earlier writer is refused from now on.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    long AcquireEpoch(string experiment, int partition);

    /// <summary>The newest checkpoint, or null when there is none.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    byte[]? Load(string experiment, int partition);

    /// <summary>Replaces the checkpoint atomically and durably. False when a later epoch has begun: the writer must stop.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached; the old checkpoint stands.</exception>
    bool Save(string experiment, int partition, long epoch, ReadOnlyMemory<byte> checkpoint);
}
