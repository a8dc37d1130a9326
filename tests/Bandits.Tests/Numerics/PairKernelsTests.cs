using Recsys.Bandits.Numerics;
using Xunit;

namespace Recsys.Bandits.Tests.Numerics;

/// <summary>The kernels beside one loop each.</summary>
public sealed class PairKernelsTests
{
    private const int Rows = 5;
    private static readonly int[] RowOf = [2, -1, 0, 4, 4, -1, 1];

    [Theory]
    [InlineData(16, true)]
    [InlineData(16, false)]
    [InlineData(96, true)]
    [InlineData(96, false)]
    public void Sums_are_those_of_loops_and_a_candidate_without_a_row_is_left_alone(int columns, bool hasLines)
    {
        var random = new Random(columns);
        var (matrix, lines, weights) = (Numbers(random, Rows * columns), Numbers(random, RowOf.Length * columns), Numbers(random, RowOf.Length * columns));
        var stride = hasLines ? columns : 0;
        float[] dots = Before(), squares = Before(), active = Before();
        PairKernels.Dots(matrix, RowOf, columns, lines, stride, dots);
        PairKernels.AddSquares(matrix, RowOf, columns, lines, stride, squares);
        PairKernels.AddActiveSquares(matrix, RowOf, columns, lines, weights, stride, active);
        for (var k = 0; k < RowOf.Length; k++)
        {
            double dot = 0, square = Before()[k], live = Before()[k];
            for (var j = 0; j < columns && RowOf[k] >= 0; j++)
            {
                double row = matrix[RowOf[k] * columns + j], line = lines[k * stride + j];
                dot += row * line;
                square += row * line * line;
                live += line > 0 ? row * row * weights[k * stride + j] : 0;
            }
            Assert.Equal(RowOf[k] < 0 ? Before()[k] : dot, dots[k], 1e-5 * columns);
            Assert.Equal(square, squares[k], 1e-5 * columns);
            Assert.Equal(live, active[k], 1e-5 * columns);
        }
    }

    [Fact]
    public void Dots_have_the_bits_of_the_single_one()
    {
        var random = new Random(1);
        var (matrix, lines, result) = (Numbers(random, Rows * 48), Numbers(random, RowOf.Length * 48), Before());
        PairKernels.Dots(matrix, RowOf, 48, lines, 48, result);
        for (var k = 0; k < RowOf.Length; k++)
        {
            if (RowOf[k] >= 0)
                Assert.Equal(DenseKernels.Dot(matrix.AsSpan(RowOf[k] * 48, 48), lines.AsSpan(k * 48, 48)), result[k]);
        }
    }

    [Theory]
    [InlineData(15, 15, 7, 0)]
    [InlineData(0, 0, 7, 0)]
    [InlineData(16, 8, 7, 0)]
    [InlineData(16, 16, 6, 0)]
    [InlineData(16, 16, 7, 5)]
    [InlineData(16, 16, 7, -2)]
    public void What_does_not_fit_is_refused(int columns, int stride, int lines, int row)
    {
        var (matrix, many, result) = (new float[Rows * 16], new float[lines * 16], Before());
        int[] rows = [row, .. RowOf[1..]];
        Assert.ThrowsAny<ArgumentException>(() => PairKernels.Dots(matrix, rows, columns, many, stride, result));
        Assert.ThrowsAny<ArgumentException>(() => PairKernels.AddSquares(matrix, rows, columns, many, stride, result));
        Assert.ThrowsAny<ArgumentException>(() => PairKernels.AddActiveSquares(matrix, rows, columns, many, many, stride, result));
    }

    [Fact]
    public void Weights_for_fewer_lines_than_units_and_too_little_room_are_refused()
    {
        Assert.ThrowsAny<ArgumentException>(() => PairKernels.AddActiveSquares(new float[16], [0], 16, new float[16], new float[15], 0, new float[1]));
        Assert.ThrowsAny<ArgumentException>(() => PairKernels.Dots(new float[16], [0], 16, new float[16], 0, []));
    }

    private static float[] Before() => [.. RowOf.Select(static (_, k) => 0.5f + k)];

    private static float[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
}
