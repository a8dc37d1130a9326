namespace Recsys.Bandits.Numerics;

/// <summary>The only place that clips. Each bound says why it is harmless.</summary>
public static class StableMath
{
    /// <summary>
    /// Largest magnitude of a feature. Products of two features over 10⁹ interactions stay below 10²¹ and far from overflow; a real feature this
    /// large (a time stamp, an id) carries no linear information.
    /// </summary>
    public const float FeatureMax = 1e6f;

    /// <summary>A feature value within ± <see cref="FeatureMax"/>; not-a-number counts as absent.</summary>
    public static float ClipFeature(float value) => float.IsNaN(value) ? 0 : Math.Clamp(value, -FeatureMax, FeatureMax);

    /// <summary>
    /// An estimate of a reward in [0, 1] within [−1, 2]. A linear model may leave the range by extrapolation, and by how much still ranks actions;
    /// beyond one whole range outside there is only noise of a badly conditioned fit.
    /// </summary>
    public static float ClipEstimate(double estimate) => double.IsNaN(estimate) ? 0.5f : (float)Math.Clamp(estimate, -1, 2);

    /// <summary>
    /// Least loss that an action is taken to promise. First-order exploration divides by the loss of the best action; below one part in a thousand
    /// an estimate cannot be told from none, and 0 would be greedy for ever after one perfect prediction.
    /// </summary>
    public const double LeastLoss = 1e-3;

    /// <summary>The loss 1 − mean of a normalised reward, within [<see cref="LeastLoss"/>, 1]: outside, the estimate is an extrapolation.</summary>
    /// <param name="mean">Finite.</param>
    public static double Loss(double mean) => Math.Clamp(1 - mean, LeastLoss, 1);

    /// <summary>Square root of a sum of squares that rounding may have left a little negative.</summary>
    public static float Root(double squared) => squared > 0 ? (float)Math.Sqrt(squared) : 0;
}
