using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector256<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Sums of squares in double precision, in eight sums of every eighth number or sixteen of every sixteenth whatever the machine: the same bits everywhere, and squares
/// of any float are finite.
/// </summary>
internal static class Distance
{
    /// <summary>‖a‖².</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static double Squared(ReadOnlySpan<float> a)
    {
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        ref var first = ref MemoryMarshal.GetReference(a);
        nuint i = 0;
        for (; i + 16 <= (nuint)a.Length; i += 16)
        {
            var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref first, i));
            low = Vector512.FusedMultiplyAdd(lower, lower, low);
            high = Vector512.FusedMultiplyAdd(upper, upper, high);
        }
        var sum = Vector512.Sum(low + high);
        for (; i < (nuint)a.Length; i++)
            sum += (double)a[(int)i] * a[(int)i];
        return sum;
    }

    /// <summary>‖a − b‖², where an empty b is the origin.</summary>
    public static double Squared(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (b.IsEmpty)
            return Squared(a);
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        var left = MemoryMarshal.Cast<float, Lanes>(a);
        var right = MemoryMarshal.Cast<float, Lanes>(b[..a.Length]);
        for (var i = 0; i < left.Length; i++)
            Add(left[i] - right[i], ref low, ref high);
        var sum = Vector256.Sum(low + high);
        for (var i = left.Length * Lanes.Count; i < a.Length; i++)
        {
            double difference = a[i] - b[i];
            sum += difference * difference;
        }
        return sum;
    }

    /// <summary>How many |a − b| are above <paramref name="bound"/>.</summary>
    public static int CountBeyond(ReadOnlySpan<float> a, ReadOnlySpan<float> b, float bound)
    {
        var left = MemoryMarshal.Cast<float, Lanes>(a);
        var right = MemoryMarshal.Cast<float, Lanes>(b[..a.Length]);
        var (beyond, counts) = (Vector256.Create(bound), Vector256<int>.Zero);
        // True is −1 in every lane.
        for (var i = 0; i < left.Length; i++)
            counts -= Vector256.GreaterThan(Vector256.Abs(left[i] - right[i]), beyond).AsInt32();
        var count = Vector256.Sum(counts);
        for (var i = left.Length * Lanes.Count; i < a.Length; i++)
            count += MathF.Abs(a[i] - b[i]) > bound ? 1 : 0;
        return count;
    }

    private static void Add(Lanes block, ref Vector256<double> low, ref Vector256<double> high)
    {
        var (lower, upper) = Vector256.Widen(block);
        low += lower * lower;
        high += upper * upper;
    }
}
