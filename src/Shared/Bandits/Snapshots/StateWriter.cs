using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Recsys.Bandits.Snapshots;

/// <summary>Writes numbers and arrays, little endian, each array after its length. <see cref="StateReader"/> reads them in the same order.</summary>
/// <param name="output">Where to.</param>
public readonly struct StateWriter(IBufferWriter<byte> output)
{
    /// <summary>Writes a number.</summary>
    public void Write(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(sizeof(long)), value);
        output.Advance(sizeof(long));
    }

    /// <summary>Writes a number.</summary>
    public void Write(double value) => Write(BitConverter.DoubleToInt64Bits(value));

    /// <summary>Writes the length and the elements.</summary>
    /// <typeparam name="T">A number of fixed size.</typeparam>
    public void Write<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        Write((long)values.Length);
        output.Write(MemoryMarshal.AsBytes(values));
    }
}

/// <summary>Reads what <see cref="StateWriter"/> wrote, and nothing else.</summary>
public ref struct StateReader
{
    private readonly string _what;
    private ReadOnlySpan<byte> _rest;

    /// <summary>Reads from the start.</summary>
    /// <param name="input">All bytes.</param>
    /// <param name="what">What they are, for messages.</param>
    public StateReader(ReadOnlySpan<byte> input, string what)
    {
        _rest = input;
        _what = what;
    }

    /// <summary>Reads a whole number.</summary>
    /// <exception cref="SnapshotFormatException">There is none.</exception>
    public long Long()
    {
        Require(_rest.Length >= sizeof(long), "it ends early");
        var value = BinaryPrimitives.ReadInt64LittleEndian(_rest);
        _rest = _rest[sizeof(long)..];
        return value;
    }

    /// <summary>Reads a whole number within bounds.</summary>
    /// <exception cref="SnapshotFormatException">There is none, or it is outside.</exception>
    public long Long(long minimum, long maximum)
    {
        var value = Long();
        Require(value >= minimum && value <= maximum, $"{value} is not between {minimum} and {maximum}");
        return value;
    }

    /// <summary>Reads a finite number.</summary>
    /// <exception cref="SnapshotFormatException">There is none, or it is not finite.</exception>
    public double Finite()
    {
        var value = BitConverter.Int64BitsToDouble(Long());
        Require(double.IsFinite(value), "a number is not finite");
        return value;
    }

    /// <summary>Reads an array of known length.</summary>
    /// <exception cref="SnapshotFormatException">There is none, or its length is another.</exception>
    public T[] Array<T>(long length) where T : unmanaged
    {
        var written = Long();
        Require(written == length, $"an array has {written} elements, not {length}");
        return Elements<T>(length);
    }

    /// <summary>Reads an array of any length up to a bound.</summary>
    /// <exception cref="SnapshotFormatException">There is none, or it is longer.</exception>
    public T[] ArrayUpTo<T>(long longest) where T : unmanaged => Elements<T>(Long(0, longest));

    /// <summary>Reads an array of known length whose elements are all finite.</summary>
    /// <exception cref="SnapshotFormatException">There is none, its length is another, or an element is not finite.</exception>
    public float[] Floats(long length)
    {
        var values = Array<float>(length);
        foreach (var value in values)
            Require(float.IsFinite(value), "a number is not finite");
        return values;
    }

    /// <summary>The end is here.</summary>
    /// <exception cref="SnapshotFormatException">More bytes follow.</exception>
    public readonly void End() => Require(_rest.IsEmpty, $"{_rest.Length} bytes follow its end");

    /// <summary>Refuses the bytes unless a condition holds.</summary>
    /// <exception cref="SnapshotFormatException">It does not.</exception>
    public readonly void Require(bool holds, string problem)
    {
        if (!holds)
            throw new SnapshotFormatException($"{_what} is damaged: {problem}.");
    }

    private T[] Elements<T>(long length) where T : unmanaged
    {
        var size = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        Require(length <= _rest.Length / size, "it ends within an array");
        var bytes = _rest[..(int)(length * size)];
        _rest = _rest[bytes.Length..];
        return MemoryMarshal.Cast<byte, T>(bytes).ToArray();
    }
}
