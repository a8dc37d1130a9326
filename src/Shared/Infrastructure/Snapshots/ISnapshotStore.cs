namespace Recsys.Infrastructure.Snapshots;

/// <summary>The current published parameters of one partition.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Epoch">Tenure of the writer.</param>
/// <param name="Interactions">Interactions learned: the version within the epoch.</param>
/// <param name="AsOf">Up to which time everything in the log is reflected, Unix milliseconds; moves on while there is nothing to learn.</param>
/// <param name="Base">
/// The version, of the same epoch, that was published whole and from which deltas lead to this one; null when this one was. The store says so; what a writer says
/// is ignored.
/// </param>
public readonly record struct ShardHead(int Partition, long Epoch, long Interactions, long AsOf, long? Base = null)
{
    /// <summary>Whether this version comes after another of the same partition.</summary>
    public bool IsAfter(in ShardHead other) => Epoch > other.Epoch || (Epoch == other.Epoch && Interactions > other.Interactions);

    /// <summary>Whether this is the same version as another of the same partition.</summary>
    public bool IsVersionOf(in ShardHead other) => Epoch == other.Epoch && Interactions == other.Interactions;
}

/// <summary>What became of a publication.</summary>
public enum SnapshotOutcome
{
    /// <summary>It is the current one now.</summary>
    Published,

    /// <summary>A writer with a later epoch, or a later version, was there first. The writer must stop.</summary>
    Fenced,

    /// <summary>What it builds on is not what the store has, because the store has lost it or never had it. Publish whole parameters; that also tells whether a
    /// later writer was there first.</summary>
    Missing,
}

/// <summary>The learner's side: synchronous, called by the one training loop.</summary>
public interface ISnapshotWriter
{
    /// <summary>
    /// Makes framed parameters the current ones of their partition, if (epoch, interactions) moves forward. Where deltas have led to the very same version, that
    /// version becomes the base of those that follow; readers who have it already need nothing.
    /// </summary>
    /// <param name="experiment">Its name.</param>
    /// <param name="head">What is published.</param>
    /// <param name="framed">Bytes made by <see cref="Recsys.Bandits.Snapshots.SnapshotFraming.Frame"/>; immutable once given.</param>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached; publish again later.</exception>
    SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed);

    /// <summary>Moves the current parameters on by what was learned since. Only if they are exactly of this epoch and of the version that the delta starts from.</summary>
    /// <param name="experiment">Its name.</param>
    /// <param name="head">What the parameters are with the delta.</param>
    /// <param name="fromInteractions">The version that the delta starts from, below that of the head.</param>
    /// <param name="framed">Bytes made by <see cref="Recsys.Bandits.Snapshots.SnapshotFraming.FrameDelta"/>; immutable once given.</param>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached, and may have taken it or not.</exception>
    SnapshotOutcome PublishDelta(string experiment, in ShardHead head, long fromInteractions, ReadOnlyMemory<byte> framed);

    /// <summary>Moves <see cref="ShardHead.AsOf"/> of the current parameters on. Refused unless epoch and interactions are the current ones.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    SnapshotOutcome Touch(string experiment, in ShardHead head);
}

/// <summary>What makes a reader have a version: whole parameters, deltas, or deltas over whole parameters. Framed and not verified.</summary>
/// <param name="Whole">Whole parameters to begin with, or null when the deltas continue what the reader has.</param>
/// <param name="Deltas">To be applied once each in this order; the last one leads to the version asked for.</param>
public sealed record ShardUpdate(ReadOnlyMemory<byte>? Whole, IReadOnlyList<ReadOnlyMemory<byte>> Deltas);

/// <summary>The serving side.</summary>
public interface ISnapshotReader
{
    /// <summary>The heads of all partitions of an experiment, none before the first publication.</summary>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken);

    /// <summary>What leads to a head, or null when it has been replaced meanwhile: read the heads again.</summary>
    /// <param name="experiment">Its name.</param>
    /// <param name="head">From <see cref="HeadsAsync"/>.</param>
    /// <param name="known">
    /// The version, of the same epoch, that the reader has: deltas alone are answered where they lead from there to the head without a gap. Null for one that
    /// wants whole parameters to begin with.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="Experiments.StoreUnavailableException">The store cannot be reached.</exception>
    Task<ShardUpdate?> FetchAsync(string experiment, ShardHead head, long? known, CancellationToken cancellationToken);

    /// <summary>Completes when something of this experiment may have changed: on the bell, or after 250 ms because a bell can be missed.</summary>
    Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken);
}
