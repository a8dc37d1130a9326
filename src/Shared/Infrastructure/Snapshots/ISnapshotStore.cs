namespace Recsys.Infrastructure.Snapshots;

/// <summary>The current published parameters of one partition.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Epoch">Tenure of the writer.</param>
/// <param name="Interactions">Interactions learned: the version within the epoch.</param>
/// <param name="AsOf">Up to which time everything in the log is reflected, Unix milliseconds; moves on while there is nothing to learn.</param>
public readonly record struct ShardHead(int Partition, long Epoch, long Interactions, long AsOf);

/// <summary>What became of a publication.</summary>
public enum SnapshotOutcome
{
    /// <summary>It is the current one now.</summary>
    Published,

    /// <summary>A writer with a later epoch, or a later version, was there first. The writer must stop.</summary>
    Fenced,
}

/// <summary>The learner's side: synchronous, called by the one training loop.</summary>
public interface ISnapshotWriter
{
    /// <summary>Makes framed parameters the current ones of their partition, if (epoch, interactions) moves forward.</summary>
    /// <param name="experiment">Its name.</param>
    /// <param name="head">What is published.</param>
    /// <param name="framed">Bytes made by <see cref="Recsys.Bandits.Snapshots.SnapshotFraming"/>; immutable once given.</param>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached; publish again later.</exception>
    SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed);

    /// <summary>Moves <see cref="ShardHead.AsOf"/> of the current parameters on. Refused unless epoch and interactions are the current ones.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    SnapshotOutcome Touch(string experiment, in ShardHead head);
}

/// <summary>The serving side.</summary>
public interface ISnapshotReader
{
    /// <summary>The heads of all partitions of an experiment, none before the first publication.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken);

    /// <summary>The framed parameters of a head, or null when they have been replaced meanwhile: read the heads again.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, ShardHead head, CancellationToken cancellationToken);

    /// <summary>Completes when something of this experiment may have changed: on the bell, or after 250 ms because a bell can be missed.</summary>
    Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken);
}
