using System.Numerics.Tensors;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Decay of weights towards where they began: the one place for it, called by the trainer around a rule's step and never by the rule.
/// Decoupled, so that a rule's scaling does not touch it (Loshchilov and Hutter, ICLR 2019, arXiv 1711.05101). With θ0 at the origin it is
/// ordinary weight decay. With θ0 at the initialisation and κ = c²/√m it is what the perturbed predictions of a network of width m amount
/// to in expectation (Deb et al., ICLR 2024, arXiv 2312.07145), which a test shows.
/// </summary>
public static class Pull
{
    /// <summary>θ ← θ0 + (θ − θ0)·max(0, 1 − rate·κ): before the step, as AdamW, Lion and SGD-SaI print it.</summary>
    /// <param name="tensor">θ, and θ0 or the origin.</param>
    /// <param name="rate">Learning rate of the step, not negative.</param>
    /// <param name="strength">κ, not negative; 0 does nothing.</param>
    public static void Decoupled(ParameterTensor tensor, float rate, float strength) => Shrink(tensor, Kept(rate, strength));

    /// <summary>max(0, 1 − rate·κ), the factor of <see cref="Decoupled"/>.</summary>
    internal static float Kept(float rate, float strength) => Math.Max(0, 1 - Product(rate, strength));

    /// <summary>θ ← θ0 + (θ − θ0)/(1 + rate·κ): after the step, as Adan prints it.</summary>
    /// <inheritdoc cref="Decoupled"/>
    public static void Proximal(ParameterTensor tensor, float rate, float strength) => Shrink(tensor, 1 / (1 + Product(rate, strength)));

    /// <summary>θ ← θ0 + (θ − θ0)·factor; a factor of 1 leaves every bit.</summary>
    internal static void Shrink(ParameterTensor tensor, float factor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (factor == 1)
            return;
        if (tensor.Initial is null)
            TensorPrimitives.Multiply(tensor.Values, factor, tensor.Values);
        else
            TensorPrimitives.Lerp(tensor.Initial, tensor.Values, factor, tensor.Values);
    }

    private static float Product(float rate, float strength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfNegative(strength);
        return rate * strength;
    }
}
