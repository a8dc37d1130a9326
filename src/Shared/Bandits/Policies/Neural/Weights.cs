using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// One block of a network's weights while it is trained. Blocks are small (a layer, the weights of one hashed input, the head of one action), so that a step touches
/// only what the minibatch used.
/// </summary>
internal sealed class Weights
{
    /// <summary>A block at its start.</summary>
    /// <param name="initial">θ0.</param>
    /// <param name="options">Say what else is remembered.</param>
    public Weights(ReadOnlySpan<float> initial, NeuralOptions options)
    {
        Tensor = new ParameterTensor(initial, options.Rule, keepInitial: true);
        Average = options.Average > 0 ? initial.ToArray() : null;
        Precision = options.Widths == WidthForm.None ? [] : new float[initial.Length];
    }

    /// <summary>
    /// Largest magnitude of a weight. Two layers of such weights over inputs within ± <see cref="FeatureScaler.Limit"/> give outputs, slopes and squared
    /// derivatives that are still numbers of single precision. No weight that means anything is as large.
    /// </summary>
    public const float Largest = 1e9f;

    /// <summary>θ, θ0, the gradient and what the update rule remembers.</summary>
    public ParameterTensor Tensor { get; }

    /// <summary>Running average of θ; null where none is kept.</summary>
    public float[]? Average { get; }

    /// <summary>Σ of squared derivatives of the output over the interactions learned, without the prior; empty where no widths are wanted.</summary>
    public float[] Precision { get; }

    /// <summary>Steps that touched the block.</summary>
    public long Steps { get; set; }

    /// <summary>The last step whose minibatch used the block.</summary>
    public long TouchedAt { get; set; }

    /// <summary>What is served: the average, or θ.</summary>
    public ReadOnlySpan<float> Served => Average ?? Tensor.Values;

    /// <summary>Whether all weights, those that are served among them, are numbers within ± <see cref="Largest"/>.</summary>
    public bool AreUsable => IsUsable(Tensor.Values) && (Average is null || IsUsable(Average));

    /// <summary>Whether all are numbers within ± <see cref="Largest"/>.</summary>
    public static bool IsUsable(ReadOnlySpan<float> weights)
    {
        var largest = Vector256.Create(Largest);
        var usable = Vector256<float>.AllBitsSet;
        var blocks = MemoryMarshal.Cast<float, Vector256<float>>(weights);
        foreach (ref readonly var block in blocks)
            usable &= Vector256.LessThanOrEqual(Vector256.Abs(block), largest);
        // Comparing bits: true in all lanes is itself not a number.
        if (usable.AsInt32() != Vector256<int>.AllBitsSet)
            return false;
        foreach (var weight in weights[(blocks.Length * Vector256<float>.Count)..])
        {
            if (!(MathF.Abs(weight) <= Largest))
                return false;
        }
        return true;
    }

    /// <summary>average ← keep·average + (1 − keep)·θ, of a block that keeps one.</summary>
    /// <param name="keep">Share of the old, in [0, 1].</param>
    /// <returns><see cref="IsUsable"/> of θ, in the same pass. An average of usable weights is usable.</returns>
    // As in the kernels: compiled fully at first use, and by itself.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public bool Follow(float keep)
    {
        ref var values = ref MemoryMarshal.GetArrayDataReference(Tensor.Values);
        ref var average = ref MemoryMarshal.GetArrayDataReference(Average!);
        var length = (nuint)Math.Min(Tensor.Length, Average!.Length);
        var (old, fresh) = (Vector512.Create(keep), Vector512.Create(1 - keep));
        // Without their signs, the bits of floats are in the order of their magnitudes, and those of what is no number come last.
        var (magnitude, worst) = (Vector512.Create(int.MaxValue), Vector512<int>.Zero);
        nuint i = 0;
        for (; i + (nuint)Vector512<float>.Count <= length; i += (nuint)Vector512<float>.Count)
        {
            var value = Vector512.LoadUnsafe(ref values, i);
            Vector512.FusedMultiplyAdd(value, fresh, Vector512.LoadUnsafe(ref average, i) * old).StoreUnsafe(ref average, i);
            worst = Vector512.Max(worst, value.AsInt32() & magnitude);
        }
        var usable = Vector512.LessThanOrEqualAll(worst, Vector512.Create(BitConverter.SingleToInt32Bits(Largest)));
        for (; i < length; i++)
        {
            var value = Unsafe.Add(ref values, i);
            ref var slot = ref Unsafe.Add(ref average, i);
            slot = MathF.FusedMultiplyAdd(value, 1 - keep, slot * keep);
            usable &= MathF.Abs(value) <= Largest;
        }
        return usable;
    }

    /// <summary>Begins anew where it began at first.</summary>
    public void Restart()
    {
        Tensor.Initial!.CopyTo(Tensor.Values, 0);
        foreach (var slot in Tensor.Slots)
            Array.Clear(slot);
        Array.Clear(Tensor.Scalars);
        if (Average is not null)
            Tensor.Initial!.CopyTo(Average, 0);
        Array.Clear(Precision);
        (Steps, TouchedAt) = (0, 0);
    }

    /// <summary>Everything that a checkpoint has to keep, in a fixed order.</summary>
    public IEnumerable<float[]> Arrays()
    {
        yield return Tensor.Values;
        yield return Tensor.Initial!;
        foreach (var slot in Tensor.Slots)
            yield return slot;
        yield return Tensor.Scalars;
        if (Average is not null)
            yield return Average;
        yield return Precision;
    }
}
