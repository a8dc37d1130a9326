using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector256<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>The gradients of a whole network: whether they are fit for use, how long they are, and cutting them to a length.</summary>
public static class Gradients
{
    /// <summary>
    /// Largest magnitude that a rule accepts. Squares of it, and sums of a hundred million of them, are still numbers of single precision,
    /// so no second moment becomes infinite, which it would stay for ever. No gradient that means anything is as large.
    /// </summary>
    public const float Largest = 1e15f;

    /// <summary>Whether all are numbers within ± <see cref="Largest"/>.</summary>
    public static bool AreUsable(ReadOnlySpan<ParameterTensor> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (!IsUsable(tensor.Gradient))
                return false;
        }
        return true;
    }

    /// <summary>‖g‖ over all tensors. Not a number if one of them is not.</summary>
    public static double Norm(ReadOnlySpan<ParameterTensor> tensors)
    {
        var squared = 0.0;
        foreach (var tensor in tensors)
            squared += Distance.Squared(tensor.Gradient);
        return Math.Sqrt(squared);
    }

    /// <summary>
    /// g ← g·min(1, bound/‖g‖), with the norm over all tensors, so that the direction stays (Pascanu et al. 2013, arXiv 1211.5063,
    /// algorithm 1).
    /// </summary>
    /// <param name="tensors">Their gradients are scaled; not touched if one of them is not finite.</param>
    /// <param name="bound">Largest norm that is left alone, above 0; infinity only measures.</param>
    /// <returns>‖g‖ as it was.</returns>
    public static double Clip(ReadOnlySpan<ParameterTensor> tensors, double bound)
    {
        if (!(bound > 0))
            throw new ArgumentOutOfRangeException(nameof(bound), bound, "Must be above 0.");
        var norm = Norm(tensors);
        if (!double.IsFinite(norm) || norm <= bound)
            return norm;
        var factor = (float)(bound / norm);
        foreach (var tensor in tensors)
            System.Numerics.Tensors.TensorPrimitives.Multiply(tensor.Gradient, factor, tensor.Gradient);
        return norm;
    }

    private static bool IsUsable(ReadOnlySpan<float> gradient)
    {
        var largest = Vector256.Create(Largest);
        var usable = Lanes.AllBitsSet;
        var blocks = MemoryMarshal.Cast<float, Lanes>(gradient);
        foreach (var block in blocks)
            usable &= Vector256.LessThanOrEqual(Vector256.Abs(block), largest);
        // Comparing bits: true in all lanes is itself not a number.
        if (usable.AsInt32() != Vector256<int>.AllBitsSet)
            return false;
        foreach (var g in gradient[(blocks.Length * Lanes.Count)..])
        {
            if (!(MathF.Abs(g) <= Largest))
                return false;
        }
        return true;
    }
}
