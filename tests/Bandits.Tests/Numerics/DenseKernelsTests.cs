using Recsys.Bandits.Numerics;
using Xunit;

namespace Recsys.Bandits.Tests.Numerics;

/// <summary>
/// The kernels against loops that anyone can read: in double precision within the rounding of the operation, and to the bit against the
/// order they promise.
/// </summary>
public sealed class DenseKernelsTests
{
    private static readonly int[] RowCounts = [1, 2, 3, 4, 5, 7, 8, 9, 13, 31, 32];
    private static readonly int[] Inners = [1, 2, 3, 17, 64, 130, 600];
    private static readonly int[] ColumnCounts = [16, 32, 48, 64, 80, 96, 112, 144, 256];

    public static TheoryData<int, int, int> Shapes()
    {
        var shapes = new TheoryData<int, int, int>();
        foreach (var rows in RowCounts)
        {
            foreach (var inner in Inners)
            {
                foreach (var columns in ColumnCounts)
                    shapes.Add(rows, inner, columns);
            }
        }
        shapes.Add(128, 1024, 32);
        shapes.Add(3, 1024, 8208);
        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes), DisableDiscoveryEnumeration = true)]
    public void MultiplyAdd_agrees_with_three_loops_for_A_and_its_transpose(int rows, int inner, int columns)
    {
        var random = new Random(rows * 10_007 + inner * 101 + columns);
        foreach (var sparsity in (double[])[0, 0.3, 0.9])
        {
            float[] b = Numbers(random, inner * columns), start = Numbers(random, rows * columns);
            AgreesWithThreeLoops(Numbers(random, rows * inner, sparsity), inner, 1, rows, inner, b, columns, start);
            AgreesWithThreeLoops(Numbers(random, rows * inner, sparsity), 1, rows, rows, inner, b, columns, start);
        }
        var stride = 2 * (inner + 3);
        AgreesWithThreeLoops(Numbers(random, rows * stride), stride, 2, rows, inner, Numbers(random, inner * columns), columns,
            new float[rows * columns]);
    }

    [Fact]
    public void MultiplyAdd_gives_a_row_the_same_bits_in_any_company()
    {
        const int Rows = 23, Inner = 300, Columns = 176;
        var random = new Random(5);
        float[] a = Numbers(random, Rows * Inner, 0.6), b = Numbers(random, Inner * Columns, 0.2), all = Numbers(random, Rows * Columns);
        // Zeros of either sign, and sums that round to one, would show a product that is taken in one company and left out in another.
        a.AsSpan(4 * Inner, 3 * Inner).Clear();
        for (var i = 4 * Columns; i < 9 * Columns; i++)
            all[i] = -0f;
        a.AsSpan(8 * Inner, Inner).Fill(-float.Epsilon);
        var start = all.ToArray();
        DenseKernels.MultiplyAdd(a, Inner, 1, Rows, Inner, b, Columns, all);
        for (var from = 0; from < Rows; from++)
        {
            for (var count = 1; count <= Math.Min(9, Rows - from); count++)
            {
                var some = start[(from * Columns)..((from + count) * Columns)];
                DenseKernels.MultiplyAdd(a.AsSpan(from * Inner), Inner, 1, count, Inner, b, Columns, some);
                SameBits(all.AsSpan(from * Columns, count * Columns), some);
            }
        }
    }

    [Fact]
    public void MultiplyAdd_of_nothing_changes_nothing()
    {
        float[] c = [.. Numbers(new Random(1), 32)], before = [.. c];
        DenseKernels.MultiplyAdd([], 1, 1, 2, 0, [], 16, c);
        DenseKernels.MultiplyAdd([], 1, 1, 0, 3, new float[48], 16, c);
        DenseKernels.MultiplyAdd([1f], 1, 1, 1, 1, [], 0, c);
        SameBits(before, c);
    }

    [Fact]
    public void MultiplyAdd_writes_only_its_shape()
    {
        var c = new float[5 * 48 + 20];
        c.AsSpan(5 * 48).Fill(7);
        DenseKernels.MultiplyAdd(Numbers(new Random(2), 15), 3, 1, 5, 3, Numbers(new Random(3), 3 * 48), 48, c);
        Assert.All(c[(5 * 48)..], static x => Assert.Equal(7, x));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(96)]
    [InlineData(250)]
    [InlineData(1024)]
    public void Vectors_agree_with_loops(int length)
    {
        var random = new Random(length);
        float[] x = Numbers(random, length, 0.2), y = Numbers(random, length);

        var (dot, size) = (0d, 0d);
        for (var i = 0; i < length; i++)
        {
            dot += (double)x[i] * y[i];
            size += Math.Abs((double)x[i] * y[i]);
        }
        Assert.Equal(dot, DenseKernels.Dot(x, y), Rounding(length, size));
        Assert.Equal(InOrder(x, y), DenseKernels.Dot(x, y));

        var p = y.Select(static value => Math.Abs(value) + 0.1f).ToArray();
        var widths = 0d;
        for (var i = 0; i < length; i++)
            widths += (double)x[i] * x[i] / p[i];
        Assert.Equal(widths, DenseKernels.WeightedSquares(x, p), Rounding(length, widths));
        Assert.Equal(InOrder(x, [.. x.Zip(p, static (value, precision) => value / precision)]), DenseKernels.WeightedSquares(x, p));

        float[] to = [.. y, 7], expected = [.. y.Zip(x, static (sum, value) => MathF.FusedMultiplyAdd(value, -0.7f, sum)), 7];
        DenseKernels.AddScaled(-0.7f, x, to);
        SameBits(expected, to);

        var rectified = x.ToArray();
        DenseKernels.Rectify(rectified);
        SameBits([.. x.Select(static value => value > 0 ? value : 0)], rectified);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(96)]
    public void The_way_back_through_a_head_agrees_with_a_loop(int units)
    {
        var random = new Random(units);
        float[] hidden = [.. Numbers(random, units, 0.3).Select(static h => Math.Max(0, h))], head = Numbers(random, units), bias = Numbers(random, units), slopes = Numbers(random, units);
        float[] expected = [.. hidden.Zip(head, static (h, u) => h > 0 ? u * -0.3f : 0)], sums = [.. bias.Zip(expected, static (b, s) => b + s)];
        DenseKernels.BackThroughHead(-0.3f, hidden, head, slopes, bias);
        SameBits(expected, slopes);
        SameBits(sums, bias);
    }

    [Fact]
    public void Columns_of_wider_matrices_are_multiplied_as_they_are_by_themselves()
    {
        const int Rows = 9, Inner = 70, Columns = 48, Wide = 112, From = 32;
        var random = new Random(4);
        float[] a = Numbers(random, Rows * Inner), b = Numbers(random, Inner * Wide), c = Numbers(random, Rows * Wide), expected = [.. c];
        float[] narrow = [.. Enumerable.Range(0, Inner).SelectMany(k => b.AsSpan(k * Wide + From, Columns).ToArray())];
        float[] sums = [.. Enumerable.Range(0, Rows).SelectMany(r => c.AsSpan(r * Wide + From, Columns).ToArray())];
        DenseKernels.MultiplyAdd(a, Inner, 1, Rows, Inner, narrow, Columns, sums);
        for (var r = 0; r < Rows; r++)
            sums.AsSpan(r * Columns, Columns).CopyTo(expected.AsSpan(r * Wide + From));
        DenseKernels.MultiplyAdd(a, Inner, 1, Rows, Inner, b.AsSpan(From), Wide, Columns, c.AsSpan(From), Wide);
        SameBits(expected, c);
    }

    [Fact]
    public void Vectors_have_the_same_bits_wherever_they_lie()
    {
        var random = new Random(8);
        float[] x = Numbers(random, 250), y = Numbers(random, 250).Select(Math.Abs).ToArray();
        var (dot, widths) = (DenseKernels.Dot(x, y), DenseKernels.WeightedSquares(x, y));
        var room = new float[600];
        for (var shift = 0; shift < 40; shift++)
        {
            Span<float> left = room.AsSpan(shift, 250), right = room.AsSpan(300 + shift / 3, 250);
            x.CopyTo(left);
            y.CopyTo(right);
            Assert.Equal(dot, DenseKernels.Dot(left, right));
            Assert.Equal(widths, DenseKernels.WeightedSquares(left, right));
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(96)]
    [InlineData(256)]
    public void Dots_have_the_bits_of_single_ones(int columns)
    {
        var random = new Random(columns);
        var vector = Numbers(random, columns);
        foreach (var rows in RowCounts)
        {
            var matrix = Numbers(random, rows * columns);
            var expected = Enumerable.Range(0, rows).Select(r => InOrder(matrix.AsSpan(r * columns, columns), vector)).ToArray();
            float[] result = [.. new float[rows], 7];
            DenseKernels.Dots(matrix, rows, columns, vector, result);
            SameBits([.. expected, 7], result);

            // Any order, some twice, some nowhere.
            for (var count = 0; count < 12; count++)
            {
                var indices = Enumerable.Range(0, count).Select(_ => random.Next(-1, rows)).ToArray();
                var gathered = Enumerable.Repeat(7f, count + 1).ToArray();
                DenseKernels.Dots(matrix, indices, columns, vector, gathered);
                SameBits([.. indices.Select(i => i < 0 ? 7 : expected[i]), 7], gathered);
            }
        }
        float[] none = [7, 7, 7, 7, 7];
        DenseKernels.Dots([], [-1, -1, -1, -1, -1], columns, vector, none);
        Assert.All(none, static x => Assert.Equal(7, x));
    }

    [Fact]
    public void Zeros_give_zeros()
    {
        float[] zeros = new float[96], ones = Enumerable.Repeat(1f, 96).ToArray();
        Assert.Equal(0, DenseKernels.Dot(zeros, ones));
        Assert.Equal(0, DenseKernels.WeightedSquares(zeros, ones));
        float[] hidden = [-0f, 0, -1, 1];
        DenseKernels.Rectify(hidden);
        SameBits([0, 0, 0, 1], hidden);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        float[] a = Numbers(new Random(1), 33 * 70, 0.7), b = Numbers(new Random(2), 70 * 112);
        float[] c = new float[33 * 112], result = new float[33];
        var p = Enumerable.Repeat(1f, 112).ToArray();
        int[] indices = [3, -1, 0, 32, 7, 7];
        var sum = 0f;
        for (var round = 0; round < 2; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            DenseKernels.MultiplyAdd(a, 70, 1, 33, 70, b, 112, c);
            DenseKernels.MultiplyAdd(a, 1, 33, 33, 70, b, 112, c);
            DenseKernels.AddScaled(0.5f, b.AsSpan(0, 112), c.AsSpan(0, 112));
            DenseKernels.Rectify(c);
            DenseKernels.BackThroughHead(0.5f, c.AsSpan(0, 112), b.AsSpan(0, 112), c.AsSpan(112, 112), c.AsSpan(224, 112));
            DenseKernels.Dots(c, 33, 112, p, result);
            DenseKernels.Dots(c, indices, 112, p, result);
            sum += DenseKernels.Dot(c, c) + DenseKernels.WeightedSquares(c.AsSpan(0, 112), p);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(round == 0 || allocated == 0, $"{allocated} bytes.");
        }
        Assert.True(float.IsFinite(sum));
    }

    [Fact]
    public void Shapes_that_disagree_are_refused()
    {
        float[] few = new float[31], enough = new float[256];
        Refused(() => DenseKernels.MultiplyAdd(enough, 2, 1, 2, 2, enough, 17, enough), "multiple of 16");
        Refused(() => DenseKernels.MultiplyAdd(few, 16, 1, 2, 16, enough, 16, enough), "Length 31, the shape needs 32");
        Refused(() => DenseKernels.MultiplyAdd(few, 1, 16, 16, 2, enough, 16, enough), "Length 31, the shape needs 32");
        Refused(() => DenseKernels.MultiplyAdd(enough, 2, 1, 2, 2, few, 16, enough), "Length 31, the shape needs 32");
        Refused(() => DenseKernels.MultiplyAdd(enough, 2, 1, 2, 2, enough, 16, few), "Length 31, the shape needs 32");
        const int Most = int.MaxValue;
        Refused(() => DenseKernels.MultiplyAdd(enough, Most, Most, Most, Most, enough, 16, enough), "the shape needs");
        Refused(() => DenseKernels.MultiplyAdd(enough, -1, 1, 2, 2, enough, 16, enough), "rowStride");
        Refused(() => DenseKernels.MultiplyAdd(enough, 1, -1, 2, 2, enough, 16, enough), "innerStride");
        Refused(() => DenseKernels.MultiplyAdd(enough, 1, 1, -2, 2, enough, 16, enough), "rows");
        Refused(() => DenseKernels.MultiplyAdd(enough, 1, 1, 2, -2, enough, 16, enough), "inner");
        Refused(() => DenseKernels.MultiplyAdd(enough, 1, 1, 2, 2, enough, -16, enough), "columns");
        Refused(() => DenseKernels.AddScaled(1, enough, few), "Length 31, the shape needs 256");
        Refused(() => DenseKernels.Dot(enough, few), "Length 31 against 256");
        Refused(() => DenseKernels.WeightedSquares(few, enough), "Length 256 against 31");
        Refused(() => DenseKernels.BackThroughHead(1, enough, few, enough, enough), "Length 31 against 256");
        Refused(() => DenseKernels.Dots(enough, 2, 17, few, enough), "multiple of 16");
        Refused(() => DenseKernels.Dots(few, 2, 16, enough.AsSpan(0, 16), enough), "Length 31, the shape needs 32");
        Refused(() => DenseKernels.Dots(enough, 2, 16, few, enough), "Length 31 against 16");
        Refused(() => DenseKernels.Dots(enough, 2, 16, enough.AsSpan(0, 16), few.AsSpan(0, 1)), "Length 1, the shape needs 2");
        Refused(() => DenseKernels.Dots(enough, -2, 16, enough.AsSpan(0, 16), few), "rows");
        Refused(() => DenseKernels.Dots(enough, [0, 16], 16, enough.AsSpan(0, 16), few), "There are 16 rows");
        Refused(() => DenseKernels.Dots(enough, [-2], 16, enough.AsSpan(0, 16), few), "There are 16 rows");
        Refused(() => DenseKernels.Dots(enough, [0, 1], 16, enough.AsSpan(0, 16), few.AsSpan(0, 1)), "Length 1, the shape needs 2");
        Refused(() => DenseKernels.Dots(enough, [0, 1], 16, few, enough), "Length 31 against 16");
        Refused(() => DenseKernels.Dots(enough, [-1], 0, [], enough), "columns");
        Refused(() => DenseKernels.Dots(enough, [0], 8, few.AsSpan(0, 8), enough), "multiple of 16");
    }

    private static void AgreesWithThreeLoops(
        float[] a, int rowStride, int innerStride, int rows, int inner, float[] b, int columns, float[] start)
    {
        var c = start.ToArray();
        DenseKernels.MultiplyAdd(a, rowStride, innerStride, rows, inner, b, columns, c);
        for (var r = 0; r < rows; r++)
        {
            for (var j = 0; j < columns; j++)
            {
                double exact = start[r * columns + j], size = Math.Abs(exact);
                var fused = start[r * columns + j];
                for (var k = 0; k < inner; k++)
                {
                    float x = a[r * rowStride + k * innerStride], y = b[k * columns + j];
                    exact += (double)x * y;
                    size += Math.Abs((double)x * y);
                    fused = MathF.FusedMultiplyAdd(x, y, fused);
                }
                var sum = c[r * columns + j];
                var same = BitConverter.SingleToInt32Bits(fused) == BitConverter.SingleToInt32Bits(sum);
                if (!same || Math.Abs(exact - sum) > Rounding(inner, size))
                    Assert.Fail($"[{rows}, {inner}, {columns}] at ({r}, {j}): {sum:R}, in order {fused:R}, exactly {exact:R}.");
            }
        }
    }

    /// <summary>Σ left·right in the promised order: sixteen sums, folded in halves, then the rest.</summary>
    private static float InOrder(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        var sums = new float[16];
        var whole = left.Length / 16 * 16;
        for (var i = 0; i < whole; i++)
            sums[i % 16] = MathF.FusedMultiplyAdd(left[i], right[i], sums[i % 16]);
        for (var half = 8; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
                sums[i] += sums[i + half];
        }
        for (var i = whole; i < left.Length; i++)
            sums[0] = MathF.FusedMultiplyAdd(left[i], right[i], sums[0]);
        return sums[0];
    }

    [Theory]
    [InlineData(16, 0)]
    [InlineData(16, 1)]
    [InlineData(48, 5)]
    [InlineData(96, 22)]
    [InlineData(176, 9)]
    public void Rows_are_added_like_one_after_the_other(int columns, int count)
    {
        const int Rows = 7;
        var random = new Random(columns + count);
        var matrix = Numbers(random, Rows * columns);
        var scales = Numbers(random, count);
        int[] indices = [.. Enumerable.Range(0, count).Select(_ => random.Next(Rows))];
        float[] sums = Numbers(random, columns), slow = [.. sums], sparse = [.. sums, .. sums];
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < columns; j++)
                slow[j] = MathF.FusedMultiplyAdd(matrix[indices[i] * columns + j], scales[i], slow[j]);
        }
        DenseKernels.AddRows(scales, indices, matrix, columns, sums);
        SameBits(slow, sums);

        // The same as the second row of a sparse matrix whose first is empty.
        float[] expected = [.. sparse.AsSpan(0, columns), .. slow];
        DenseKernels.SparseMultiplyAdd([0, 0, count], indices, scales, matrix, columns, columns, sparse, columns);
        SameBits(expected, sparse);

        // And the same again from the middle of wider matrices.
        float[] wide = new float[Rows * (columns + 32)], into = new float[2 * (columns + 16)];
        for (var i = 0; i < Rows; i++)
            matrix.AsSpan(i * columns, columns).CopyTo(wide.AsSpan(i * (columns + 32) + 16));
        var start = expected.AsSpan(0, columns).ToArray();
        start.CopyTo(into, columns + 16);
        DenseKernels.SparseMultiplyAdd([0, 0, count], indices, scales, wide.AsSpan(16), columns + 32, columns, into, columns + 16);
        SameBits(slow, into.AsSpan(columns + 16, columns));
        Assert.All(into[..columns], static x => Assert.Equal(0, x));

        // And into arrays, over whatever they hold: the same as from zeros.
        float[] zeros = new float[2 * columns];
        DenseKernels.SparseMultiplyAdd([0, 0, count], indices, scales, matrix, columns, columns, zeros, columns);
        float[][] apart = [Numbers(random, columns + 32), Numbers(random, columns + 16)];
        float[][] held = [[.. apart[0]], [.. apart[1]]];
        DenseKernels.SparseMultiply([0, 0, count], indices, scales, matrix, columns, columns, apart, 16);
        for (var r = 0; r < 2; r++)
            SameBits([.. held[r][..16], .. zeros.AsSpan(r * columns, columns), .. held[r][(16 + columns)..]], apart[r]);
    }

    [Fact]
    public void Rows_that_there_are_not_are_refused()
    {
        var (matrix, row) = (new float[3 * 16], new float[16]);
        Refused(() => DenseKernels.AddRows([1], [3], matrix, 16, row), "There is no row 3");
        Refused(() => DenseKernels.AddRows([1], [-1], matrix, 16, row), "There is no row -1");
        Refused(() => DenseKernels.SparseMultiplyAdd([0, 1], [3], [1], matrix, 16, 16, row, 16), "There is no row 3");
        Refused(() => DenseKernels.SparseMultiplyAdd([0, 1], [-1], [1], matrix, 16, 16, row, 16), "There is no row -1");
        Refused(() => DenseKernels.SparseMultiplyAdd([1, 0], [0], [1], matrix, 16, 16, row, 16), "starts");
        Refused(() => DenseKernels.SparseMultiplyAdd([0, 2], [0], [1], matrix, 16, 16, row, 16), "rowIndices");
        Refused(() => DenseKernels.SparseMultiplyAdd([0, 1, 1], [0], [1], matrix, 16, 16, row, 16), "Length");
        Refused(() => DenseKernels.SparseMultiplyAdd([], [0], [1], matrix, 16, 16, row, 16), "starts");
        Refused(() => DenseKernels.SparseMultiply([0, 1], [3], [1], matrix, 16, 16, [row], 0), "There is no row 3");
        Refused(() => DenseKernels.SparseMultiply([0, 1], [0], [1], matrix, 16, 16, [], 0), "Length");
        Refused(() => DenseKernels.SparseMultiply([0, 1], [0], [1], matrix, 16, 16, [row], 1), "");
    }

    /// <summary>Each of so many terms rounds twice at most, relative to a partial sum no larger than the sum of magnitudes.</summary>
    private static double Rounding(int terms, double size) => 2 * (terms + 1) * Math.ScaleB(1, -24) * size + float.Epsilon;

    private static float[] Numbers(Random random, int count, double zeros = 0) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() < zeros ? 0 : random.NextSingle() * 2 - 1)];

    private static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                Assert.Fail($"At {i}: {actual[i]:R}, expected {expected[i]:R}.");
        }
    }

    private static void Refused(Action call, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);
}
