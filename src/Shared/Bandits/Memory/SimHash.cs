using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Recsys.Bandits.Randomness;

namespace Recsys.Bandits.Memory;

/// <summary>
/// Signed random projections: vectors that point in similar directions get equal codes, each of K codes with probability (1 − θ/π)^L at angle θ. Immutable,
/// thread-safe, allocation-free.
/// </summary>
/// <remarks>
/// Source: Charikar, STOC 2002, for the hash; Andoni, Indyk, Laarhoven, Razenshteyn and Schmidt, NIPS 2015 (arXiv 1509.02897, section 3), for projections made
/// of three rounds of random signs and a Walsh-Hadamard transform instead of a dense Gaussian matrix. Vectors are padded with zeros to N, a power of two of at
/// least <see cref="PaddedMin"/>. Deviation: the first two rounds are made once, and only the third for every block of N bits, with signs of its own; what
/// enters it is spread over all coordinates, so that a sum of it under random signs is near a Gaussian projection, and independent ones for each block.
/// Projections of one block are orthogonal, and orthogonal ones agree less often all together than independent ones: (1 − θ/π)^L was missed by a tenth when the bits of a
/// code came from one block. So result t of all blocks is a bit of array t mod K, and the bits of a code come from as many blocks as there are.
/// Cost: (2 + K·L/N) · N log₂ N additions a row. Bits do not depend on the machine, nor on which other rows there are.
/// </remarks>
public sealed unsafe class SimHash
{
    /// <summary>Most numbers of a vector.</summary>
    public const int DimensionMax = 4096;

    /// <summary>Least N: vectors of few numbers are spread over so many, or there would be few different projections.</summary>
    public const int PaddedMin = 1 << LaneTransform.LogMin;

    /// <summary>Largest magnitude of a number, 2^80: all sums of transforms then are finite.</summary>
    public const float Most = 1.2089258E+24f;

    private const int Width = LaneTransform.Width;
    private const int Alignment = 64;

    // Not inlined, compiled fully at first use: see DenseKernels.
    private const MethodImplOptions Hot = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;
    private readonly int _log;
    private readonly uint[] _signs;

    /// <summary>Draws the projections.</summary>
    /// <param name="shape">K and L.</param>
    /// <param name="dimension">D, numbers of a vector, in [1, <see cref="DimensionMax"/>].</param>
    /// <param name="seed">The same seed gives the same codes for ever.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public SimHash(MemoryShape shape, int dimension, ulong seed)
    {
        shape.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimension, DimensionMax);
        Shape = shape;
        Dimension = dimension;
        _log = int.Log2(Math.Max(PaddedMin, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)dimension)));
        var blocks = (shape.Arrays * shape.Bits + Padded - 1) / Padded;
        _signs = new uint[(2 + blocks) * Padded];
        var stream = new SplitMix64(seed);
        for (var i = 0; i < _signs.Length; i++)
            _signs[i] = (uint)(stream.Next() >> 32) & 0x8000_0000;
    }

    /// <summary>K and L.</summary>
    public MemoryShape Shape { get; }

    /// <summary>D: numbers of a vector.</summary>
    public int Dimension { get; }

    private int Padded => 1 << _log;

    /// <summary>Hashes rows.</summary>
    /// <param name="rows">Shape [R, D], row-major, finite and within ±<see cref="Most"/>.</param>
    /// <param name="mean">Length D, subtracted from every row, finite and within ±<see cref="Most"/>; or empty. Vectors that all lie in one orthant, as those of
    /// rectified units do, share most bits unless they are centred.</param>
    /// <param name="codes">Shape [K, R], written: the code of row r in array k, below 2^L, at k·R + r. A single row has its K codes one after the other.</param>
    /// <exception cref="ArgumentException">A shape disagrees, or a number is not finite or too large.</exception>
    public void Hash(ReadOnlySpan<float> rows, ReadOnlySpan<float> mean, Span<ushort> codes)
    {
        var count = rows.Length / Dimension;
        if (count * Dimension != rows.Length)
            throw new ArgumentException($"{rows.Length} numbers are no rows of {Dimension}.", nameof(rows));
        if (!mean.IsEmpty && mean.Length != Dimension)
            throw new ArgumentException($"The mean has {mean.Length} numbers, rows have {Dimension}.", nameof(mean));
        if (codes.Length != count * Shape.Arrays)
            throw new ArgumentException($"Room for {codes.Length} codes, {count} rows of {Shape.Arrays} are made.", nameof(codes));
        if (count == 0)
            return;
        CheckNumbers(rows, nameof(rows));
        CheckNumbers(mean, nameof(mean));

        var room = Padded * Width;
        var rented = ArrayPool<float>.Shared.Rent(2 * room + Shape.Arrays * Width + Alignment / sizeof(float));
        fixed (float* start = rented, from = rows, centre = mean)
        fixed (uint* signs = _signs)
        fixed (ushort* to = codes)
        {
            var work = (float*)(((nuint)start + Alignment - 1) & ~(nuint)(Alignment - 1));
            var spread = work + room;
            if (count < Width)
            {
                var all = stackalloc ushort[Shape.Arrays * Width];
                HashSome(from, count, centre, work, spread, signs, all, Width);
                for (var k = 0; k < Shape.Arrays; k++)
                    new ReadOnlySpan<ushort>(all + k * Width, count).CopyTo(new Span<ushort>(to + k * count, count));
            }
            else
            {
                // The last sixteen rows overlap those before, rather than leave lanes empty.
                for (var row = 0; row < count; row += Width)
                {
                    var first = Math.Min(row, count - Width);
                    HashSome(from + (nint)first * Dimension, Width, centre, work, spread, signs, to + first, count);
                }
            }
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    private void HashSome(float* rows, int count, float* mean, float* work, float* spread, uint* signs, ushort* codes, int stride)
    {
        Load(rows, count, mean, work);
        LaneTransform.SignAndTransform(_log, work, signs, spread);
        LaneTransform.SignAndTransform(_log, spread, signs + Padded, spread);
        Project(spread, signs + 2 * Padded, work, (uint*)(spread + Padded * Width), codes, stride);
    }

    private static void CheckNumbers(ReadOnlySpan<float> numbers, string name)
    {
        // As integers, magnitudes are in the same order as floats, and whatever is not finite is above them all.
        var largest = 0;
        var i = 0;
        if (numbers.Length >= Width)
        {
            var all = Vector512<int>.Zero;
            ref var first = ref System.Runtime.InteropServices.MemoryMarshal.GetReference(numbers);
            for (; i + Width <= numbers.Length; i += Width)
                all = Vector512.Max(all, Vector512.LoadUnsafe(ref first, (nuint)i).AsInt32() & Vector512.Create(int.MaxValue));
            for (var lane = 0; lane < Width; lane++)
                largest = Math.Max(largest, all[lane]);
        }
        for (; i < numbers.Length; i++)
            largest = Math.Max(largest, BitConverter.SingleToInt32Bits(numbers[i]) & int.MaxValue);
        if (largest > BitConverter.SingleToInt32Bits(Most))
            throw new ArgumentException($"A number is not finite, or its magnitude is above {Most}.", name);
    }

    /// <summary>Centres up to sixteen rows into lanes, shape [N, 16]; lanes without a row, and numbers beyond D, are 0.</summary>
    [MethodImpl(Hot)]
    private void Load(float* rows, int lanes, float* mean, float* to)
    {
        new Span<float>(to + (nint)Dimension * Width, (Padded - Dimension) * Width).Clear();
        if (lanes < Width)
            new Span<float>(to, Dimension * Width).Clear();
        nint d = Dimension;
        var lane = 0;
        for (; lane + 4 <= lanes; lane += 4)
        {
            float* a = rows + lane * d, b = a + d, c = b + d, e = c + d, at = to + lane;
            for (nint i = 0; i < d; i++, at += Width)
            {
                var four = Vector128.Create(a[i], b[i], c[i], e[i]);
                (mean == null ? four : four - Vector128.Create(mean[i])).Store(at);
            }
        }
        for (; lane < lanes; lane++)
        {
            for (nint i = 0; i < d; i++)
                to[i * Width + lane] = mean == null ? rows[lane * d + i] : rows[lane * d + i] - mean[i];
        }
    }

    /// <summary>The last round for every block, and the signs of its results packed into codes: 1 where the sign bit is set.</summary>
    /// <param name="spread">Shape [N, 16], what two rounds have made of the rows.</param>
    /// <param name="signs">Shape [blocks, N].</param>
    /// <param name="work">Shape [N, 16], overwritten.</param>
    /// <param name="gathered">Shape [K, 16], overwritten.</param>
    /// <param name="codes">Shape [K, 16], written.</param>
    /// <param name="stride">From one array's codes to the next, at least 16.</param>
    private void Project(float* spread, uint* signs, float* work, uint* gathered, ushort* codes, int stride)
    {
        int arrays = Shape.Arrays, total = arrays * Shape.Bits;
        for (var done = 0; done < total; signs += Padded)
        {
            LaneTransform.SignAndTransform(_log, spread, signs, work);
            var end = Math.Min(done + Padded, total);
            for (var from = (uint*)work; done < end;)
            {
                var run = Math.Min(end - done, arrays - done % arrays);
                Append(from, run, gathered + (nint)(done % arrays) * Width);
                done += run;
                from += (nint)run * Width;
            }
        }
        Narrow(gathered, arrays, 32 - Shape.Bits, codes, stride);
    }

    /// <summary>Shifts one sign bit into the code of each of some arrays, from above.</summary>
    [MethodImpl(Hot)]
    private static void Append(uint* from, int arrays, uint* codes)
    {
        var sign = Vector512.Create(0x8000_0000);
        for (var end = from + (nint)arrays * Width; from < end; from += Width, codes += Width)
            ((Vector512.Load(codes) >>> 1) | (Vector512.Load(from) & sign)).Store(codes);
    }

    [MethodImpl(Hot)]
    private static void Narrow(uint* gathered, int arrays, int shift, ushort* codes, int stride)
    {
        for (var k = 0; k < arrays; k++, gathered += Width, codes += stride)
        {
            var code = Vector512.Load(gathered) >>> shift;
            Vector256.Narrow(code.GetLower(), code.GetUpper()).Store(codes);
        }
    }
}
