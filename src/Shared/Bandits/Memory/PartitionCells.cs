using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>What serving knows of one partition: exactly what its <see cref="ErrorMemory"/> held when it was last heard of. Immutable.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="Bucket">The bucket that it adds to.</param>
/// <param name="Current">Of that bucket.</param>
/// <param name="Previous">Of the one before.</param>
internal sealed record PartitionCells(int Partition, long Bucket, FrozenCells Current, FrozenCells Previous)
{
    /// <summary>A partition by all that it holds.</summary>
    public static PartitionCells Of(CellLayout layout, int partition, MemoryChange whole)
    {
        var empty = FrozenCells.Empty(layout);
        return new PartitionCells(partition, whole.Bucket, empty.With(layout, whole.Current), empty.With(layout, whole.Previous));
    }

    /// <summary>The partition after a delta.</summary>
    /// <exception cref="SnapshotFormatException">The delta does not continue what is known.</exception>
    public PartitionCells After(CellLayout layout, MemoryChange delta)
    {
        if (delta.Bucket < Bucket)
            throw new SnapshotFormatException($"Error memory is damaged: a delta of bucket {delta.Bucket} follows bucket {Bucket}.");
        var (current, previous) = (Current, Previous);
        if (delta.Bucket > Bucket)
        {
            var empty = FrozenCells.Empty(layout);
            (current, previous) = (empty, delta.Bucket == Bucket + 1 ? current : empty);
        }
        return new PartitionCells(Partition, delta.Bucket, current.With(layout, delta.Current), previous.With(layout, delta.Previous));
    }
}
