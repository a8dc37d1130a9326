using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Recsys.Bandits.Numerics;

/// <summary>
/// The standard normal distribution, fast enough for tens of thousands of evaluations per decision:
/// <code>
/// ln Φ(z) ≈ p(x) / (q(x)·r(y)¹⁶) − x²/2          x = max(0, −z), y = max(0, z)
/// </code>
/// </summary>
/// <remarks>
/// Of the two sides of 0 the other's polynomials are 1. Below, p/q is the logarithm of Mills' ratio times the density's constant, which is smooth; above, −ln 2/r¹⁶ is what
/// Abramowitz and Stegun (1964, 7.1.28) do for the error function. At 0 both are ln ½ exactly. Coefficients are fitted for the largest error to be least, and those of r are
/// positive, so that rounding cannot make it fall.
/// </remarks>
public static class NormalLaw
{
    // Where p/q was fitted.
    private const double Range = 8;
    private const double P0 = -0.69314718055994531, P1 = -1.209870540732868, P2 = -0.373780523124743, P3 = -0.02220321841383397;
    private const double Q1 = 0.5945624505270137, Q2 = 0.1159407786897188, Q3 = 0.0038596888089997157;
    private const double R1 = 0.07196968324506181, R2 = 0.015161019158354347, R3 = 0.0031717821155462195, R4 = 0.00038335666836630523, R5 = 3.322888659827528e-05;
    private static readonly double Lowest = LogBelow(-Range);

    /// <summary>
    /// ln Φ(z). Absolute error below 2e-5, and below 4e-5·e⁻ᶻ where that is less, for z of at least −8; below, the leading term of the asymptotic series, to a thousandth.
    /// Never decreases by more than rounding.
    /// </summary>
    /// <param name="z">Any number but NaN.</param>
    public static double LogBelow(double z)
    {
        if (z < -Range)
            return Lowest - 0.5 * (z * z - Range * Range) - Math.Log(-z / Range);
        double x = Math.Max(-z, 0), y = Math.Max(z, 0);
        var r = Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(R5, y, R4), y, R3), y, R2), y, R1), y, 1);
        var p = Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(P3, x, P2), x, P1), x, P0);
        var q = Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Q3, x, Q2), x, Q1), x, 1);
        r *= r;
        r *= r;
        r *= r;
        r *= r;
        return Math.FusedMultiplyAdd(-0.5 * x, x, p / (q * r));
    }

    /// <summary>each_i = ln Φ((value − mean_i)·precision_i), the bits of <see cref="LogBelow(double)"/>.</summary>
    /// <param name="value">Finite.</param>
    /// <param name="means">Any length, finite; fastest if a multiple of eight.</param>
    /// <param name="precisions">One over each standard deviation, as long; finite and above 0.</param>
    /// <param name="each">Written, as long.</param>
    /// <returns>Their sum.</returns>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    // As in the kernels of the networks: compiled fully at first use, and by itself.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal static double LogBelow(double value, ReadOnlySpan<double> means, ReadOnlySpan<double> precisions, Span<double> each)
    {
        if (precisions.Length != means.Length || each.Length != means.Length)
            throw new ArgumentException($"{means.Length} means, {precisions.Length} precisions and room for {each.Length} logarithms.");
        ref var mean = ref MemoryMarshal.GetReference(means);
        ref var precision = ref MemoryMarshal.GetReference(precisions);
        ref var to = ref MemoryMarshal.GetReference(each);
        var (at, one, zero) = (Vector512.Create(value), Vector512<double>.One, Vector512<double>.Zero);
        var sums = zero;
        var i = 0;
        for (; i + Vector512<double>.Count <= means.Length; i += Vector512<double>.Count)
        {
            var z = (at - Vector512.LoadUnsafe(ref mean, (nuint)i)) * Vector512.LoadUnsafe(ref precision, (nuint)i);
            if (Vector512.LessThanAny(z, Vector512.Create(-Range)))
            {
                for (var k = i; k < i + Vector512<double>.Count; k++)
                    each[k] = LogBelow((value - means[k]) * precisions[k]);
                sums += Vector512.LoadUnsafe(ref to, (nuint)i);
                continue;
            }
            Vector512<double> x = Vector512.Max(-z, zero), y = Vector512.Max(z, zero);
            var r = Vector512.FusedMultiplyAdd(Vector512.Create(R5), y, Vector512.Create(R4));
            r = Vector512.FusedMultiplyAdd(r, y, Vector512.Create(R3));
            r = Vector512.FusedMultiplyAdd(r, y, Vector512.Create(R2));
            r = Vector512.FusedMultiplyAdd(r, y, Vector512.Create(R1));
            r = Vector512.FusedMultiplyAdd(r, y, one);
            var p = Vector512.FusedMultiplyAdd(Vector512.Create(P3), x, Vector512.Create(P2));
            p = Vector512.FusedMultiplyAdd(p, x, Vector512.Create(P1));
            p = Vector512.FusedMultiplyAdd(p, x, Vector512.Create(P0));
            var q = Vector512.FusedMultiplyAdd(Vector512.Create(Q3), x, Vector512.Create(Q2));
            q = Vector512.FusedMultiplyAdd(q, x, Vector512.Create(Q1));
            q = Vector512.FusedMultiplyAdd(q, x, one);
            r *= r;
            r *= r;
            r *= r;
            r *= r;
            var log = Vector512.FusedMultiplyAdd(Vector512.Create(-0.5) * x, x, p / (q * r));
            log.StoreUnsafe(ref to, (nuint)i);
            sums += log;
        }
        var sum = Vector512.Sum(sums);
        for (; i < means.Length; i++)
            sum += each[i] = LogBelow((value - means[i]) * precisions[i]);
        return sum;
    }
}
