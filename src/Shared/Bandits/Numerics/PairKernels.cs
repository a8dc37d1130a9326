using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Numerics;

/// <summary>
/// Sums over a row of a matrix and a line of its own for every candidate: what is left of a decision by networks after the layer's product. Bits as in
/// <see cref="DenseKernels"/>: sixteen sums, folded in halves. One thread, nothing allocated.
/// </summary>
/// <remarks>
/// Lines are at k·stride, so that a stride of 0 gives all candidates the first one. A candidate with row −1 has none, and nothing is written for it.
/// </remarks>
internal static class PairKernels
{
    private const int Width = DenseKernels.Width;
    private const MethodImplOptions Hot = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;

    /// <summary>result_k = Σ_j row_j · line_j.</summary>
    /// <param name="matrix">Shape [R, N], row-major.</param>
    /// <param name="rows">Shape [K], each below R, or −1.</param>
    /// <param name="columns">N, a multiple of 16, at least that.</param>
    /// <param name="lines">Lines of N numbers.</param>
    /// <param name="stride">At least N, or 0.</param>
    /// <param name="result">Length K.</param>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    [MethodImpl(Hot)]
    public static void Dots(ReadOnlySpan<float> matrix, ReadOnlySpan<int> rows, int columns, ReadOnlySpan<float> lines, int stride, Span<float> result)
    {
        Check(matrix, rows, columns, lines, stride, result);
        ref var first = ref MemoryMarshal.GetReference(matrix);
        ref var line = ref MemoryMarshal.GetReference(lines);
        for (var k = 0; k < rows.Length; k++, line = ref Unsafe.Add(ref line, stride))
        {
            if (rows[k] < 0)
                continue;
            ref var row = ref Unsafe.Add(ref first, (nint)rows[k] * columns);
            var sums = Lanes.Zero;
            for (nuint j = 0; j < (nuint)columns; j += Width)
                sums = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, j), Vector512.LoadUnsafe(ref line, j), sums);
            result[k] = DenseKernels.Fold(sums);
        }
    }

    /// <summary>result_k += Σ_j row_j · line_j².</summary>
    /// <param name="matrix">Shape [R, N], row-major.</param>
    /// <param name="rows">Shape [K], each below R, or −1.</param>
    /// <param name="columns">N, a multiple of 16, at least that.</param>
    /// <param name="lines">Lines of N numbers.</param>
    /// <param name="stride">At least N, or 0.</param>
    /// <param name="result">Length K, in and out.</param>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    [MethodImpl(Hot)]
    public static void AddSquares(ReadOnlySpan<float> matrix, ReadOnlySpan<int> rows, int columns, ReadOnlySpan<float> lines, int stride, Span<float> result)
    {
        Check(matrix, rows, columns, lines, stride, result);
        ref var first = ref MemoryMarshal.GetReference(matrix);
        ref var line = ref MemoryMarshal.GetReference(lines);
        for (var k = 0; k < rows.Length; k++, line = ref Unsafe.Add(ref line, stride))
        {
            if (rows[k] < 0)
                continue;
            ref var row = ref Unsafe.Add(ref first, (nint)rows[k] * columns);
            var sums = Lanes.Zero;
            for (nuint j = 0; j < (nuint)columns; j += Width)
            {
                var value = Vector512.LoadUnsafe(ref line, j);
                sums = Vector512.FusedMultiplyAdd(value * value, Vector512.LoadUnsafe(ref row, j), sums);
            }
            result[k] += DenseKernels.Fold(sums);
        }
    }

    /// <summary>result_k += Σ_j row_j² · weight_j over those j whose unit is above 0.</summary>
    /// <param name="matrix">Shape [R, N] or longer, row-major.</param>
    /// <param name="rows">Shape [K], each below R, or −1.</param>
    /// <param name="columns">N, a multiple of 16, at least that.</param>
    /// <param name="units">Lines of N numbers.</param>
    /// <param name="weights">Lines of N numbers.</param>
    /// <param name="stride">At least N, or 0: of both.</param>
    /// <param name="result">Length K, in and out.</param>
    /// <exception cref="ArgumentException">A shape does not fit.</exception>
    [MethodImpl(Hot)]
    public static void AddActiveSquares(
        ReadOnlySpan<float> matrix, ReadOnlySpan<int> rows, int columns, ReadOnlySpan<float> units, ReadOnlySpan<float> weights, int stride, Span<float> result)
    {
        Check(matrix, rows, columns, units, stride, result);
        if (weights.Length < units.Length)
            throw new ArgumentException($"{weights.Length} weights for {units.Length} units.", nameof(weights));
        ref var first = ref MemoryMarshal.GetReference(matrix);
        ref var unit = ref MemoryMarshal.GetReference(units);
        ref var weight = ref MemoryMarshal.GetReference(weights);
        for (var k = 0; k < rows.Length; k++, unit = ref Unsafe.Add(ref unit, stride), weight = ref Unsafe.Add(ref weight, stride))
        {
            if (rows[k] < 0)
                continue;
            ref var row = ref Unsafe.Add(ref first, (nint)rows[k] * columns);
            var sums = Lanes.Zero;
            for (nuint j = 0; j < (nuint)columns; j += Width)
            {
                var active = Vector512.GreaterThan(Vector512.LoadUnsafe(ref unit, j), Lanes.Zero);
                var value = Vector512.ConditionalSelect(active, Vector512.LoadUnsafe(ref row, j), Lanes.Zero);
                sums = Vector512.FusedMultiplyAdd(value * value, Vector512.LoadUnsafe(ref weight, j), sums);
            }
            result[k] += DenseKernels.Fold(sums);
        }
    }

    private static void Check(ReadOnlySpan<float> matrix, ReadOnlySpan<int> rows, int columns, ReadOnlySpan<float> lines, int stride, ReadOnlySpan<float> result)
    {
        if (columns < Width || columns % Width != 0)
            throw new ArgumentException($"{columns} columns are no positive multiple of {Width}.", nameof(columns));
        if (stride != 0 && stride < columns)
            throw new ArgumentException($"Lines of {columns} numbers are not only {stride} apart.", nameof(stride));
        if (result.Length != rows.Length || (rows.Length > 0 && lines.Length < (rows.Length - 1L) * stride + columns))
            throw new ArgumentException($"{rows.Length} rows, {lines.Length} numbers in lines {stride} apart and room for {result.Length} results.", nameof(lines));
        var count = matrix.Length / columns;
        foreach (var row in rows)
        {
            if (row < -1 || row >= count)
                throw new ArgumentOutOfRangeException(nameof(rows), row, $"There are {count} rows.");
        }
    }
}
