using System.Runtime.CompilerServices;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Optimistic online mirror descent in the Euclidean norm, between stochastic and adversarial (Chen et al., JMLR 2024, arXiv 2302.04552,
/// "SEA" step size). The gradient is expected to repeat, and the weights that are played are already moved by it:
/// <code>
/// x̂ ← Proj(x̂ − η_t·g_t)          x ← Proj(x̂ − η_(t+1)·g_t)          gradients are taken at x
/// η_t = rate·D / √(δ + 4G² + S_t)          S_(t+1) = γ·S_t + ‖g_t − g_(t−1)‖²,  S_1 = 0,  g_0 = 0
/// </code>
/// Regret O(√σ² + √Σ²) of accumulated noise and drift with D the diameter of the ball, G the longest gradient (both tensor by tensor) and γ
/// = 1, which for ever slows down; less keeps following. For convex heads on frozen features. With a constant η and no ball, x moves by
/// −η·(2·g_t − g_(t−1)).
/// </summary>
/// <param name="diameter">D above 0, default 1; with a ball of radius ρ the theory takes 2ρ.</param>
/// <param name="gradientBound">G, not negative, default 1: where gradients are clipped.</param>
/// <param name="delta">δ above 0, default 1.</param>
/// <param name="discount">γ in (0, 1], default 1.</param>
/// <param name="radius">ρ of <see cref="Projection"/>, above 0. Default: no ball.</param>
public sealed class OptimisticDescent(
    float diameter = 1, float gradientBound = 1, float delta = 1, float discount = 1, float radius = float.PositiveInfinity) : UpdateRule
{
    private readonly float _diameter = Positive(diameter, nameof(diameter)), _discount = Discount(discount, nameof(discount));
    private readonly float _radius = Positive(radius, nameof(radius));
    private readonly double _least = Positive(delta, nameof(delta)) + 4.0 * gradientBound * gradientBound;

    /// <inheritdoc/>
    public override string Name => "optimistic";

    /// <summary>x̂ − x, which is 0 for a weight that is new; and the previous gradient.</summary>
    public override int Slots => 2;

    /// <summary>S.</summary>
    public override int Scalars => 1;

    /// <inheritdoc/>
    public override float DefaultRate => 1;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept)
    {
        foreach (var tensor in tensors)
            Update(tensor, rate, kept);
    }

    private void Update(ParameterTensor tensor, float rate, float kept)
    {
        ref var variation = ref tensor.Scalars[0];
        Sweep.Over(tensor, new Learn(Rate(rate, variation)), kept);
        Projection.Apply(tensor, _radius);
        variation = (float)(_discount * variation + Distance.Squared(tensor.Gradient, tensor.Memory[1]));
        Sweep.Over(tensor, new Expect(Rate(rate, variation)), kept: 1);
        if (float.IsFinite(_radius))
            ProjectPlayed(tensor);
    }

    private float Rate(float rate, double variation) => (float)(rate * _diameter / Math.Sqrt(_least + variation));

    /// <summary>Projects x, and keeps x̂ = x + ahead where it is.</summary>
    private void ProjectPlayed(ParameterTensor tensor)
    {
        var ahead = tensor.Memory[0];
        System.Numerics.Tensors.TensorPrimitives.Add(ahead, tensor.Values, ahead);
        Projection.Apply(tensor, _radius);
        System.Numerics.Tensors.TensorPrimitives.Subtract(ahead, tensor.Values, ahead);
    }

    /// <summary>x̂ − η·g, in the place of x.</summary>
    private readonly struct Learn(float rate) : ILaneRule
    {
        public static int Slots => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes ahead, ref Lanes b, ref Lanes c, ref Lanes d) =>
            value = value + ahead - rate * g;
    }

    /// <summary>x = x̂ − η·g.</summary>
    private readonly struct Expect(float rate) : ILaneRule
    {
        public static int Slots => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes ahead, ref Lanes previous, ref Lanes c, ref Lanes d)
        {
            ahead = rate * g;
            value -= ahead;
            previous = g;
        }
    }
}
