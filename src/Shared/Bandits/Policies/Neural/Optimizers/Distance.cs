using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector256<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Sums of squares in double precision, in eight sums of every eighth number whatever the machine: the same bits everywhere, and squares of
/// any float are finite.
/// </summary>
internal static class Distance
{
    /// <summary>‖a‖².</summary>
    public static double Squared(ReadOnlySpan<float> a)
    {
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        var blocks = MemoryMarshal.Cast<float, Lanes>(a);
        foreach (var block in blocks)
            Add(block, ref low, ref high);
        var sum = Vector256.Sum(low + high);
        for (var i = blocks.Length * Lanes.Count; i < a.Length; i++)
            sum += (double)a[i] * a[i];
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
