using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Numerics;

/// <summary>
/// What a network with one small hidden layer computes: products of matrices, inner products, rectification. One thread, nothing allocated.
/// </summary>
/// <remarks>
/// Bits. Every result is that of a plain loop of fused multiply-adds in an order which depends on shapes alone: not on the machine's vector
/// width, on the alignment of the arrays or on how many other rows there are. The reductions of <see cref="TensorPrimitives"/> do not
/// promise that, because they add up in the order of the widest vectors there are; its element by element operations do, and are used.
/// Numbers are expected to be finite, and results then are, unless they exceed a float's range.
/// Zeros are multiplied like any other number. Packing those rows of B together that four rows of A need was 1.4 to 1.6 times as fast on
/// images of which six sevenths are 0, no faster on four fifths of zeros at random places, and mostly 1.1 to 1.9 times as slow without.
/// </remarks>
internal static class DenseKernels
{
    /// <summary>Numbers that are computed at once; rows of matrices are padded to a multiple of it.</summary>
    public const int Width = 16;

    // 32 KiB of B, which the first cache keeps while all rows of C pass over it; twice as much was slower. Of wide matrices so many columns
    // at a time, or sums would go to memory and back more often than needed. A sum that waits in memory is a float as it was before, so that
    // results do not depend on any of this.
    private const int Resident = 8192, PanelColumns = 128;

    // Not inlined: in a caller that has taken in much else, the compiler stops at the single vector and calls a function for each, twenty
    // times slower. Compiled fully at first use, instead of after many slow calls.
    private const MethodImplOptions Hot = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;

    /// <summary>C[r, :] += Σₖ A[r, k] · B[k, :], each element by fused multiply-adds in ascending order of k, R·I·N in all.</summary>
    /// <remarks>
    /// A layer forward has A = X [B, D], <paramref name="rowStride"/> D, <paramref name="innerStride"/> 1, and B = weights [D, H]. Its
    /// gradient has A = Xᵀ of the same array, strides 1 and D, and B = the gradient of the hidden values [B, H].
    /// </remarks>
    /// <param name="a">A, shape [R, I], element (r, k) at r·<paramref name="rowStride"/> + k·<paramref name="innerStride"/>.</param>
    /// <param name="rowStride">At least 0.</param>
    /// <param name="innerStride">At least 0.</param>
    /// <param name="rows">R, at least 0.</param>
    /// <param name="inner">I, at least 0.</param>
    /// <param name="b">B, shape [I, N], row-major.</param>
    /// <param name="columns">N, a multiple of <see cref="Width"/>.</param>
    /// <param name="c">In and out: C, shape [R, N], row-major, apart from A and B in memory.</param>
    /// <exception cref="ArgumentException">N is no multiple, or a span is too short for its shape.</exception>
    public static void MultiplyAdd(
        ReadOnlySpan<float> a, int rowStride, int innerStride, int rows, int inner, ReadOnlySpan<float> b, int columns, Span<float> c) =>
        MultiplyAdd(a, rowStride, innerStride, rows, inner, b, columns, columns, c, columns);

    /// <summary>The same with columns of wider matrices.</summary>
    /// <param name="a">As above.</param>
    /// <param name="rowStride">As above.</param>
    /// <param name="innerStride">As above.</param>
    /// <param name="rows">As above.</param>
    /// <param name="inner">As above.</param>
    /// <param name="b">B, from its first column in use on.</param>
    /// <param name="bStride">From one row of B to the next, at least N.</param>
    /// <param name="columns">N, a multiple of <see cref="Width"/>.</param>
    /// <param name="c">In and out: C, from its first column in use on.</param>
    /// <param name="cStride">From one row of C to the next, at least N.</param>
    /// <exception cref="ArgumentException">N is no multiple, or a span is too short for its shape.</exception>
    [MethodImpl(Hot)]
    public static void MultiplyAdd(
        ReadOnlySpan<float> a, int rowStride, int innerStride, int rows, int inner, ReadOnlySpan<float> b, int bStride, int columns, Span<float> c, int cStride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowStride);
        ArgumentOutOfRangeException.ThrowIfNegative(innerStride);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(inner);
        CheckColumns(columns);
        if (rows == 0 || inner == 0 || columns == 0)
            return;
        Check(a.Length, (rows - 1L) * rowStride + (inner - 1L) * innerStride + 1, nameof(a));
        CheckStrides(columns, bStride, cStride);
        Check(b.Length, (inner - 1L) * bStride + columns, nameof(b));
        Check(c.Length, (rows - 1L) * cStride + columns, nameof(c));

        for (var column = 0; column < columns; column += PanelColumns)
        {
            var wide = Math.Min(PanelColumns, columns - column);
            var depth = Resident / wide;
            for (var from = 0; from < inner; from += depth)
            {
                var count = Math.Min(depth, inner - from);
                ref var part = ref Unsafe.Add(ref MemoryMarshal.GetReference(a), from * innerStride);
                ref var panel = ref Unsafe.Add(ref MemoryMarshal.GetReference(b), from * bStride + column);
                ref var sums = ref Unsafe.Add(ref MemoryMarshal.GetReference(c), column);
                var row = 0;
                for (; row + 4 <= rows; row += 4)
                {
                    ref var four = ref Unsafe.Add(ref sums, row * cStride);
                    FourRows(ref Unsafe.Add(ref part, row * rowStride), rowStride, innerStride, count, ref panel, bStride, wide, ref four, cStride);
                }
                for (; row < rows; row++)
                {
                    ref var one = ref Unsafe.Add(ref sums, row * cStride);
                    OneRow(ref Unsafe.Add(ref part, row * rowStride), innerStride, count, ref panel, bStride, wide, ref one);
                }
            }
        }
    }

    /// <summary>to += scale · row, element by element, fused: one k of a product for one row.</summary>
    /// <param name="scale">A number.</param>
    /// <param name="row">Any length.</param>
    /// <param name="to">In and out, at least as long; what is beyond stays.</param>
    /// <exception cref="ArgumentException"><paramref name="to"/> is shorter.</exception>
    [MethodImpl(Hot)]
    public static void AddScaled(float scale, ReadOnlySpan<float> row, Span<float> to)
    {
        var length = Fitting(row.Length, to.Length, nameof(to));
        ref var from = ref MemoryMarshal.GetReference(row);
        ref var sums = ref MemoryMarshal.GetReference(to);
        var factor = Vector512.Create(scale);
        var i = 0;
        for (; i + Width <= length; i += Width)
            Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref from, (nuint)i), factor, Vector512.LoadUnsafe(ref sums, (nuint)i)).StoreUnsafe(ref sums, (nuint)i);
        for (; i < length; i++)
            Unsafe.Add(ref sums, i) = MathF.FusedMultiplyAdd(Unsafe.Add(ref from, i), scale, Unsafe.Add(ref sums, i));
    }

    /// <summary>sums += Σ scale_i · row_i, in the order given: the same bits as <see cref="AddScaled"/> one after the other.</summary>
    /// <param name="scales">Length I.</param>
    /// <param name="rowIndices">Length I, each the number of a row of the matrix.</param>
    /// <param name="matrix">Shape [R, N], row-major.</param>
    /// <param name="columns">N, a multiple of <see cref="Width"/>.</param>
    /// <param name="sums">In and out, length N.</param>
    /// <exception cref="ArgumentException">N is no multiple, an index is out of range, or a span has another length.</exception>
    [MethodImpl(Hot)]
    public static void AddRows(ReadOnlySpan<float> scales, ReadOnlySpan<int> rowIndices, ReadOnlySpan<float> matrix, int columns, Span<float> sums)
    {
        CheckRows(scales, rowIndices, matrix.Length, columns, sums.Length);
        ref var from = ref MemoryMarshal.GetReference(matrix);
        ref var to = ref MemoryMarshal.GetReference(sums);
        var column = 0;
        // Two vectors of sums stay in registers while the rows pass by.
        for (; column + 2 * Width <= columns; column += 2 * Width)
        {
            var first = Vector512.LoadUnsafe(ref to, (nuint)column);
            var second = Vector512.LoadUnsafe(ref to, (nuint)(column + Width));
            for (var i = 0; i < scales.Length; i++)
            {
                var at = (nuint)(rowIndices[i] * columns + column);
                var factor = Vector512.Create(scales[i]);
                first = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref from, at), factor, first);
                second = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref from, at + Width), factor, second);
            }
            first.StoreUnsafe(ref to, (nuint)column);
            second.StoreUnsafe(ref to, (nuint)(column + Width));
        }
        for (; column < columns; column += Width)
        {
            var sum = Vector512.LoadUnsafe(ref to, (nuint)column);
            for (var i = 0; i < scales.Length; i++)
                sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref from, (nuint)(rowIndices[i] * columns + column)), Vector512.Create(scales[i]), sum);
            sum.StoreUnsafe(ref to, (nuint)column);
        }
    }

    /// <summary>
    /// C[r, :] += Σₖ A[r, k] · B[k, :] with a sparse A, each element by fused multiply-adds in the order in which A is given: the same bits as <see cref="AddRows"/> for
    /// every row.
    /// </summary>
    /// <param name="starts">Length R + 1, ascending: the elements of row r are those from starts[r] to starts[r + 1].</param>
    /// <param name="rowIndices">k of every element.</param>
    /// <param name="values">Every element, as many.</param>
    /// <param name="b">B, shape [I, N], row-major, from its first column in use on.</param>
    /// <param name="bStride">From one row of B to the next, at least N.</param>
    /// <param name="columns">N, a multiple of <see cref="Width"/>.</param>
    /// <param name="c">In and out: C, shape [R, N], row-major, from its first column in use on; apart from B in memory.</param>
    /// <param name="cStride">From one row of C to the next, at least N.</param>
    /// <exception cref="ArgumentException">N is no multiple, an index is out of range, or a span is too short for its shape.</exception>
    [MethodImpl(Hot)]
    public static void SparseMultiplyAdd(
        ReadOnlySpan<int> starts, ReadOnlySpan<int> rowIndices, ReadOnlySpan<float> values, ReadOnlySpan<float> b, int bStride, int columns, Span<float> c, int cStride)
    {
        CheckSparse(starts, rowIndices, values, b.Length, bStride, columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(cStride, columns);
        var rows = starts.Length - 1;
        Check(c.Length, (rows - 1L) * cStride + columns, nameof(c));
        ref var from = ref MemoryMarshal.GetReference(b);
        ref var to = ref MemoryMarshal.GetReference(c);
        var column = 0;
        // Column by column, so that those of B that are in use stay in the first cache.
        for (; column + 6 * Width <= columns; column += 6 * Width)
        {
            for (var row = 0; row < rows; row++)
            {
                var (start, count) = (starts[row], starts[row + 1] - starts[row]);
                AddRowsToSix(values.Slice(start, count), rowIndices.Slice(start, count), ref Unsafe.Add(ref from, column), bStride, ref Unsafe.Add(ref to, row * cStride + column));
            }
        }
        for (; column + 4 * Width <= columns; column += 4 * Width)
        {
            for (var row = 0; row < rows; row++)
            {
                var (start, count) = (starts[row], starts[row + 1] - starts[row]);
                AddRowsToFour(values.Slice(start, count), rowIndices.Slice(start, count), ref Unsafe.Add(ref from, column), bStride, ref Unsafe.Add(ref to, row * cStride + column));
            }
        }
        for (; column < columns; column += Width)
        {
            for (var row = 0; row < rows; row++)
            {
                var (start, count) = (starts[row], starts[row + 1] - starts[row]);
                AddRowsToOne(values.Slice(start, count), rowIndices.Slice(start, count), ref Unsafe.Add(ref from, column), bStride, ref Unsafe.Add(ref to, row * cStride + column));
            }
        }
    }

    /// <summary>The same with zeros in C before, and rows of C that are arrays of their own: C[r, :] = Σₖ A[r, k] · B[k, :].</summary>
    /// <param name="starts">As above.</param>
    /// <param name="rowIndices">As above.</param>
    /// <param name="values">As above.</param>
    /// <param name="b">As above.</param>
    /// <param name="bStride">As above.</param>
    /// <param name="columns">As above.</param>
    /// <param name="c">Written: the R rows of C, apart from B in memory.</param>
    /// <param name="first">The column of C where its N columns begin.</param>
    /// <exception cref="ArgumentException">As above.</exception>
    [MethodImpl(Hot)]
    public static void SparseMultiply(
        ReadOnlySpan<int> starts, ReadOnlySpan<int> rowIndices, ReadOnlySpan<float> values, ReadOnlySpan<float> b, int bStride, int columns, ReadOnlySpan<float[]> c, int first)
    {
        CheckSparse(starts, rowIndices, values, b.Length, bStride, columns);
        CheckSame(starts.Length - 1, c.Length, nameof(c));
        ref var from = ref MemoryMarshal.GetReference(b);
        for (var row = 0; row < c.Length; row++)
        {
            var sums = c[row].AsSpan(first, columns);
            sums.Clear();
            var (start, count) = (starts[row], starts[row + 1] - starts[row]);
            AddRowsTo(values.Slice(start, count), rowIndices.Slice(start, count), ref from, bStride, columns, ref MemoryMarshal.GetReference(sums));
        }
    }

    [MethodImpl(Hot)]
    private static void AddRowsTo(ReadOnlySpan<float> scales, ReadOnlySpan<int> rowIndices, ref float matrix, int stride, int columns, ref float sums)
    {
        var column = 0;
        for (; column + 6 * Width <= columns; column += 6 * Width)
            AddRowsToSix(scales, rowIndices, ref Unsafe.Add(ref matrix, column), stride, ref Unsafe.Add(ref sums, column));
        for (; column + 4 * Width <= columns; column += 4 * Width)
            AddRowsToFour(scales, rowIndices, ref Unsafe.Add(ref matrix, column), stride, ref Unsafe.Add(ref sums, column));
        for (; column < columns; column += Width)
            AddRowsToOne(scales, rowIndices, ref Unsafe.Add(ref matrix, column), stride, ref Unsafe.Add(ref sums, column));
    }

    private static void CheckSparse(ReadOnlySpan<int> starts, ReadOnlySpan<int> rowIndices, ReadOnlySpan<float> values, int b, int bStride, int columns)
    {
        CheckColumns(columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(bStride, columns);
        var rows = starts.Length - 1;
        Check(rows, 1, nameof(starts));
        for (var row = 0; row < rows; row++)
        {
            if (starts[row] < 0 || starts[row] > starts[row + 1])
                throw new ArgumentException("Rows begin before they end.", nameof(starts));
        }
        var elements = starts[rows];
        Check(rowIndices.Length, elements, nameof(rowIndices));
        Check(values.Length, elements, nameof(values));
        var inner = bStride == 0 || b < columns ? 0 : (b - columns) / bStride + 1;
        foreach (var index in rowIndices[starts[0]..elements])
        {
            if ((uint)index >= (uint)inner)
                throw new ArgumentException($"There is no row {index}.", nameof(rowIndices));
        }
    }

    [MethodImpl(Hot)]
    private static void AddRowsToSix(ReadOnlySpan<float> scales, ReadOnlySpan<int> rowIndices, ref float matrix, int columns, ref float sums)
    {
        Lanes s0 = Vector512.LoadUnsafe(ref sums), s1 = Vector512.LoadUnsafe(ref sums, Width);
        Lanes s2 = Vector512.LoadUnsafe(ref sums, 2 * Width), s3 = Vector512.LoadUnsafe(ref sums, 3 * Width);
        Lanes s4 = Vector512.LoadUnsafe(ref sums, 4 * Width), s5 = Vector512.LoadUnsafe(ref sums, 5 * Width);
        for (var i = 0; i < scales.Length; i++)
        {
            ref var row = ref Unsafe.Add(ref matrix, (nint)rowIndices[i] * columns);
            var factor = Vector512.Create(scales[i]);
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row), factor, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, Width), factor, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, 2 * Width), factor, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, 3 * Width), factor, s3);
            s4 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, 4 * Width), factor, s4);
            s5 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, 5 * Width), factor, s5);
        }
        s0.StoreUnsafe(ref sums);
        s1.StoreUnsafe(ref sums, Width);
        s2.StoreUnsafe(ref sums, 2 * Width);
        s3.StoreUnsafe(ref sums, 3 * Width);
        s4.StoreUnsafe(ref sums, 4 * Width);
        s5.StoreUnsafe(ref sums, 5 * Width);
    }

    [MethodImpl(Hot)]
    private static void AddRowsToFour(ReadOnlySpan<float> scales, ReadOnlySpan<int> rowIndices, ref float matrix, int columns, ref float sums)
    {
        Lanes s0 = Vector512.LoadUnsafe(ref sums), s1 = Vector512.LoadUnsafe(ref sums, Width);
        Lanes s2 = Vector512.LoadUnsafe(ref sums, 2 * Width), s3 = Vector512.LoadUnsafe(ref sums, 3 * Width);
        for (var i = 0; i < scales.Length; i++)
        {
            ref var row = ref Unsafe.Add(ref matrix, (nint)rowIndices[i] * columns);
            var factor = Vector512.Create(scales[i]);
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row), factor, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, Width), factor, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, 2 * Width), factor, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref row, 3 * Width), factor, s3);
        }
        s0.StoreUnsafe(ref sums);
        s1.StoreUnsafe(ref sums, Width);
        s2.StoreUnsafe(ref sums, 2 * Width);
        s3.StoreUnsafe(ref sums, 3 * Width);
    }

    [MethodImpl(Hot)]
    private static void AddRowsToOne(ReadOnlySpan<float> scales, ReadOnlySpan<int> rowIndices, ref float matrix, int columns, ref float sums)
    {
        var sum = Vector512.LoadUnsafe(ref sums);
        for (var i = 0; i < scales.Length; i++)
            sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref Unsafe.Add(ref matrix, (nint)rowIndices[i] * columns)), Vector512.Create(scales[i]), sum);
        sum.StoreUnsafe(ref sums);
    }

    private static void CheckRows(ReadOnlySpan<float> scales, ReadOnlySpan<int> rowIndices, int matrix, int columns, int vector)
    {
        CheckColumns(columns);
        CheckSame(scales.Length, rowIndices.Length, nameof(rowIndices));
        CheckSame(vector, columns, nameof(vector));
        foreach (var row in rowIndices)
        {
            if (row < 0 || (row + 1L) * columns > matrix)
                throw new ArgumentException($"There is no row {row}.", nameof(rowIndices));
        }
    }

    /// <summary>
    /// Σ left·right. Sixteen sums, each over every sixteenth element in ascending order, then folded in halves; elements beyond the last
    /// multiple of sixteen are added to that one by one.
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    [MethodImpl(Hot)]
    public static float Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        CheckSame(left.Length, right.Length, nameof(right));
        ref var x = ref MemoryMarshal.GetReference(left);
        ref var y = ref MemoryMarshal.GetReference(right);
        var sums = Lanes.Zero;
        var i = 0;
        for (; i + Width <= left.Length; i += Width)
            sums = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref x, (nuint)i), Vector512.LoadUnsafe(ref y, (nuint)i), sums);
        var sum = Fold(sums);
        for (; i < left.Length; i++)
            sum = MathF.FusedMultiplyAdd(left[i], right[i], sum);
        return sum;
    }

    /// <summary>The inner products of all rows of a matrix with a vector, the same bits as <see cref="Dot"/> gives.</summary>
    /// <param name="matrix">Shape [R, N], row-major.</param>
    /// <param name="rows">R, at least 0.</param>
    /// <param name="columns">N, a multiple of <see cref="Width"/>.</param>
    /// <param name="vector">Length N.</param>
    /// <param name="result">Written, at least R long.</param>
    /// <exception cref="ArgumentException">N is no multiple, or a span is too short for its shape.</exception>
    [MethodImpl(Hot)]
    public static void Dots(ReadOnlySpan<float> matrix, int rows, int columns, ReadOnlySpan<float> vector, Span<float> result)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        CheckColumns(columns);
        Check(matrix.Length, (long)rows * columns, nameof(matrix));
        CheckSame(columns, vector.Length, nameof(vector));
        Check(result.Length, rows, nameof(result));
        ref var first = ref MemoryMarshal.GetReference(matrix);
        ref var x = ref MemoryMarshal.GetReference(vector);
        var row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            ref var at = ref Unsafe.Add(ref first, row * columns);
            ref var third = ref Unsafe.Add(ref at, 2 * columns);
            FourDots(ref at, ref Unsafe.Add(ref at, columns), ref third, ref Unsafe.Add(ref third, columns), ref x, columns)
                .StoreUnsafe(ref MemoryMarshal.GetReference(result), (nuint)row);
        }
        for (; row < rows; row++)
            result[row] = Dot(matrix.Slice(row * columns, columns), vector);
    }

    /// <summary>The inner products of some rows of a matrix with a vector, the same bits as <see cref="Dot"/> gives.</summary>
    /// <param name="matrix">Shape [R, N], row-major.</param>
    /// <param name="rowIndices">Shape [K], each below R; −1 where there is no row.</param>
    /// <param name="columns">N, a multiple of <see cref="Width"/>, at least that.</param>
    /// <param name="vector">Length N.</param>
    /// <param name="result">At least K long, written except where there is no row.</param>
    /// <exception cref="ArgumentException">N is no multiple, an index is out of range, or a span is too short for its shape.</exception>
    [MethodImpl(Hot)]
    public static void Dots(
        ReadOnlySpan<float> matrix, ReadOnlySpan<int> rowIndices, int columns, ReadOnlySpan<float> vector, Span<float> result)
    {
        CheckColumns(columns);
        ArgumentOutOfRangeException.ThrowIfZero(columns);
        CheckSame(columns, vector.Length, nameof(vector));
        Check(result.Length, rowIndices.Length, nameof(result));
        var rows = matrix.Length / columns;
        foreach (var index in rowIndices)
        {
            if (index < -1 || index >= rows)
                throw new ArgumentOutOfRangeException(nameof(rowIndices), index, $"There are {rows} rows.");
        }
        ref var first = ref MemoryMarshal.GetReference(matrix);
        ref var x = ref MemoryMarshal.GetReference(vector);
        var k = 0;
        for (; k + 4 <= rowIndices.Length; k += 4)
        {
            int i0 = rowIndices[k], i1 = rowIndices[k + 1], i2 = rowIndices[k + 2], i3 = rowIndices[k + 3];
            var dots = FourDots(ref Row(ref first, i0, columns, ref x), ref Row(ref first, i1, columns, ref x),
                ref Row(ref first, i2, columns, ref x), ref Row(ref first, i3, columns, ref x), ref x, columns);
            if (i0 >= 0)
                result[k] = dots[0];
            if (i1 >= 0)
                result[k + 1] = dots[1];
            if (i2 >= 0)
                result[k + 2] = dots[2];
            if (i3 >= 0)
                result[k + 3] = dots[3];
        }
        for (; k < rowIndices.Length; k++)
        {
            if (rowIndices[k] >= 0)
                result[k] = Dot(matrix.Slice(rowIndices[k] * columns, columns), vector);
        }
    }

    /// <summary>hidden = max(0, hidden) in place; −0 becomes 0.</summary>
    public static void Rectify(Span<float> hidden) => TensorPrimitives.Max(hidden, 0f, hidden);

    /// <summary>
    /// One example on its way back through f = u·h + c, h = max(0, s): the derivative by s, slope·u where h is above 0, and slope·h for u. Each product is rounded, then added.
    /// </summary>
    /// <param name="slope">Derivative of the loss by f.</param>
    /// <param name="hidden">h, a multiple of <see cref="Width"/> long, all at least 0.</param>
    /// <param name="head">u, as long.</param>
    /// <param name="slopes">Written, as long: the derivatives by s.</param>
    /// <param name="biasGradient">In and out, as long: the derivatives by s are added.</param>
    /// <exception cref="ArgumentException">Lengths differ, or are no multiple.</exception>
    [MethodImpl(Hot)]
    public static void BackThroughHead(float slope, ReadOnlySpan<float> hidden, ReadOnlySpan<float> head, Span<float> slopes, Span<float> biasGradient)
    {
        CheckColumns(hidden.Length);
        CheckSame(hidden.Length, head.Length, nameof(head));
        CheckSame(hidden.Length, slopes.Length, nameof(slopes));
        CheckSame(hidden.Length, biasGradient.Length, nameof(biasGradient));
        ref var h = ref MemoryMarshal.GetReference(hidden);
        ref var u = ref MemoryMarshal.GetReference(head);
        ref var s = ref MemoryMarshal.GetReference(slopes);
        ref var b = ref MemoryMarshal.GetReference(biasGradient);
        var factor = Vector512.Create(slope);
        for (nuint i = 0; i < (nuint)hidden.Length; i += Width)
        {
            var live = Vector512.GreaterThan(Vector512.LoadUnsafe(ref h, i), Lanes.Zero);
            var derivative = Vector512.ConditionalSelect(live, Vector512.LoadUnsafe(ref u, i) * factor, Lanes.Zero);
            derivative.StoreUnsafe(ref s, i);
            (Vector512.LoadUnsafe(ref b, i) + derivative).StoreUnsafe(ref b, i);
        }
    }

    /// <summary>Σ h²/p, the square of a confidence width under a diagonal precision, added up in the order of <see cref="Dot"/>.</summary>
    /// <param name="h">Any length.</param>
    /// <param name="p">As long, all above 0.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    [MethodImpl(Hot)]
    public static float WeightedSquares(ReadOnlySpan<float> h, ReadOnlySpan<float> p)
    {
        CheckSame(h.Length, p.Length, nameof(p));
        ref var x = ref MemoryMarshal.GetReference(h);
        ref var y = ref MemoryMarshal.GetReference(p);
        var sums = Lanes.Zero;
        var i = 0;
        for (; i + Width <= h.Length; i += Width)
        {
            var value = Vector512.LoadUnsafe(ref x, (nuint)i);
            sums = Vector512.FusedMultiplyAdd(value, value / Vector512.LoadUnsafe(ref y, (nuint)i), sums);
        }
        var sum = Fold(sums);
        for (; i < h.Length; i++)
            sum = MathF.FusedMultiplyAdd(h[i], h[i] / p[i], sum);
        return sum;
    }

    [MethodImpl(Hot)]
    private static void FourRows(ref float a, int rowStride, int innerStride, int inner, ref float b, int columns, int wide, ref float c, int cStride)
    {
        var column = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            // Eight sums keep both multipliers of a core busy. Where a vector is two halves, these would be sixteen and not fit its
            // registers.
            for (; column + 2 * Width <= wide; column += 2 * Width)
                FourByTwo(ref a, rowStride, innerStride, inner, ref Unsafe.Add(ref b, column), columns, ref Unsafe.Add(ref c, column), cStride);
        }
        for (; column < wide; column += Width)
            FourByOne(ref a, rowStride, innerStride, inner, ref Unsafe.Add(ref b, column), columns, ref Unsafe.Add(ref c, column), cStride);
    }

    [MethodImpl(Hot)]
    private static void FourByTwo(ref float a, nint rowStride, nint innerStride, int inner, ref float b, nint columns, ref float c, nint cStride)
    {
        ref var a1 = ref Unsafe.Add(ref a, rowStride);
        ref var a2 = ref Unsafe.Add(ref a1, rowStride);
        ref var a3 = ref Unsafe.Add(ref a2, rowStride);
        ref var c1 = ref Unsafe.Add(ref c, cStride);
        ref var c2 = ref Unsafe.Add(ref c1, cStride);
        ref var c3 = ref Unsafe.Add(ref c2, cStride);
        Lanes s00 = Vector512.LoadUnsafe(ref c), s01 = Vector512.LoadUnsafe(ref c, Width);
        Lanes s10 = Vector512.LoadUnsafe(ref c1), s11 = Vector512.LoadUnsafe(ref c1, Width);
        Lanes s20 = Vector512.LoadUnsafe(ref c2), s21 = Vector512.LoadUnsafe(ref c2, Width);
        Lanes s30 = Vector512.LoadUnsafe(ref c3), s31 = Vector512.LoadUnsafe(ref c3, Width);
        nint at = 0, to = 0;
        for (var k = 0; k < inner; k++)
        {
            ref var row = ref Unsafe.Add(ref b, to);
            Lanes b0 = Vector512.LoadUnsafe(ref row), b1 = Vector512.LoadUnsafe(ref row, Width);
            var x = Vector512.Create(Unsafe.Add(ref a, at));
            s00 = Vector512.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(x, b1, s01);
            x = Vector512.Create(Unsafe.Add(ref a1, at));
            s10 = Vector512.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(x, b1, s11);
            x = Vector512.Create(Unsafe.Add(ref a2, at));
            s20 = Vector512.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(x, b1, s21);
            x = Vector512.Create(Unsafe.Add(ref a3, at));
            s30 = Vector512.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(x, b1, s31);
            at += innerStride;
            to += columns;
        }
        s00.StoreUnsafe(ref c);
        s01.StoreUnsafe(ref c, Width);
        s10.StoreUnsafe(ref c1);
        s11.StoreUnsafe(ref c1, Width);
        s20.StoreUnsafe(ref c2);
        s21.StoreUnsafe(ref c2, Width);
        s30.StoreUnsafe(ref c3);
        s31.StoreUnsafe(ref c3, Width);
    }

    [MethodImpl(Hot)]
    private static void FourByOne(ref float a, nint rowStride, nint innerStride, int inner, ref float b, nint columns, ref float c, nint cStride)
    {
        ref var a1 = ref Unsafe.Add(ref a, rowStride);
        ref var a2 = ref Unsafe.Add(ref a1, rowStride);
        ref var a3 = ref Unsafe.Add(ref a2, rowStride);
        ref var c1 = ref Unsafe.Add(ref c, cStride);
        ref var c2 = ref Unsafe.Add(ref c1, cStride);
        ref var c3 = ref Unsafe.Add(ref c2, cStride);
        Lanes s0 = Vector512.LoadUnsafe(ref c), s1 = Vector512.LoadUnsafe(ref c1);
        Lanes s2 = Vector512.LoadUnsafe(ref c2), s3 = Vector512.LoadUnsafe(ref c3);
        nint at = 0, to = 0;
        for (var k = 0; k < inner; k++)
        {
            var row = Vector512.LoadUnsafe(ref Unsafe.Add(ref b, to));
            s0 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, at)), row, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a1, at)), row, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a2, at)), row, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a3, at)), row, s3);
            at += innerStride;
            to += columns;
        }
        s0.StoreUnsafe(ref c);
        s1.StoreUnsafe(ref c1);
        s2.StoreUnsafe(ref c2);
        s3.StoreUnsafe(ref c3);
    }

    [MethodImpl(Hot)]
    private static void OneRow(ref float a, nint innerStride, int inner, ref float b, nint columns, int wide, ref float c)
    {
        nint column = 0;
        for (; column + 4 * Width <= wide; column += 4 * Width)
            OneByFour(ref a, innerStride, inner, ref Unsafe.Add(ref b, column), columns, ref Unsafe.Add(ref c, column));
        for (; column < wide; column += Width)
        {
            ref var sum = ref Unsafe.Add(ref c, column);
            var s = Vector512.LoadUnsafe(ref sum);
            nint at = 0, to = column;
            for (var k = 0; k < inner; k++)
            {
                s = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, at)), Vector512.LoadUnsafe(ref Unsafe.Add(ref b, to)), s);
                at += innerStride;
                to += columns;
            }
            s.StoreUnsafe(ref sum);
        }
    }

    [MethodImpl(Hot)]
    private static void OneByFour(ref float a, nint innerStride, int inner, ref float b, nint columns, ref float c)
    {
        Lanes s0 = Vector512.LoadUnsafe(ref c), s1 = Vector512.LoadUnsafe(ref c, Width);
        Lanes s2 = Vector512.LoadUnsafe(ref c, 2 * Width), s3 = Vector512.LoadUnsafe(ref c, 3 * Width);
        nint at = 0, to = 0;
        for (var k = 0; k < inner; k++)
        {
            ref var row = ref Unsafe.Add(ref b, to);
            var x = Vector512.Create(Unsafe.Add(ref a, at));
            s0 = Vector512.FusedMultiplyAdd(x, Vector512.LoadUnsafe(ref row), s0);
            s1 = Vector512.FusedMultiplyAdd(x, Vector512.LoadUnsafe(ref row, Width), s1);
            s2 = Vector512.FusedMultiplyAdd(x, Vector512.LoadUnsafe(ref row, 2 * Width), s2);
            s3 = Vector512.FusedMultiplyAdd(x, Vector512.LoadUnsafe(ref row, 3 * Width), s3);
            at += innerStride;
            to += columns;
        }
        s0.StoreUnsafe(ref c);
        s1.StoreUnsafe(ref c, Width);
        s2.StoreUnsafe(ref c, 2 * Width);
        s3.StoreUnsafe(ref c, 3 * Width);
    }

    [MethodImpl(Hot)]
    private static Vector128<float> FourDots(ref float r0, ref float r1, ref float r2, ref float r3, ref float vector, int columns)
    {
        Lanes s0 = Lanes.Zero, s1 = Lanes.Zero, s2 = Lanes.Zero, s3 = Lanes.Zero;
        for (nuint i = 0; i < (nuint)columns; i += Width)
        {
            var x = Vector512.LoadUnsafe(ref vector, i);
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref r0, i), x, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref r1, i), x, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref r2, i), x, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref r3, i), x, s3);
        }
        return Vector128.Create(Fold(s0), Fold(s1), Fold(s2), Fold(s3));
    }

    /// <summary>A row of the matrix; for none the vector itself, which has the right length and whose product nobody reads.</summary>
    private static ref float Row(ref float matrix, int index, int columns, ref float vector) =>
        ref index < 0 ? ref vector : ref Unsafe.Add(ref matrix, (nint)index * columns);

    /// <summary>Halves onto halves: sixteen sums to eight, four, two, one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Fold(Lanes sums)
    {
        var eight = sums.GetLower() + sums.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return two.GetElement(0) + two.GetElement(1);
    }

    private static void CheckColumns(int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (columns % Width != 0)
            throw new ArgumentException($"{columns} columns are no multiple of {Width}.", nameof(columns));
    }

    private static void CheckStrides(int columns, int bStride, int cStride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bStride, columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(cStride, columns);
    }

    private static void Check(int length, long needed, string name)
    {
        if (length < needed)
            throw new ArgumentException($"Length {length}, the shape needs {needed}.", name);
    }

    private static void CheckSame(int length, int other, string name)
    {
        if (length != other)
            throw new ArgumentException($"Length {other} against {length}.", name);
    }

    private static int Fitting(int length, int room, string name)
    {
        Check(room, length, name);
        return length;
    }
}
