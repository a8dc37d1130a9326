using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>One input of a linear model.</summary>
/// <param name="Id">Identifies the weight: unique up to 64-bit hash collisions.</param>
/// <param name="Value">Finite; 0 only where values added up to it or a product is too small for a float.</param>
internal readonly record struct LinearFeature(ulong Id, float Value);

/// <summary>Which inputs a linear model has for a context and an action.</summary>
internal enum LinearScope
{
    /// <summary>Every action its own weights over [1, context] (disjoint LinUCB).</summary>
    PerAction,

    /// <summary>One set of weights over [1, context, action, context ⊗ action].</summary>
    Shared,

    /// <summary>
    /// Both in one model (hybrid LinUCB, Li et al. 2010, section 3.2): [1, action, context ⊗ action] shared, [1, context] per action. The context
    /// alone is not repeated among the shared: it is the same for all candidates, so it cannot rank them.
    /// </summary>
    Both,
}

/// <summary>
/// Turns encoded features into the inputs of a linear model. The bias comes first, always. Zeros are left out; values are clipped to
/// ± <see cref="StableMath.FeatureMax"/>; the values of a hash that repeats within a context or an action add up in one input.
/// </summary>
internal static class LinearFeatures
{
    /// <summary>Id of the constant input.</summary>
    public const ulong Bias = 1;

    /// <summary>
    /// Most crossed inputs of one pair; bounds the work of a request that sends thousands of hashed features on both sides. Crosses beyond it
    /// are left out, in the order of the features.
    /// </summary>
    public const int CrossesMax = 4096;

    private const ulong ContextSpace = 2UL << 56;
    private const ulong ActionSpace = 4UL << 56;
    private const ulong DenseBit = 1UL << 48;
    private const int SeenWords = 64;

    /// <summary>Inputs of one feature set: at most its dense and sparse lengths together.</summary>
    public static int Context(FeatureSet set, FeatureSchema schema, Span<LinearFeature> into) =>
        Describe(set, ContextSpace, schema.ContextHashBits, into);

    /// <summary>The same for the features of an action.</summary>
    public static int Action(FeatureSet set, FeatureSchema schema, Span<LinearFeature> into) =>
        Describe(set, ActionSpace, schema.ActionHashBits, into);

    /// <summary>Room that <see cref="Context"/> and <see cref="Action"/> need.</summary>
    public static int LengthMax(FeatureSet set) => set.Dense.Length + set.Sparse.Length;

    /// <summary>Room that <see cref="Pair"/> needs.</summary>
    public static int PairLengthMax(int context, int action) =>
        2 + context + action + (int)Math.Min(CrossesMax, (long)context * action);

    /// <summary>Inputs of a context and an action.</summary>
    /// <param name="scope">Which.</param>
    /// <param name="key">The action; its own weights are addressed by it where they live in one block with the shared ones.</param>
    /// <param name="context">From <see cref="Context"/>.</param>
    /// <param name="action">From <see cref="Action"/>.</param>
    /// <param name="into">Room for <see cref="PairLengthMax"/>.</param>
    /// <returns>How many were written.</returns>
    public static int Pair(
        LinearScope scope, ActionKey key, ReadOnlySpan<LinearFeature> context, ReadOnlySpan<LinearFeature> action, Span<LinearFeature> into)
    {
        var count = 0;
        into[count++] = new LinearFeature(Bias, 1);
        if (scope == LinearScope.Both)
        {
            count += OfAction(key, context, into[count..]);
        }
        else
        {
            context.CopyTo(into[count..]);
            count += context.Length;
        }
        if (scope == LinearScope.PerAction)
            return count;
        action.CopyTo(into[count..]);
        count += action.Length;
        var crosses = 0;
        foreach (var left in context)
        {
            foreach (var right in action)
            {
                if (crosses++ == CrossesMax)
                    return count;
                into[count++] = new LinearFeature(Combine(left.Id, right.Id), StableMath.ClipFeature(left.Value * right.Value));
            }
        }
        return count;
    }

    /// <summary>
    /// The same where all weights live in one table, so that an action's own weights need ids of their own: the bias of all actions, then
    /// <see cref="OfAction"/> for <see cref="LinearScope.PerAction"/>, or <see cref="Pair"/>.
    /// </summary>
    public static int TablePair(
        LinearScope scope, ActionKey key, ReadOnlySpan<LinearFeature> context, ReadOnlySpan<LinearFeature> action, Span<LinearFeature> into)
    {
        if (scope != LinearScope.PerAction)
            return Pair(scope, key, context, action, into);
        into[0] = new LinearFeature(Bias, 1);
        return 1 + OfAction(key, context, into[1..]);
    }

    /// <summary>An action's own inputs [1, context], under ids that no other action has.</summary>
    public static int OfAction(ActionKey key, ReadOnlySpan<LinearFeature> context, Span<LinearFeature> into)
    {
        into[0] = new LinearFeature(Combine(key.Value, Bias), 1);
        for (var i = 0; i < context.Length; i++)
            into[i + 1] = new LinearFeature(Combine(key.Value, context[i].Id), context[i].Value);
        return context.Length + 1;
    }

    /// <summary>Mixes 64 bits so that every output bit depends on every input bit (the finaliser of MurmurHash3).</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCD;
        value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53;
        return value ^ (value >> 33);
    }

    private static ulong Combine(ulong left, ulong right) => Mix(Mix(left) + 0x9E3779B97F4A7C15 + right);

    private static int Describe(FeatureSet set, ulong space, int hashBits, Span<LinearFeature> into)
    {
        var count = 0;
        var dense = set.Dense.Span;
        for (var i = 0; i < dense.Length; i++)
        {
            var value = StableMath.ClipFeature(dense[i]);
            if (value != 0)
                into[count++] = new LinearFeature(space | DenseBit | (uint)i, value);
        }
        var hashed = count;
        var mask = (1U << hashBits) - 1;
        // One bit per low bits of a hash: only where it is set already can there be a repetition to look for.
        Span<ulong> seen = stackalloc ulong[SeenWords];
        seen.Clear();
        foreach (var feature in set.Sparse.Span)
        {
            var value = StableMath.ClipFeature(feature.Value);
            if (value == 0)
                continue;
            var id = space | (feature.Hash & mask);
            ref var word = ref seen[(int)(id >> 6) & (SeenWords - 1)];
            var bit = 1UL << (int)(id & 63);
            if ((word & bit) == 0 || !AddTo(into[hashed..count], id, value))
                into[count++] = new LinearFeature(id, value);
            word |= bit;
        }
        return count;
    }

    private static bool AddTo(Span<LinearFeature> inputs, ulong id, float value)
    {
        foreach (ref var input in inputs)
        {
            if (input.Id != id)
                continue;
            input = new LinearFeature(id, StableMath.ClipFeature(input.Value + value));
            return true;
        }
        return false;
    }
}
