using System.Buffers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>
/// What one partition has seen of rewards and of its own predictions, by similarity: the error memory of ReLoop2 (Zhu et al., KDD 2023, arXiv 2306.08808, section 4),
/// a sketch whose size does not depend on the number of samples. The writing side; owned by one thread.
/// </summary>
/// <remarks>
/// Cells are sums of integers, so samples in any order, split over any shards and merged, or replayed, give the same bits. Deviation: the paper wipes the memory now and
/// then; here the current bucket of time is added to, the previous one is still read, and what is older is forgotten. O(K) a sample.
/// </remarks>
public sealed class ErrorMemory
{
    /// <summary>Largest number of a bucket.</summary>
    public const long BucketMax = 1L << 60;

    private readonly CellLayout _layout;
    private CellTable _current;
    private CellTable _previous;
    private bool _published;

    /// <summary>Remembers nothing yet.</summary>
    /// <param name="shape">K and L.</param>
    /// <exception cref="ArgumentOutOfRangeException">The shape is out of its range.</exception>
    public ErrorMemory(MemoryShape shape)
    {
        shape.Validate();
        _layout = new CellLayout(shape);
        _current = new CellTable(_layout);
        _previous = new CellTable(_layout);
    }

    /// <summary>K and L.</summary>
    public MemoryShape Shape => _layout.Shape;

    /// <summary>The bucket of time that is added to; 0 at first.</summary>
    public long Bucket { get; private set; }

    /// <summary>Samples of the current and of the previous bucket.</summary>
    public long Samples => _current.Totals.Count + _previous.Totals.Count;

    /// <summary>Samples of the current bucket.</summary>
    public long CurrentSamples => _current.Totals.Count;

    /// <summary>Adds a sample.</summary>
    /// <param name="codes">Length K, each below 2^L: what <see cref="SimHash"/> made of it, salted or not.</param>
    /// <param name="reward">In [0, 1].</param>
    /// <param name="prediction">What was predicted when it was served, before any correction; finite, clipped to [0, 1].</param>
    /// <exception cref="ArgumentException">A code is out of range, the reward is outside [0, 1], or the prediction is not finite; nothing has changed.</exception>
    public void Add(ReadOnlySpan<ushort> codes, double reward, double prediction)
    {
        CellReader.CheckCodes(codes, Shape.Arrays, Shape);
        _current.Add(codes, MemoryCell.Of(reward, prediction));
    }

    /// <summary>Time has come to a bucket: what was current is previous, what was previous is forgotten; beyond the next bucket both are.</summary>
    /// <param name="bucket">In [0, <see cref="BucketMax"/>]; numbers before the current one change nothing.</param>
    public void Advance(long bucket)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bucket);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bucket, BucketMax);
        if (bucket <= Bucket)
            return;
        (_current, _previous) = (_previous, _current);
        _current.Clear();
        if (bucket > Bucket + 1)
            _previous.Clear();
        Bucket = bucket;
    }

    /// <summary>Forgets all samples; time stays.</summary>
    public void Clear()
    {
        _current.Clear();
        _previous.Clear();
        _published = false;
    }

    /// <summary>Adds all that another memory holds, as if its samples had been added to this one.</summary>
    /// <param name="other">Of the same shape; stays as it is.</param>
    /// <exception cref="ArgumentException">It has another shape, or is this memory.</exception>
    public void Merge(ErrorMemory other)
    {
        if (other.Shape != Shape || ReferenceEquals(other, this))
            throw new ArgumentException($"A memory of {other.Shape} cannot be added to another one of {Shape}.", nameof(other));
        Advance(other.Bucket);
        if (other.Bucket == Bucket)
        {
            _current.Add(other._current);
            _previous.Add(other._previous);
        }
        else if (other.Bucket == Bucket - 1)
            _previous.Add(other._current);
    }

    /// <summary>Writes all that the memory holds, empty cells left out.</summary>
    public void Write(IBufferWriter<byte> output) =>
        new MemoryChange(Shape, isWhole: true, Bucket, _current.List(changedOnly: false), _previous.List(changedOnly: false)).Write(new StateWriter(output));

    /// <summary>
    /// Writes the cells that have changed since <see cref="MarkPublished"/>, with what they hold now. Costs what has changed, and looking for it a bit for each cell.
    /// </summary>
    /// <returns>False, with nothing written, when only the whole will do: nothing is marked yet, or not since all was forgotten.</returns>
    public bool TryWriteDelta(IBufferWriter<byte> output)
    {
        if (_published)
            new MemoryChange(Shape, isWhole: false, Bucket, _current.List(changedOnly: true), _previous.List(changedOnly: true)).Write(new StateWriter(output));
        return _published;
    }

    /// <summary>What was last written, whole or as a delta, has reached its readers, and nothing has changed since it was written.</summary>
    public void MarkPublished()
    {
        _published = true;
        _current.MarkUnchanged();
        _previous.MarkUnchanged();
    }

    /// <summary>Becomes what <see cref="Write"/> wrote, with nothing published.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are something else; nothing has changed.</exception>
    public void Read(ReadOnlySpan<byte> bytes) => Become(MemoryChange.Read(bytes, Shape));

    /// <summary>Becomes what a whole state says, with nothing published.</summary>
    /// <exception cref="SnapshotFormatException">It is a delta; nothing has changed.</exception>
    internal void Become(MemoryChange change)
    {
        if (!change.IsWhole)
            throw new SnapshotFormatException("Error memory is damaged: a delta is no state.");
        _current.Become(change.Current);
        _previous.Become(change.Previous);
        Bucket = change.Bucket;
        _published = false;
    }
}
