using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Randomness;

namespace Recsys.Bandits.Memory;

/// <summary>
/// Gives every action cells of its own where vectors do not know it: code of array k XOR the L highest bits of a_k·low + b_k·high, low and high being the halves of
/// the mixed key and a_k, b_k odd. Two actions with the same vector then meet in an array about once in 2^L, as unrelated vectors do.
/// </summary>
public static class ActionSalt
{
    private const int Width = 16;
    private static readonly uint[] Factors = MakeFactors();

    /// <summary>Salts the codes of one row.</summary>
    /// <param name="shape">K and L.</param>
    /// <param name="codes">Length K, each below 2^L.</param>
    /// <param name="action">The action.</param>
    /// <param name="salted">Length K, written; may be <paramref name="codes"/>.</param>
    /// <exception cref="ArgumentException">A length is another, or a code out of range.</exception>
    public static void Apply(MemoryShape shape, ReadOnlySpan<ushort> codes, ActionKey action, Span<ushort> salted)
    {
        CellReader.CheckCodes(codes, shape.Arrays, shape);
        if (salted.Length != codes.Length)
            throw new ArgumentException($"Room for {salted.Length} codes, there are {codes.Length}.", nameof(salted));
        var (low, high) = Halves(action);
        for (var k = 0; k < codes.Length; k++)
            salted[k] = (ushort)(codes[k] ^ ((Factors[2 * k] * low + Factors[2 * k + 1] * high) >> (32 - shape.Bits)));
    }

    /// <summary>Salts the codes of one row with up to sixteen actions.</summary>
    /// <param name="shape">K and L.</param>
    /// <param name="codes">Length K, each below 2^L.</param>
    /// <param name="actions">At most sixteen.</param>
    /// <param name="salted">Shape [K, 16], written; lanes without an action get codes of an action that there is not.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal static void ApplyAll(MemoryShape shape, ReadOnlySpan<ushort> codes, ReadOnlySpan<ActionKey> actions, Span<ushort> salted)
    {
        Span<uint> lows = stackalloc uint[Width], highs = stackalloc uint[Width];
        for (var i = 0; i < actions.Length; i++)
            (lows[i], highs[i]) = Halves(actions[i]);
        if (salted.Length < codes.Length * Width || codes.Length > Factors.Length / 2)
            throw new ArgumentException($"Room for {salted.Length} codes, {codes.Length * Width} are made.", nameof(salted));
        var (low, high) = (Vector512.Create<uint>(lows), Vector512.Create<uint>(highs));
        ref var to = ref MemoryMarshal.GetReference(salted);
        ref var factor = ref MemoryMarshal.GetArrayDataReference(Factors);
        for (var k = 0; k < codes.Length; k++)
        {
            var sum = low * Vector512.Create(Unsafe.Add(ref factor, 2 * k)) + high * Vector512.Create(Unsafe.Add(ref factor, 2 * k + 1));
            sum = (sum >>> (32 - shape.Bits)) ^ Vector512.Create((uint)codes[k]);
            Vector256.Narrow(sum.GetLower(), sum.GetUpper()).StoreUnsafe(ref to, (nuint)(k * Width));
        }
    }

    private static (uint Low, uint High) Halves(ActionKey action)
    {
        var mixed = SplitMix64.Mix(action.Value);
        return ((uint)mixed, (uint)(mixed >> 32));
    }

    private static uint[] MakeFactors()
    {
        var stream = new SplitMix64(0x5EED_0F5A17);
        var factors = new uint[2 * MemoryShape.ArraysMax];
        for (var i = 0; i < factors.Length; i++)
            factors[i] = (uint)(stream.Next() >> 32) | 1;
        return factors;
    }
}
