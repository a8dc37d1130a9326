using System.Numerics.Tensors;

namespace Recsys.Bandits.Numerics;

/// <summary>Cholesky factorisation of symmetric positive definite matrices kept as packed lower triangles: row i starts at i(i+1)/2 and has i+1 elements.</summary>
public static class PackedCholesky
{
    /// <summary>Elements of a packed triangle of order n.</summary>
    public static int Length(int n) => n * (n + 1) / 2;

    /// <summary>Replaces A by L with A = L·Lᵀ.</summary>
    /// <param name="a">Packed lower triangle of order <paramref name="n"/>, overwritten.</param>
    /// <param name="n">Order.</param>
    /// <returns>False when A is not positive definite.</returns>
    public static bool Factor(Span<double> a, int n)
    {
        for (var i = 0; i < n; i++)
        {
            var row = a.Slice(Length(i), i + 1);
            for (var j = 0; j < i; j++)
            {
                var other = a.Slice(Length(j), j + 1);
                row[j] = (row[j] - TensorPrimitives.Dot<double>(row[..j], other[..j])) / other[j];
            }
            var pivot = row[i] - TensorPrimitives.Dot<double>(row[..i], row[..i]);
            if (!(pivot > 0) || !double.IsFinite(pivot))
                return false;
            row[i] = Math.Sqrt(pivot);
        }
        return true;
    }

    /// <summary>Solves L·z = x in place.</summary>
    public static void Forward(ReadOnlySpan<double> l, Span<double> x)
    {
        for (var i = 0; i < x.Length; i++)
        {
            var row = l.Slice(Length(i), i + 1);
            x[i] = (x[i] - TensorPrimitives.Dot<double>(row[..i], x[..i])) / row[i];
        }
    }

    /// <summary>Solves Lᵀ·y = z in place.</summary>
    public static void Backward(ReadOnlySpan<double> l, Span<double> z)
    {
        for (var i = z.Length - 1; i >= 0; i--)
        {
            var row = l.Slice(Length(i), i + 1);
            z[i] /= row[i];
            for (var j = 0; j < i; j++)
                z[j] -= row[j] * z[i];
        }
    }
}
