using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// ADOPT, Adam that converges with any β2 (Taniguchi et al., NeurIPS 2024, arXiv 2411.02853, with clipping), with t = step − 1:
/// <code>
/// t = 0:  v ← g², no move
/// t ≥ 1:  u = clip(g/max(√v, ε), ±t^(1/4))
///         m ← β1·m + (1 − β1)·u          θ ← θ − rate·m          v ← β2·v + (1 − β2)·g²
/// </code>
/// A gradient is divided by what was known before it, so one rare large gradient (a small propensity) neither explodes nor hides the
/// others. Deviation: "t = 0" is decided per weight, by v still being 0, so that a weight which is new, or whose input becomes active late,
/// begins as all weights do; as printed it would jump by t^(1/4). Without such weights the two are the same.
/// </summary>
/// <param name="beta1">β1 in [0, 1), default 0.9.</param>
/// <param name="beta2">β2 in [0, 1), default 0.9999, which remembers 10⁴ steps; 0.99 to 0.999 in a changing world.</param>
/// <param name="epsilon">ε above 0, default 1e-6.</param>
public sealed class Adopt(float beta1 = 0.9f, float beta2 = 0.9999f, float epsilon = 1e-6f) : UpdateRule
{
    private readonly float _beta1 = Retention(beta1, nameof(beta1)), _beta2 = Retention(beta2, nameof(beta2));
    private readonly float _epsilon = Positive(epsilon, nameof(epsilon));

    /// <inheritdoc/>
    public override string Name => "adopt";

    /// <inheritdoc/>
    public override int Slots => 2;

    /// <inheritdoc/>
    public override float DefaultRate => 1e-3f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept) =>
        Sweep.Over(tensors, new Formula(rate, _beta1, _beta2, _epsilon, (float)Math.Sqrt(Math.Sqrt(step - 1))), kept);

    private readonly struct Formula(float rate, float beta1, float beta2, float epsilon, float bound) : ILaneRule
    {
        public static int Slots => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes v, ref Lanes c, ref Lanes d)
        {
            var isNew = Vector512.Equals(v, Lanes.Zero);
            var scaled = g / Vector512.Max(Vector512.Sqrt(v), Vector512.Create(epsilon));
            var clipped = Vector512.Clamp(scaled, Vector512.Create(-bound), Vector512.Create(bound));
            m = Vector512.ConditionalSelect(isNew, m, beta1 * m + (1 - beta1) * clipped);
            value = Vector512.ConditionalSelect(isNew, value, value - rate * m);
            v = Vector512.ConditionalSelect(isNew, g * g, beta2 * v + (1 - beta2) * g * g);
        }
    }
}
