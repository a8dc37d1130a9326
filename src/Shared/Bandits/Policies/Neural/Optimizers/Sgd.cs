using System.Runtime.CompilerServices;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// Projected online gradient descent, the update of the theory of NeuSquareCB and NeuFastCB (Deb et al., ICLR 2024, arXiv 2312.07145, from
/// accounts of it), per tensor:
/// <code>
/// θ ← θ − rate·g
/// θ ← θ0 + (θ − θ0)·min(1, ρ/‖θ − θ0‖_F)
/// </code>
/// The theory wants rate c/t; experiments use small constants. Remembers nothing.
/// </summary>
/// <param name="radius">ρ, above 0. Default: no bound.</param>
public sealed class Sgd(float radius = float.PositiveInfinity) : UpdateRule
{
    private readonly float _radius = Positive(radius, nameof(radius));

    /// <inheritdoc/>
    public override string Name => "sgd";

    /// <inheritdoc/>
    public override int Slots => 0;

    /// <inheritdoc/>
    public override float DefaultRate => 0.01f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept)
    {
        Sweep.Over(tensors, new Formula(rate), kept);
        foreach (var tensor in tensors)
            Projection.Apply(tensor, _radius);
    }

    private readonly struct Formula(float rate) : ILaneRule
    {
        public static int Slots => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes a, ref Lanes b, ref Lanes c, ref Lanes d) => value -= rate * g;
    }
}
