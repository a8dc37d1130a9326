using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// diffGrad, Adam whose step is damped where the gradient has stopped changing (Dubey et al., IEEE TNNLS 2020, arXiv 1909.11015, as in the
/// second official release, which remembers the previous gradient and not an alias of the present one):
/// <code>
/// m ← β1·m + (1 − β1)·g          v ← β2·v + (1 − β2)·g²          ξ = sigmoid(|g_prev − g|), in [½, 1)
/// θ ← θ − rate·√(1 − β2^t)/(1 − β1^t)·ξ·m / (√v + ε)          g_prev ← g
/// </code>
/// A jump of the gradient at most doubles the step: a weak reaction to drift. Gradients far below 1 leave ξ at ½, which is Adam at half the
/// rate. A weight that begins late begins as in <see cref="AdamW"/>, with g_prev = 0 as all do.
/// </summary>
/// <param name="beta1">β1 in [0, 1), default 0.9.</param>
/// <param name="beta2">β2 in [0, 1), default 0.999.</param>
/// <param name="epsilon">ε above 0, default 1e-8.</param>
public sealed class DiffGrad(float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f) : UpdateRule
{
    private readonly float _beta1 = Retention(beta1, nameof(beta1)), _beta2 = Retention(beta2, nameof(beta2));
    private readonly float _epsilon = Positive(epsilon, nameof(epsilon));

    /// <inheritdoc/>
    public override string Name => "diffgrad";

    /// <inheritdoc/>
    public override int Slots => 3;

    /// <inheritdoc/>
    public override float DefaultRate => 1e-3f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept) =>
        Sweep.Over(tensors, new Formula(rate, _beta1, _beta2, _epsilon, Seen(_beta1, step), Seen(_beta2, step)), kept);

    private readonly struct Formula(float rate, float beta1, float beta2, float epsilon, float seen1, float seen2) : ILaneRule
    {
        private readonly float _rate = rate * MathF.Sqrt(seen2) / seen1;

        public static int Slots => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes v, ref Lanes previous, ref Lanes d)
        {
            var isNew = Vector512.Equals(v, Lanes.Zero);
            m = Vector512.ConditionalSelect(isNew, seen1 * g, beta1 * m + (1 - beta1) * g);
            v = Vector512.ConditionalSelect(isNew, seen2 * g * g, beta2 * v + (1 - beta2) * g * g);
            var friction = Lanes.One / (Lanes.One + ExpOfMinus(Vector512.Abs(previous - g)));
            value -= _rate * (friction * m) / (Vector512.Sqrt(v) + Vector512.Create(epsilon));
            previous = g;
        }

        /// <summary>
        /// e⁻ˣ for x ≥ 0 to a few units of the last place: x = n·ln 2 − r with |r| ≤ ln 2/2, e^r by the polynomial of the Cephes library,
        /// 2⁻ⁿ by its exponent. In line, which the runtime's own is not, and for that thirty times as slow in this loop.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Lanes ExpOfMinus(Lanes x)
        {
            var bounded = Vector512.Min(x, Vector512.Create(87f));
            var n = Vector512.Floor(1.44269504f * bounded + Vector512.Create(0.5f));
            // ln 2 in two parts, the first of which has few digits, so that its product with n is exact.
            var r = n * 0.693359375f - bounded - n * 2.12194440e-4f;
            var tail = Vector512.Create(1.9875691500e-4f) * r + Vector512.Create(1.3981999507e-3f);
            tail = tail * r + Vector512.Create(8.3334519073e-3f);
            tail = tail * r + Vector512.Create(4.1665795894e-2f);
            tail = tail * r + Vector512.Create(1.6666665459e-1f);
            tail = tail * r + Vector512.Create(5.0000001201e-1f);
            var power = Vector512.ShiftLeft(Vector512.Create(127) - Vector512.ConvertToInt32(n), 23).AsSingle();
            return (tail * r * r + r + Lanes.One) * power;
        }
    }
}
