using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Adam with decoupled weight decay (Kingma and Ba, ICLR 2015, arXiv 1412.6980, algorithm 1; Loshchilov and Hutter, ICLR 2019, arXiv
/// 1711.05101, algorithm 2):
/// <code>
/// m ← β1·m + (1 − β1)·g          v ← β2·v + (1 − β2)·g²
/// θ ← θ − rate·(m/(1 − β1^t)) / (√(v/(1 − β2^t)) + ε)
/// </code>
/// The decay is <see cref="Pull.Decoupled"/>, before the step. Deviation: a weight whose v is still 0 at step t (it is new, or its input
/// has never been active) takes this step as t first ones with the same gradient, m = (1 − β1^t)·g and v = (1 − β2^t)·g², so that it moves
/// by the rate as every weight does in step 1; as printed it would move by up to (1 − β1)/√(1 − β2), three times as far. With t = 1 the two
/// are the same.
/// </summary>
/// <param name="beta1">β1 in [0, 1), default 0.9.</param>
/// <param name="beta2">β2 in [0, 1), default 0.999; less follows a changing world sooner.</param>
/// <param name="epsilon">ε above 0, default 1e-8.</param>
public sealed class AdamW(float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f) : UpdateRule
{
    private readonly float _beta1 = Retention(beta1, nameof(beta1)), _beta2 = Retention(beta2, nameof(beta2));
    private readonly float _epsilon = Positive(epsilon, nameof(epsilon));

    /// <inheritdoc/>
    public override string Name => "adamw";

    /// <inheritdoc/>
    public override int Slots => 2;

    /// <inheritdoc/>
    public override float DefaultRate => 1e-3f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept) =>
        Sweep.Over(tensors, new Formula(rate, _beta1, _beta2, _epsilon, Seen(_beta1, step), Seen(_beta2, step)), kept);

    private readonly struct Formula(float rate, float beta1, float beta2, float epsilon, float seen1, float seen2) : ILaneRule
    {
        private readonly float _rate = rate / seen1, _root = 1 / MathF.Sqrt(seen2);

        public static int Slots => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes v, ref Lanes c, ref Lanes d)
        {
            var isNew = Vector512.Equals(v, Lanes.Zero);
            m = Vector512.ConditionalSelect(isNew, seen1 * g, beta1 * m + (1 - beta1) * g);
            v = Vector512.ConditionalSelect(isNew, seen2 * g * g, beta2 * v + (1 - beta2) * g * g);
            value -= _rate * m / (_root * Vector512.Sqrt(v) + Vector512.Create(epsilon));
        }
    }
}
