namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>What <see cref="ShiftingRate"/> has seen: all of its state. The default value has seen nothing.</summary>
/// <param name="Batches">Losses observed.</param>
/// <param name="Recent">Average of the losses over the window.</param>
/// <param name="Latest">Average over an eighth of it.</param>
/// <param name="Variance">Variance of single losses around the average.</param>
/// <param name="Floor">Least that <paramref name="Recent"/> has been in the long run: the part of the loss that is noise, s².</param>
/// <param name="Distance">v, how far the network is from the best one, as loss.</param>
public readonly record struct LossLevel(long Batches, double Recent, double Latest, double Variance, double Floor, double Distance);

/// <summary>
/// A learning rate that rises when the world shifts and falls when it does not: <see cref="OneStepRate"/> with v and s² from the
/// prequential loss, each batch's mean loss before the network learns from it (Fahrbach et al., ICML 2023, arXiv 2303.15634, for
/// the idea).
/// <code>
/// s² = long-run minimum of the recent loss          excess = what recent loss exceeds it by, beyond 6 standard errors
/// v ← max(excess, v·(1 − lr*/κ)), beginning with the first loss          share = lr*(v, s²)/lr*(v, 0), at least LeastShare
/// </code>
/// While the loss stays near its floor, v follows the theory's own recursion and the share goes like κ/t; when the loss rises above the
/// floor, v is what it has risen by. κ = 1 is the theory, where one step cures every direction alike; networks need more. The floor
/// forgets, slowly: a world that has only become noisier keeps the rate up until it has. Multiply the largest rate that is stable with the
/// share; it never exceeds 1.
/// </summary>
/// <param name="Formula">d and B. Default: d/B = 1 with a batch of 32.</param>
/// <param name="Conditioning">κ, at least 1. Default 100: the share halves in the first few hundred batches.</param>
/// <param name="Window">Batches in the recent loss, at least 16. Default 64.</param>
/// <param name="FloorMemory">Batches after which the floor has forgotten, at least the window. Default 4096.</param>
/// <param name="LeastShare">In [0, 1]. Default 0.02: a network that is served never stops learning.</param>
public sealed record ShiftingRate(
    OneStepRate Formula, double Conditioning = 100, int Window = 64, int FloorMemory = 4096, double LeastShare = 0.02)
{
    /// <summary>
    /// The floor is a minimum, some three below the mean already; the rest is for how high an average may stray in thousands of batches.
    /// </summary>
    private const double StandardErrors = 6;

    /// <summary>With d = B = 32 and the other defaults.</summary>
    public ShiftingRate() : this(new OneStepRate(32, 32))
    {
    }

    /// <summary>The state after one more batch.</summary>
    /// <param name="level">The state before.</param>
    /// <param name="loss">Mean loss of the batch before learning from it, at least 0: squared or logarithmic. Not finite: ignored.</param>
    public LossLevel Observe(LossLevel level, double loss)
    {
        if (!double.IsFinite(loss))
            return level;
        var batches = level.Batches + 1;
        var (slow, fast) = (1.0 / Math.Min(batches, Window), 1.0 / Math.Min(batches, Math.Max(2, Window / 8)));
        var recent = level.Recent + slow * (loss - level.Recent);
        var latest = level.Latest + fast * (loss - level.Latest);
        // The average of few is no long run: one lucky batch would be a floor that nothing reaches again.
        var floor = batches <= Window ? recent : Math.Min(recent, level.Floor + (recent - level.Floor) / FloorMemory);
        var distance = Math.Max(Excess(level, recent, latest, floor, slow, fast), Expected(level, loss));
        return new(batches, recent, latest, Scatter(level, loss, slow), floor, distance);
    }

    /// <summary>
    /// The share of the largest rate for the next step, in [<see cref="LeastShare"/>, 1]; 1 before anything has been seen.
    /// </summary>
    public double Share(LossLevel level) =>
        level.Batches == 0 ? 1 : Math.Max(LeastShare, Formula.Best(level.Distance, Noise(level)) / Formula.Largest);

    /// <summary>
    /// The average over the window sees small rises, and the one over an eighth of it large ones at once; and once that one is back, the
    /// other is only late. By the variance before this batch: a jump must not hide itself.
    /// </summary>
    private double Excess(LossLevel level, double recent, double latest, double floor, double slow, double fast)
    {
        if (level.Batches < Window)
            return 0;
        var small = recent - floor - StandardErrors * Math.Sqrt(level.Variance * slow / (2 - slow));
        var large = latest - floor - StandardErrors * Math.Sqrt(level.Variance * fast / (2 - fast));
        return Math.Max(large, Math.Min(small, latest - floor));
    }

    /// <summary>v of the theory's recursion; one step further, and without a shift.</summary>
    private double Expected(LossLevel level, double loss) =>
        level.Batches == 0 ? Math.Max(0, loss) : level.Distance * (1 - Formula.Best(level.Distance, Noise(level)) / Conditioning);

    /// <summary>
    /// Variance whose single contributions are bounded by three standard deviations, and those by a hundredth of the loss from below, from
    /// which they can grow.
    /// </summary>
    private double Scatter(LossLevel level, double loss, double weight)
    {
        if (level.Batches == 0)
            return 0;
        var squared = (loss - level.Recent) * (loss - level.Recent);
        var bound = level.Batches < Window ? double.PositiveInfinity : 9 * Math.Max(level.Variance, 1e-4 * level.Recent * level.Recent);
        return level.Variance + weight * (Math.Min(squared, bound) - level.Variance);
    }

    private static double Noise(LossLevel level) => Math.Max(0, level.Floor);
}
