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
/// One pass over a tensor: sixteen weights, their gradients and their slots are loaded, pulled, go through the formula in registers, and are stored.
/// Each weight depends on nothing but itself, so the last few go the same way in lanes filled up with zeros, and no result depends on where
/// a weight lies.
/// </summary>
internal static class Sweep
{
    private const int Width = 16, Few = 4;

    /// <summary>Moves tensors by one formula.</summary>
    /// <param name="tensors">Any number.</param>
    /// <param name="rule">The formula.</param>
    /// <param name="kept">Before it, θ ← θ0 + (θ − θ0)·kept, as <see cref="Pull.Shrink"/>; 1 leaves every bit.</param>
    public static void Over<TRule>(ReadOnlySpan<ParameterTensor> tensors, TRule rule, float kept) where TRule : struct, ILaneRule
    {
        foreach (var tensor in tensors)
            Over(tensor, rule, kept);
    }

    /// <inheritdoc cref="Over{TRule}(ReadOnlySpan{ParameterTensor}, TRule, float)"/>
    // As in the kernels of the networks: compiled fully at first use, and by itself.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Over<TRule>(ParameterTensor tensor, TRule rule, float kept) where TRule : struct, ILaneRule
    {
        if (tensor.Initial is null)
        {
            Pull.Shrink(tensor, kept);
            kept = 1;
        }
        var slots = tensor.Memory;
        var pass = new Pass<TRule>(rule, kept);
        ref var value = ref MemoryMarshal.GetArrayDataReference(tensor.Values);
        ref var initial = ref MemoryMarshal.GetArrayDataReference(tensor.Initial ?? tensor.Values);
        ref var gradient = ref MemoryMarshal.GetArrayDataReference(tensor.Gradient);
        ref var a = ref Slot(slots, 0, TRule.Slots);
        ref var b = ref Slot(slots, 1, TRule.Slots);
        ref var c = ref Slot(slots, 2, TRule.Slots);
        ref var d = ref Slot(slots, 3, TRule.Slots);
        var (length, i) = ((nuint)tensor.Length, (nuint)0);
        for (; i + Width <= length; i += Width)
            pass.Sixteen(ref value, ref initial, ref gradient, ref a, ref b, ref c, ref d, i);
        // The constants of a head's networks.
        for (; i + Few <= length; i += Few)
            pass.Four(ref value, ref initial, ref gradient, ref a, ref b, ref c, ref d, i);
        if (i < length)
            Rest(tensor, pass, (int)i);
    }

    private static void Rest<TRule>(ParameterTensor tensor, in Pass<TRule> pass, int start) where TRule : struct, ILaneRule
    {
        Span<float> padded = stackalloc float[7 * Few];
        padded.Clear();
        var slots = tensor.Memory.AsSpan(0, TRule.Slots);
        tensor.Values.AsSpan(start).CopyTo(padded);
        tensor.Gradient.AsSpan(start).CopyTo(padded[Few..]);
        (tensor.Initial ?? tensor.Values).AsSpan(start).CopyTo(padded[(2 * Few)..]);
        for (var s = 0; s < slots.Length; s++)
            slots[s].AsSpan(start).CopyTo(padded[((3 + s) * Few)..]);
        pass.Four(
            ref padded[0], ref padded[2 * Few], ref padded[Few], ref padded[3 * Few], ref padded[4 * Few], ref padded[5 * Few], ref padded[6 * Few], 0);
        var rest = tensor.Length - start;
        padded[..rest].CopyTo(tensor.Values.AsSpan(start));
        for (var s = 0; s < slots.Length; s++)
            padded.Slice((3 + s) * Few, rest).CopyTo(slots[s].AsSpan(start));
    }

    private static ref float Slot(float[][] slots, int slot, int used)
    {
        if (slot >= used)
            return ref Unsafe.NullRef<float>();
        return ref MemoryMarshal.GetArrayDataReference(slots[slot]);
    }

    private readonly struct Pass<TRule>(TRule rule, float kept) where TRule : struct, ILaneRule
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Sixteen(
            ref float values, ref float initial, ref float gradients, ref float slot0, ref float slot1, ref float slot2, ref float slot3, nuint i)
        {
            var value = Vector512.LoadUnsafe(ref values, i);
            if (kept != 1)
                value = Pulled(value, Vector512.LoadUnsafe(ref initial, i));
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

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Four(
            ref float values, ref float initial, ref float gradients, ref float slot0, ref float slot1, ref float slot2, ref float slot3, nuint i)
        {
            var value = Load(ref values, i);
            if (kept != 1)
                value = Pulled(value, Load(ref initial, i));
            var a = TRule.Slots > 0 ? Load(ref slot0, i) : default;
            var b = TRule.Slots > 1 ? Load(ref slot1, i) : default;
            var c = TRule.Slots > 2 ? Load(ref slot2, i) : default;
            var d = TRule.Slots > 3 ? Load(ref slot3, i) : default;
            rule.Step(ref value, Load(ref gradients, i), ref a, ref b, ref c, ref d);
            Store(value, ref values, i);
            if (TRule.Slots > 0)
                Store(a, ref slot0, i);
            if (TRule.Slots > 1)
                Store(b, ref slot1, i);
            if (TRule.Slots > 2)
                Store(c, ref slot2, i);
            if (TRule.Slots > 3)
                Store(d, ref slot3, i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private Lanes Pulled(Lanes value, Lanes initial) => Vector512.FusedMultiplyAdd(initial, Vector512.Create(1 - kept), value * kept);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Lanes Load(ref float from, nuint i) => Vector128.LoadUnsafe(ref from, i).ToVector256().ToVector512();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store(Lanes lanes, ref float to, nuint i) => lanes.GetLower().GetLower().StoreUnsafe(ref to, i);
    }
}
