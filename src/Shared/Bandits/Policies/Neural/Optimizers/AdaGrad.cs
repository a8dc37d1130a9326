using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// AdaGrad (Duchi et al., JMLR 2011, its diagonal form) whose sum is discounted, because one that only grows stops following a changing
/// world:
/// <code>
/// v ← γ·v + g²          θ ← θ − rate·g / (√v + ε)
/// </code>
/// γ = 1 is the original. Below 1 the step settles at √(1 − γ)·rate per typical gradient after some 1/(1 − γ) steps. With
/// <see cref="BatchSizeControl"/> it is AdAdaGrad.
/// </summary>
/// <param name="discount">γ in (0, 1], default 0.999.</param>
/// <param name="epsilon">ε above 0, default 1e-10.</param>
public sealed class AdaGrad(float discount = 0.999f, float epsilon = 1e-10f) : UpdateRule
{
    private readonly float _discount = Discount(discount, nameof(discount)), _epsilon = Positive(epsilon, nameof(epsilon));

    /// <inheritdoc/>
    public override string Name => "adagrad";

    /// <inheritdoc/>
    public override int Slots => 1;

    /// <inheritdoc/>
    public override float DefaultRate => 0.01f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept) =>
        Sweep.Over(tensors, new Formula(rate, _discount, _epsilon), kept);

    private readonly struct Formula(float rate, float discount, float epsilon) : ILaneRule
    {
        public static int Slots => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes v, ref Lanes b, ref Lanes c, ref Lanes d)
        {
            v = discount * v + g * g;
            value -= rate * g / (Vector512.Sqrt(v) + Vector512.Create(epsilon));
        }
    }
}
