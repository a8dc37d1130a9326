using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Many vectors laid out for inner products with one: panels of <see cref="Width"/> vectors, within a panel dimension by dimension, shape [P, D, Width]. A lane of
/// the vector unit then holds one inner product from beginning to end, so nothing is summed across lanes, and its value is that of the plain loop
/// <c>sum = fma(a[d], b[d], sum)</c> on every machine.
/// </summary>
internal static class VectorPanels
{
    /// <summary>Vectors of a panel.</summary>
    public const int Width = 64;

    private const int Part = 16;

    /// <summary>Panels that hold so many vectors.</summary>
    public static int Count(int vectors) => (vectors + Width - 1) / Width;

    /// <summary>Writes one vector into its lane.</summary>
    public static void Set(Span<float> panels, int lane, ReadOnlySpan<float> vector)
    {
        var at = lane / Width * vector.Length * Width + lane % Width;
        for (var d = 0; d < vector.Length; d++)
            panels[at + d * Width] = vector[d];
    }

    /// <summary>Reads one vector from its lane.</summary>
    public static void Get(ReadOnlySpan<float> panels, int lane, Span<float> vector)
    {
        var at = lane / Width * vector.Length * Width + lane % Width;
        for (var d = 0; d < vector.Length; d++)
            vector[d] = panels[at + d * Width];
    }

    /// <summary>One inner product, the same bits as <see cref="ScoreAll"/> gives.</summary>
    public static float Score(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        var sum = 0f;
        for (var d = 0; d < left.Length; d++)
            sum = MathF.FusedMultiplyAdd(left[d], right[d], sum);
        return sum;
    }

    /// <summary>The inner products of a vector with every lane. O(P · D · <see cref="Width"/>) multiply-adds.</summary>
    /// <param name="vector">Length D.</param>
    /// <param name="panels">Shape [P, D, <see cref="Width"/>].</param>
    /// <param name="scores">At least P · <see cref="Width"/> long, written.</param>
    public static void ScoreAll(ReadOnlySpan<float> vector, ReadOnlySpan<float> panels, Span<float> scores)
    {
        var stride = vector.Length * Width;
        var count = panels.Length / stride;
        if (scores.Length < count * Width)
            throw new ArgumentException($"Room for {scores.Length} scores, {count * Width} are made.", nameof(scores));
        ref var first = ref MemoryMarshal.GetReference(vector);
        ref var panel = ref MemoryMarshal.GetReference(panels);
        ref var score = ref MemoryMarshal.GetReference(scores);
        var done = 0;
        // Two panels while they last: their eight sums in flight hide the latency of a multiply-add.
        for (; done + 2 <= count; done += 2)
            Two(ref first, vector.Length, ref Unsafe.Add(ref panel, done * stride), stride, ref Unsafe.Add(ref score, done * Width));
        if (done < count)
            One(ref first, vector.Length, ref Unsafe.Add(ref panel, done * stride), ref Unsafe.Add(ref score, done * Width));
    }

    private static void Two(ref float vector, int dimension, ref float panels, int stride, ref float scores)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (var d = 0; d < dimension; d++)
        {
            var v = Vector512.Create(Unsafe.Add(ref vector, d));
            ref var p = ref Unsafe.Add(ref panels, d * Width);
            ref var q = ref Unsafe.Add(ref p, stride);
            s0 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p), s0);
            s1 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p, Part), s1);
            s2 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p, 2 * Part), s2);
            s3 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p, 3 * Part), s3);
            s4 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref q), s4);
            s5 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref q, Part), s5);
            s6 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref q, 2 * Part), s6);
            s7 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref q, 3 * Part), s7);
        }
        s0.StoreUnsafe(ref scores);
        s1.StoreUnsafe(ref scores, Part);
        s2.StoreUnsafe(ref scores, 2 * Part);
        s3.StoreUnsafe(ref scores, 3 * Part);
        s4.StoreUnsafe(ref scores, 4 * Part);
        s5.StoreUnsafe(ref scores, 5 * Part);
        s6.StoreUnsafe(ref scores, 6 * Part);
        s7.StoreUnsafe(ref scores, 7 * Part);
    }

    private static void One(ref float vector, int dimension, ref float panel, ref float scores)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (var d = 0; d < dimension; d++)
        {
            var v = Vector512.Create(Unsafe.Add(ref vector, d));
            ref var p = ref Unsafe.Add(ref panel, d * Width);
            s0 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p), s0);
            s1 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p, Part), s1);
            s2 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p, 2 * Part), s2);
            s3 = Vector512.FusedMultiplyAdd(v, Vector512.LoadUnsafe(ref p, 3 * Part), s3);
        }
        s0.StoreUnsafe(ref scores);
        s1.StoreUnsafe(ref scores, Part);
        s2.StoreUnsafe(ref scores, 2 * Part);
        s3.StoreUnsafe(ref scores, 3 * Part);
    }
}
