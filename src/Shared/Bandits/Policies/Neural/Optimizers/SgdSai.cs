using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// SGD with scaling at initialisation, "No More Adam" (Xu et al. 2024, arXiv 2412.11768, and its official code). Tensor i gets
/// a scale once, from its first gradients; after that it is momentum:
/// <code>
/// q_i = mean over the first W gradients of ‖g_i‖/(std(g_i) + ε)          scale_i = q_i / max_j q_j
/// m ← μ·m + (1 − μ)·g, beginning with m = g          θ ← θ − rate·scale_i·m
/// </code>
/// The decay (0.01 in the paper) is <see cref="Pull.Decoupled"/>, before the step. The paper has W = 1; in a stream more is safer, and
/// <see cref="Recalibrate"/> after a shift. Deviation: a standard deviation of 0, as that of a single weight, would give that tensor all of
/// the scale (1/ε times the others); here its q is 1, what ‖g‖/std is for one weight of a larger tensor.
/// </summary>
/// <param name="momentum">μ in [0, 1), default 0.9.</param>
/// <param name="warmUp">W, at least 1, default 1. Gradients that are 0 everywhere do not count.</param>
/// <param name="epsilon">ε above 0, default 1e-8.</param>
public sealed class SgdSai(float momentum = 0.9f, int warmUp = 1, float epsilon = 1e-8f) : UpdateRule
{
    private const int Ratio = 0, Batches = 1, Scale = 2;
    private readonly float _momentum = Retention(momentum, nameof(momentum)), _epsilon = Positive(epsilon, nameof(epsilon));
    private readonly float _warmUp = Positive(warmUp, nameof(warmUp));

    /// <inheritdoc/>
    public override string Name => "sgd-sai";

    /// <inheritdoc/>
    public override int Slots => 1;

    /// <summary>q, how many gradients it is the mean of, and the scale.</summary>
    public override int Scalars => 3;

    /// <inheritdoc/>
    public override float DefaultRate => 0.01f;

    /// <summary>Forgets the scales, so that the next W gradients determine them. Momentum stays.</summary>
    public static void Recalibrate(ReadOnlySpan<ParameterTensor> tensors)
    {
        foreach (var tensor in tensors)
            (tensor.Scalars[Ratio], tensor.Scalars[Batches]) = (0, 0);
    }

    private protected override void Observe(ReadOnlySpan<ParameterTensor> tensors)
    {
        var largest = 0f;
        foreach (var tensor in tensors)
        {
            var scalars = tensor.Scalars;
            if (scalars[Batches] < _warmUp && SignalToNoise(tensor.Gradient) is > 0 and var ratio)
                scalars[Ratio] += (ratio - scalars[Ratio]) / ++scalars[Batches];
            largest = Math.Max(largest, scalars[Ratio]);
        }
        foreach (var tensor in tensors)
            tensor.Scalars[Scale] = largest > 0 ? tensor.Scalars[Ratio] / largest : 0;
    }

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept)
    {
        foreach (var tensor in tensors)
            Sweep.Over(tensor, new Formula(rate * tensor.Scalars[Scale], _momentum), kept);
    }

    /// <summary>‖g‖/(std(g) + ε) with the unbiased standard deviation; 0 if all of g is 0.</summary>
    private float SignalToNoise(ReadOnlySpan<float> gradient)
    {
        var squared = Distance.Squared(gradient);
        if (squared == 0)
            return 0;
        var sum = 0.0;
        foreach (var g in gradient)
            sum += g;
        var variance = gradient.Length < 2 ? 0 : (squared - sum * sum / gradient.Length) / (gradient.Length - 1);
        // Rounding may leave a little of a variance that is 0.
        return variance <= 1e-12 * squared ? 1 : (float)(Math.Sqrt(squared) / (Math.Sqrt(variance) + _epsilon));
    }

    private readonly struct Formula(float rate, float momentum) : ILaneRule
    {
        public static int Slots => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes b, ref Lanes c, ref Lanes d)
        {
            m = Vector512.ConditionalSelect(Vector512.Equals(m, Lanes.Zero), g, momentum * m + (1 - momentum) * g);
            value -= rate * m;
        }
    }
}
