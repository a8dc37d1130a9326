using System.Buffers;

namespace Recsys.Bandits.Policies;

/// <summary>
/// A trainer whose parameters are so many, and change in so few places, that publishing writes what has changed: increments over what was published before.
/// </summary>
public interface IDeltaTrainer : IPolicyTrainer
{
    /// <summary>
    /// Writes what was learned since <see cref="MarkPublished"/> was last called, for <see cref="IDeltaKind.Apply"/>. Costs what has changed, not what exists.
    /// May be called again with more learned in between; then the later delta contains the earlier one.
    /// </summary>
    /// <returns>False, with nothing written, when only the whole parameters will do: nothing is marked yet, or the change is no sum.</returns>
    bool TryWriteDelta(IBufferWriter<byte> output);

    /// <summary>What was last written, whole or as a delta, has reached its readers, and nothing was learned since it was written.</summary>
    void MarkPublished();
}

/// <summary>The serving side of <see cref="IDeltaTrainer"/>.</summary>
public interface IDeltaKind : IPolicyKind
{
    /// <summary>
    /// The policy that has also learned what the deltas say. It equals, bit by bit, what <see cref="IPolicyKind.Assemble"/> makes of the whole shards at that
    /// version. The given policy stays as it is and may go on serving.
    /// </summary>
    /// <param name="spec">The configuration that trained the shards.</param>
    /// <param name="policy">Made by this kind from the shards that the deltas continue.</param>
    /// <param name="deltas">What <see cref="IDeltaTrainer.TryWriteDelta"/> wrote, each over the last of its partition; the version of a shard is the one after it.</param>
    /// <exception cref="Snapshots.SnapshotFormatException">A payload is no delta; the given policy is still good.</exception>
    IPolicy Apply(PolicySpec spec, IPolicy policy, IReadOnlyList<PolicyShard> deltas);

    /// <summary>Reads a delta completely, as <see cref="Apply"/> would, and applies it to nothing.</summary>
    /// <exception cref="Snapshots.SnapshotFormatException">It is no delta; the message says where.</exception>
    void VerifyDelta(PolicySpec spec, ReadOnlySpan<byte> delta);
}
