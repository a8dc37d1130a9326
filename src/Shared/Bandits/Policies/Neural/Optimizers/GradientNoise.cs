namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// How much the gradients of single examples scatter around their mean: what decides how many of them a step should be the mean of.
/// </summary>
/// <param name="Variance">‖Var_i(g_i)‖₁, the variance of single examples' gradients, added up over all weights; not negative.</param>
/// <param name="SquaredMean">‖ḡ‖², of the mean over the whole batch; not negative.</param>
public readonly record struct GradientNoise(double Variance, double SquaredMean)
{
    /// <summary>
    /// From the squared norms of micro-batches, by the law of total variance: means over b examples scatter by Var/b, and Σ_j ‖g_j − ḡ‖² =
    /// Σ_j ‖g_j‖² − J·‖ḡ‖². With b = 1 these are the examples themselves.
    /// </summary>
    /// <param name="squaredNorms">Σ_j ‖g_j‖² over the mean gradients of all micro-batches.</param>
    /// <param name="microBatches">J, at least 2.</param>
    /// <param name="microBatchSize">b, at least 1, the same for all.</param>
    /// <param name="squaredMean">‖ḡ‖² of the mean of the J gradients.</param>
    public static GradientNoise OfMicroBatches(double squaredNorms, int microBatches, int microBatchSize, double squaredMean)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatches, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatchSize, 1);
        var between = Math.Max(0, squaredNorms - microBatches * squaredMean) / (microBatches - 1);
        return new(microBatchSize * between, squaredMean);
    }
}
