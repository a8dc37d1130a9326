using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Numerics;
using Xunit;

namespace Recsys.Bandits.Tests.Numerics;

/// <summary>Packed triangles against full matrices.</summary>
public sealed class PackedLowerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(31)]
    [InlineData(64)]
    public void Cholesky_inverse_and_solve_agree_with_full_matrices(int dimension)
    {
        var random = new Random(dimension);
        const double Ridge = 0.25;
        var gram = Matrix<double>.Build.Dense(dimension, dimension);
        for (var n = 0; n < 2 * dimension; n++)
        {
            var x = Vector<double>.Build.Dense(dimension, _ => random.NextDouble() - 0.3);
            gram += x.OuterProduct(x);
        }
        var packed = new double[PackedLower.Length(dimension)];
        for (var i = 0; i < dimension; i++)
        {
            for (var j = 0; j <= i; j++)
                packed[PackedLower.Row(i) + j] = gram[i, j];
        }
        var right = Vector<double>.Build.Dense(dimension, _ => random.NextDouble());
        var full = gram + Ridge * Matrix<double>.Build.DenseIdentity(dimension);

        PackedLower.Cholesky(packed, dimension, Ridge);
        var factor = full.Cholesky().Factor;
        for (var i = 0; i < dimension; i++)
        {
            for (var j = 0; j <= i; j++)
                Assert.Equal(factor[i, j], packed[PackedLower.Row(i) + j], 1e-10);
        }
        var inverse = new double[packed.Length];
        PackedLower.InvertFactor(packed, dimension, inverse);
        var expected = factor.Inverse();
        for (var j = 0; j < dimension; j++)
        {
            for (var i = j; i < dimension; i++)
                Assert.Equal(expected[i, j], inverse[PackedLower.Column(j, dimension) + i - j], 1e-9);
        }
        double[] scratch = new double[dimension + 3], solution = new double[dimension];
        PackedLower.Solve(inverse, right.ToArray(), scratch, solution);
        Assert.All(full.Solve(right).Zip(solution), static both => Assert.Equal(both.First, both.Second, 1e-9));
    }

    [Fact]
    public void Cholesky_of_sums_that_rounding_made_indefinite_is_finite_and_inverts()
    {
        // Two features that always occur together, a million times a million: the second pivot is all rounding.
        double[] packed = [1e18, 1e18 * (1 + 1e-15), 1e18];
        PackedLower.Cholesky(packed, 2, 1e-6);
        var inverse = new double[3];
        PackedLower.InvertFactor(packed, 2, inverse);
        Assert.All(inverse, static x => Assert.True(double.IsFinite(x)));
        Assert.Equal(Math.Sqrt(1e-6), packed[2], 1e-12);
    }
}
