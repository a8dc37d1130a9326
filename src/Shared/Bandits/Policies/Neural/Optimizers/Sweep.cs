using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>A rule's formula for sixteen weights at once. Written once, it is the formula of every weight.</summary>
internal interface ILaneRule
{
    /// <summary>How many of the four slots are in use; the rest is neither read nor written.</summary>
    static abstract int Slots { get; }

    void Step(ref Lanes value, Lanes gradient, ref Lanes a, ref Lanes b, ref Lanes c, ref Lanes d);
}

/// <summary>
/// One pass over a tensor: sixteen weights, their gradients and their slots are loaded, go through the formula in registers, and are stored.
/// Each weight depends on nothing but itself, so the last few go the same way in lanes filled up with zeros, and no result depends on where
/// a weight lies.
/// </summary>
internal static class Sweep
{
    private const int Width = 16;

    // As in the kernels of the networks: compiled fully at first use, and by itself.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Over<TRule>(ParameterTensor tensor, TRule rule) where TRule : struct, ILaneRule
    {
        var slots = tensor.Memory;
        ref var value = ref MemoryMarshal.GetArrayDataReference(tensor.Values);
        ref var gradient = ref MemoryMarshal.GetArrayDataReference(tensor.Gradient);
        ref var a = ref Slot(slots, 0, TRule.Slots);
        ref var b = ref Slot(slots, 1, TRule.Slots);
        ref var c = ref Slot(slots, 2, TRule.Slots);
        ref var d = ref Slot(slots, 3, TRule.Slots);
        var whole = tensor.Length / Width * Width;
        for (nuint i = 0; i < (nuint)whole; i += Width)
            Sixteen(rule, ref value, ref gradient, ref a, ref b, ref c, ref d, i);
        if (whole < tensor.Length)
            Rest(tensor, rule, whole);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sixteen<TRule>(
        TRule rule, ref float values, ref float gradients, ref float slot0, ref float slot1, ref float slot2, ref float slot3, nuint i)
        where TRule : struct, ILaneRule
    {
        var value = Vector512.LoadUnsafe(ref values, i);
        var a = TRule.Slots > 0 ? Vector512.LoadUnsafe(ref slot0, i) : default;
        var b = TRule.Slots > 1 ? Vector512.LoadUnsafe(ref slot1, i) : default;
        var c = TRule.Slots > 2 ? Vector512.LoadUnsafe(ref slot2, i) : default;
        var d = TRule.Slots > 3 ? Vector512.LoadUnsafe(ref slot3, i) : default;
        rule.Step(ref value, Vector512.LoadUnsafe(ref gradients, i), ref a, ref b, ref c, ref d);
        value.StoreUnsafe(ref values, i);
        if (TRule.Slots > 0)
            a.StoreUnsafe(ref slot0, i);
        if (TRule.Slots > 1)
            b.StoreUnsafe(ref slot1, i);
        if (TRule.Slots > 2)
            c.StoreUnsafe(ref slot2, i);
        if (TRule.Slots > 3)
            d.StoreUnsafe(ref slot3, i);
    }

    private static void Rest<TRule>(ParameterTensor tensor, TRule rule, int start) where TRule : struct, ILaneRule
    {
        Span<float> padded = stackalloc float[6 * Width];
        padded.Clear();
        var slots = tensor.Memory.AsSpan(0, TRule.Slots);
        tensor.Values.AsSpan(start).CopyTo(padded);
        tensor.Gradient.AsSpan(start).CopyTo(padded[Width..]);
        for (var s = 0; s < slots.Length; s++)
            slots[s].AsSpan(start).CopyTo(padded[((2 + s) * Width)..]);
        Sixteen(
            rule, ref padded[0], ref padded[Width], ref padded[2 * Width],
            ref padded[3 * Width], ref padded[4 * Width], ref padded[5 * Width], 0);
        var rest = tensor.Length - start;
        padded[..rest].CopyTo(tensor.Values.AsSpan(start));
        for (var s = 0; s < slots.Length; s++)
            padded.Slice((2 + s) * Width, rest).CopyTo(slots[s].AsSpan(start));
    }

    private static ref float Slot(float[][] slots, int slot, int used)
    {
        if (slot >= used)
            return ref Unsafe.NullRef<float>();
        return ref MemoryMarshal.GetArrayDataReference(slots[slot]);
    }
}
