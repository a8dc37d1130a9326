using System.Buffers;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies;

/// <summary>
/// The mutable half of a policy for one partition of the event log (a shard). Owned by one training loop, never shared. Its state is a pure
/// function of the sequence of interactions: cutting the same sequence into other batches gives the same bytes. One that computes on a device holds memory there
/// and is <see cref="IDisposable"/>.
/// </summary>
public interface IPolicyTrainer
{
    /// <summary>Interactions learned so far.</summary>
    long Interactions { get; }

    /// <summary>Learns a batch in order.</summary>
    void Learn(ReadOnlySpan<Interaction> batch);

    /// <summary>Writes what serving needs of this shard, for <see cref="IPolicyKind.Assemble"/>.</summary>
    void WriteParameters(IBufferWriter<byte> output);

    /// <summary>Writes the whole state. Equal states write equal bytes.</summary>
    void WriteCheckpoint(IBufferWriter<byte> output);

    /// <summary>Replaces the state by one that <see cref="WriteCheckpoint"/> wrote.</summary>
    /// <exception cref="Snapshots.SnapshotFormatException">The bytes are not such a state; the trainer is unchanged.</exception>
    void ReadCheckpoint(ReadOnlySpan<byte> input);
}
