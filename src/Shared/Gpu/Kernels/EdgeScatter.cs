using ILGPU;
using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Gpu.Kernels;

/// <summary>
/// Scatters deltas into a table of edge sums: sums[e] += delta for every delta of a batch, in whatever order the device likes. 64-bit integer addition
/// commutes and associates exactly, so the bits do not depend on that order (Online Matching eq. 8 and 9 in fixed point).
/// </summary>
/// <remarks>
/// Shapes: deltas [B, 6] row-major, a row is (edge, n, d, b, s, x); sums [E, 5] row-major, a row is (n, d, b, s, x). One thread per field of a delta, so that
/// neighbouring threads touch neighbouring words. Devices check no bounds: the host has checked every edge.
/// </remarks>
internal static class EdgeScatter
{
    /// <summary>Integers of one edge in the table.</summary>
    public const int SumFields = 5;

    /// <summary>Integers of one delta on its way to the device.</summary>
    public const int DeltaFields = 1 + SumFields;

    /// <summary>Puts deltas into the shape that the kernel reads.</summary>
    /// <param name="deltas">B deltas.</param>
    /// <param name="into">At least B × 6 integers.</param>
    public static void Stage(ReadOnlySpan<EdgeDelta> deltas, Span<long> into)
    {
        for (var i = 0; i < deltas.Length; i++)
        {
            ref readonly var delta = ref deltas[i];
            var row = into.Slice(i * DeltaFields, DeltaFields);
            row[0] = delta.Edge;
            row[1] = delta.Sums.Count;
            row[2] = delta.Sums.Precision;
            row[3] = delta.Sums.Reward;
            row[4] = delta.Sums.Weight;
            row[5] = delta.Sums.Affinity;
        }
    }

    /// <summary>The kernel; launch B × 5 threads.</summary>
    public static void Kernel(Index1D thread, ArrayView<long> deltas, ArrayView<long> sums)
    {
        int index = thread;
        var field = index % SumFields;
        var row = (long)(index / SumFields) * DeltaFields;
        Atomic.Add(ref sums[(deltas[row] * SumFields) + field], deltas[row + 1 + field]);
    }
}
