using System.Numerics.Tensors;

namespace Recsys.Bandits.Numerics;

/// <summary>
/// Symmetric positive matrices and their factors in packed lower-triangular storage. By rows: row i holds its i + 1 elements from i(i+1)/2 on,
/// so a matrix grows by appending. By columns: column j holds its D − j elements from the diagonal down.
/// </summary>
public static class PackedLower
{
    /// <summary>Elements of a triangle with D rows.</summary>
    public static int Length(int dimension) => dimension * (dimension + 1) / 2;

    /// <summary>Where row i starts, by rows.</summary>
    public static int Row(int i) => i * (i + 1) / 2;

    /// <summary>Where column j starts, by columns.</summary>
    public static int Column(int j, int dimension) => j * dimension - j * (j - 1) / 2;

    /// <summary>
    /// Factors A + ridge·I = L·Lᵀ in place, both by rows. D³/6 multiplications. A must be a sum of squares x·xᵀ, for which no pivot can be
    /// below the ridge; a smaller one is rounding, and is set to the ridge, so that no root of a negative number is taken.
    /// </summary>
    /// <param name="matrix">In: A. Out: L. Length at least <see cref="Length"/>.</param>
    /// <param name="dimension">D.</param>
    /// <param name="ridge">Above 0.</param>
    public static void Cholesky(Span<double> matrix, int dimension, double ridge)
    {
        for (var i = 0; i < dimension; i++)
        {
            var row = matrix.Slice(Row(i), i + 1);
            for (var j = 0; j < i; j++)
            {
                var above = matrix.Slice(Row(j), j + 1);
                row[j] = (row[j] - TensorPrimitives.Dot<double>(row[..j], above[..j])) / above[j];
            }
            var pivot = row[i] + ridge - TensorPrimitives.Dot<double>(row[..i], row[..i]);
            row[i] = Math.Sqrt(pivot > ridge ? pivot : ridge);
        }
    }

    /// <summary>Inverts a lower triangle: the columns of L⁻¹. D³/6 multiplications.</summary>
    /// <param name="factor">L by rows.</param>
    /// <param name="dimension">D.</param>
    /// <param name="inverse">Written: L⁻¹ by columns.</param>
    public static void InvertFactor(ReadOnlySpan<double> factor, int dimension, Span<double> inverse)
    {
        for (var j = 0; j < dimension; j++)
        {
            var column = inverse.Slice(Column(j, dimension), dimension - j);
            column[0] = 1 / factor[Row(j) + j];
            for (var i = j + 1; i < dimension; i++)
            {
                var row = factor.Slice(Row(i), i + 1);
                column[i - j] = -TensorPrimitives.Dot<double>(row[j..i], column[..(i - j)]) / row[i];
            }
        }
    }

    /// <summary>Solves (L·Lᵀ)·x = b as x = L⁻ᵀ·(L⁻¹·b). D² multiplications.</summary>
    /// <param name="inverse">L⁻¹ by columns.</param>
    /// <param name="right">b, length D.</param>
    /// <param name="scratch">Length D, overwritten.</param>
    /// <param name="solution">Written: x, length D.</param>
    public static void Solve(ReadOnlySpan<double> inverse, ReadOnlySpan<double> right, Span<double> scratch, Span<double> solution)
    {
        var dimension = right.Length;
        scratch = scratch[..dimension];
        scratch.Clear();
        for (var j = 0; j < dimension; j++)
            TensorPrimitives.MultiplyAdd(inverse.Slice(Column(j, dimension), dimension - j), right[j], scratch[j..], scratch[j..]);
        for (var j = 0; j < dimension; j++)
            solution[j] = TensorPrimitives.Dot(inverse.Slice(Column(j, dimension), dimension - j), scratch[j..]);
    }
}
