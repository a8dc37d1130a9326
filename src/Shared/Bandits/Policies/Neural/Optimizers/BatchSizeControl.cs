namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// How many examples the next step should wait for, by the norm test of AdAdaGrad (Lau, Liu and Kolar 2024, arXiv 2402.11215):
/// the batch is large enough once the noise of its mean is a fraction η of that mean,
/// <code>
/// b* = ⌈‖Var_i(g_i)‖₁ / (η²·‖ḡ‖²)⌉
/// </code>
/// In the paper b only grows. Here it follows b* both ways, because after a shift the gradient is long again and waiting for a large batch
/// is what makes recovery slow: at most to the double or to the half at once, since b* is as noisy as the gradients are, and within fixed
/// bounds, because labels do not come faster for being waited for.
/// </summary>
/// <param name="Smallest">Least batch, at least 1. Default 8.</param>
/// <param name="Largest">Largest batch, not below the least. Default 512.</param>
/// <param name="Noise">η above 0. Default 0.5; the paper uses 0.1 to 0.5, and less means larger batches.</param>
public sealed record BatchSizeControl(int Smallest = 8, int Largest = 512, double Noise = 0.5)
{
    /// <summary>The batch size after one with this noise.</summary>
    /// <param name="current">Its size.</param>
    /// <param name="noise">What its gradients said. Not finite, or no gradient at all: as it is, within the bounds.</param>
    public int Next(int current, GradientNoise noise)
    {
        if (Smallest < 1 || Largest < Smallest || !(Noise > 0))
            throw new InvalidOperationException($"{this}: 1 ≤ smallest ≤ largest and a noise above 0 are needed.");
        var size = Math.Clamp(current, Smallest, Largest);
        var wanted = Math.Ceiling(noise.Variance / (Noise * Noise * noise.SquaredMean));
        if (double.IsNaN(wanted))
            return size;
        return (int)Math.Clamp(wanted, Math.Max(Smallest, (size + 1) / 2), Math.Min(Largest, 2L * size));
    }
}
