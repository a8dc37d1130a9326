using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Adan, Nesterov momentum from differences of gradients (Xie et al., IEEE TPAMI 2024, arXiv 2208.06677, with retentions β as
/// in the official code):
/// <code>
/// D = g − g_prev, 0 in step 1
/// m ← β1·m + (1 − β1)·g          v ← β2·v + (1 − β2)·D          n ← β3·n + (1 − β3)·(g + β2·D)²
/// θ ← θ − rate·(m̂ + β2·v̂) / (√n̂ + ε)          where x̂ = x/(1 − β^t)
/// </code>
/// Its decay (0.02 in the paper) is <see cref="Pull.Proximal"/>, after the step. Rates are 5 to 10 times those of AdamW. With small batches
/// D is noise: for large ones. A weight that begins late (n still 0) takes its step as t first ones, as in <see cref="AdamW"/>.
/// </summary>
/// <param name="beta1">β1 in [0, 1), default 0.98.</param>
/// <param name="beta2">β2 in [0, 1), default 0.92.</param>
/// <param name="beta3">β3 in [0, 1), default 0.99.</param>
/// <param name="epsilon">ε above 0, default 1e-8.</param>
public sealed class Adan(float beta1 = 0.98f, float beta2 = 0.92f, float beta3 = 0.99f, float epsilon = 1e-8f) : UpdateRule
{
    private readonly float _beta1 = Retention(beta1, nameof(beta1)), _beta2 = Retention(beta2, nameof(beta2));
    private readonly float _beta3 = Retention(beta3, nameof(beta3)), _epsilon = Positive(epsilon, nameof(epsilon));

    /// <inheritdoc/>
    public override string Name => "adan";

    /// <inheritdoc/>
    public override int Slots => 4;

    /// <inheritdoc/>
    public override float DefaultRate => 5e-3f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept) =>
        Sweep.Over(tensors, new Formula(rate, _beta1, _beta2, _beta3, _epsilon, Seen(_beta1, step), Seen(_beta2, step), Seen(_beta3, step)), kept);

    private readonly struct Formula(
        float rate, float beta1, float beta2, float beta3, float epsilon, float seen1, float seen2, float seen3) : ILaneRule
    {
        private readonly float _gradient = rate / seen1, _difference = rate * beta2 / seen2, _root = 1 / MathF.Sqrt(seen3);

        public static int Slots => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes v, ref Lanes n, ref Lanes previous)
        {
            var isNew = Vector512.Equals(n, Lanes.Zero);
            var difference = Vector512.ConditionalSelect(isNew, Lanes.Zero, g - previous);
            var ahead = g + beta2 * difference;
            m = Vector512.ConditionalSelect(isNew, seen1 * g, beta1 * m + (1 - beta1) * g);
            v = beta2 * v + (1 - beta2) * difference;
            n = Vector512.ConditionalSelect(isNew, seen3 * g * g, beta3 * n + (1 - beta3) * ahead * ahead);
            value -= (_gradient * m + _difference * v) / (_root * Vector512.Sqrt(n) + Vector512.Create(epsilon));
            previous = g;
        }
    }
}
