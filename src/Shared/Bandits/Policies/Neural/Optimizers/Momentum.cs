using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lanes = System.Runtime.Intrinsics.Vector512<float>;

namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>What of a gradient's surprise is cut to a bound, and hence which middle of the gradients momentum estimates.</summary>
public enum Innovation
{
    /// <summary>Its length over the tensor: the geometric median.</summary>
    Norm,

    /// <summary>Each of its coordinates: the median of each.</summary>
    Coordinate,
}

/// <summary>
/// Momentum that fat tails cannot move far: it estimates a middle of the gradients, and what surprises it is clipped (Schaipp et al., TMLR
/// 2025, arXiv 2402.12828):
/// <code>
/// m ← m + s·clip(g − m, τ)          θ ← θ − rate·m
/// clip(x, τ) = x·min(1, τ/‖x‖) per tensor, or max(−τ, min(τ, x)) per weight
/// </code>
/// s = 1 and a small τ are the paper's medians; τ = ∞ is heavy ball with retention 1 − s; between them it is the mean of most gradients and
/// a median of the far ones (Huber). With τ = 0 the bound is the 90th percentile of what is clipped, tracked: after the step τ ←
/// τ·exp(0.05·(share above τ − 0.1)), beginning with the first length (per weight: its root mean square). For 1/p-weighted losses and
/// fat-tailed rewards, on means over minibatches only: the median gradient of single rare clicks ignores the clicks.
/// </summary>
/// <param name="clip">What is clipped; default: the norm.</param>
/// <param name="gain">s in (0, 1], default 0.1.</param>
/// <param name="bound">τ; 0, the default, tracks it.</param>
public sealed class Momentum(Innovation clip = Innovation.Norm, float gain = 0.1f, float bound = 0) : UpdateRule
{
    private const double Pace = 0.05, ShareAbove = 0.1;
    private readonly float _gain = Discount(gain, nameof(gain));
    private readonly float _bound =
        bound >= 0 ? bound : throw new ArgumentOutOfRangeException(nameof(bound), bound, "Must not be negative.");

    /// <inheritdoc/>
    public override string Name => "momentum";

    /// <inheritdoc/>
    public override int Slots => 1;

    /// <summary>The tracked τ.</summary>
    public override int Scalars => 1;

    /// <inheritdoc/>
    public override float DefaultRate => 0.01f;

    private protected override void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept)
    {
        foreach (var tensor in tensors)
            Update(tensor, rate, kept);
    }

    private void Update(ParameterTensor tensor, float rate, float kept)
    {
        var (gradient, average) = (tensor.Gradient, tensor.Memory[0]);
        ref var tracked = ref tensor.Scalars[0];
        var length = Math.Sqrt(Distance.Squared(gradient, average));
        if (clip == Innovation.Norm)
        {
            var most = _bound > 0 ? _bound : tracked > 0 ? tracked : length;
            Sweep.Over(tensor, new Formula(rate, length > most ? (float)(_gain * most / length) : _gain, float.PositiveInfinity), kept);
            tracked = Track(tracked, length, length > tracked ? 1 : 0);
        }
        else
        {
            var typical = length / Math.Sqrt(Math.Max(1, tensor.Length));
            var most = (float)(_bound > 0 ? _bound : tracked > 0 ? tracked : float.PositiveInfinity);
            var share = _bound > 0 ? 0 : Distance.CountBeyond(gradient, average, most) / (double)Math.Max(1, tensor.Length);
            Sweep.Over(tensor, new Formula(rate, _gain, most), kept);
            tracked = Track(tracked, typical, share);
        }
    }

    /// <summary>Nothing is learned about the bound where it is given, or where nothing happens.</summary>
    private float Track(float tracked, double seen, double share) =>
        _bound > 0 || seen == 0 ? tracked : tracked == 0 ? (float)seen : (float)(tracked * Math.Exp(Pace * (share - ShareAbove)));

    private readonly struct Formula(float rate, float gain, float bound) : ILaneRule
    {
        public static int Slots => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step(ref Lanes value, Lanes g, ref Lanes m, ref Lanes b, ref Lanes c, ref Lanes d)
        {
            m += gain * Vector512.Clamp(g - m, Vector512.Create(-bound), Vector512.Create(bound));
            value -= rate * m;
        }
    }
}
