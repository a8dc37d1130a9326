using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory;

/// <summary>
/// What <see cref="ErrorMemory"/> has written, read and checked: all that a partition holds, or the cells that have changed, each with what it holds now. Applying
/// a change twice is applying it once. Immutable.
/// </summary>
public sealed class MemoryChange
{
    // The first number, which also tells a memory from other bytes.
    private const long WholeForm = 0x01_594D4552, DeltaForm = 0x02_594D4552;

    internal MemoryChange(MemoryShape shape, bool isWhole, long bucket, CellList current, CellList previous)
    {
        Shape = shape;
        IsWhole = isWhole;
        Bucket = bucket;
        Current = current;
        Previous = previous;
    }

    /// <summary>K and L.</summary>
    public MemoryShape Shape { get; }

    /// <summary>Whether cells that are not listed are empty; else they are what they were.</summary>
    public bool IsWhole { get; }

    /// <summary>The bucket of time that the partition adds to.</summary>
    public long Bucket { get; }

    internal CellList Current { get; }

    internal CellList Previous { get; }

    /// <summary>Reads a whole state or a delta.</summary>
    /// <param name="bytes">What <see cref="ErrorMemory.Write"/> or <see cref="ErrorMemory.TryWriteDelta"/> wrote.</param>
    /// <param name="shape">K and L of the reader.</param>
    /// <exception cref="SnapshotFormatException">The bytes are neither, or of another shape.</exception>
    public static MemoryChange Read(ReadOnlySpan<byte> bytes, MemoryShape shape)
    {
        shape.Validate();
        var reader = new StateReader(bytes, "Error memory");
        var form = reader.Long();
        reader.Require(form is WholeForm or DeltaForm, "it is neither whole nor a delta");
        var (arrays, bits) = (reader.Long(), reader.Long());
        reader.Require(arrays == shape.Arrays && bits == shape.Bits, $"it has {arrays} arrays of {bits} bits, not {shape.Arrays} of {shape.Bits}");
        var bucket = reader.Long(0, ErrorMemory.BucketMax);
        var change = new MemoryChange(shape, form == WholeForm, bucket, CellList.Read(ref reader, shape), CellList.Read(ref reader, shape));
        reader.End();
        if (change.IsWhole)
        {
            // Every sample is in one cell of every array.
            SumCheck.Whole(shape, change.Current);
            SumCheck.Whole(shape, change.Previous);
        }
        return change;
    }

    internal void Write(StateWriter writer)
    {
        writer.Write(IsWhole ? WholeForm : DeltaForm);
        writer.Write(Shape.Arrays);
        writer.Write(Shape.Bits);
        writer.Write(Bucket);
        Current.Write(writer);
        Previous.Write(writer);
    }
}
