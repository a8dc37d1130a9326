using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Lion, the sign of momentum (Chen et al., NeurIPS 2023, arXiv 2302.06675, algorithm 2):
/// <code>
/// θ ← θ − rate·sign(β1·m + (1 − β1)·g)          m ← β2·m + (1 − β2)·g
/// </code>
/// Every weight moves by exactly the rate, whatever the gradients: outliers cannot explode, and how fast it follows a shift is known
/// beforehand; but it never settles. Rates are 3 to 10 times smaller than those of AdamW and the decay (<see cref="Pull.Decoupled"/>,
/// before the step) as much larger. A weight whose gradient has become 0 goes on in its last direction for thousands of steps, until m
/// underflows.
/// </summary>
/// <param name="beta1">β1 in [0, 1), default 0.9.</param>
/// <param name="beta2">β2 in [0, 1), default 0.99.</param>
public sealed class Lion(float beta1 = 0.9f, float beta2 = 0.99f) : UpdateRule
{
    private readonly float _beta1 = Retention(beta1, nameof(beta1)), _beta2 = Retention(beta2, nameof(beta2));

    /// <inheritdoc/>
    public override string Name => "lion";

    /// <inheritdoc/>
    public override int Slots => 1;

    /// <inheritdoc/>
    public override float DefaultRate => 1e-4f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept) =>
        Sweep.Over(tensors, new Formula(rate, _beta1, _beta2), kept);

    private readonly struct Formula(float rate, float beta1, float beta2) : ILaneRule
    {
        public static int Slots => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes b, ref Lanes c, ref Lanes d)
        {
            var direction = beta1 * m + (1 - beta1) * g;
            var move = Vector512.CopySign(Vector512.Create(rate), direction);
            value -= Vector512.ConditionalSelect(Vector512.Equals(direction, Lanes.Zero), Lanes.Zero, move);
            m = beta2 * m + (1 - beta2) * g;
        }
    }
}
