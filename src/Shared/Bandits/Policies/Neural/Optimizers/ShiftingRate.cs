namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>What <see cref="ShiftingRate"/> has seen: all of its state. The default value has seen nothing.</summary>
/// <param name="Batches">Losses observed.</param>
/// <param name="Recent">Average of the last losses.</param>
/// <param name="Variance">Variance of single losses around it.</param>
/// <param name="Floor">Least that the average has been in the long run: the part of the loss that is noise, s².</param>
/// <param name="Distance">v, how far the network is from the best one, as loss.</param>
public readonly record struct LossLevel(long Batches, double Recent, double Variance, double Floor, double Distance);

/// <summary>
/// A learning rate that rises when the world shifts and falls when it does not: <see cref="OneStepRate"/> with v and s² from the prequential loss, each batch's mean loss
/// before the network learns from it (Fahrbach et al., ICML 2023, arXiv 2303.15634; section 6 of the notes, with its practical proxy).
/// <code>
/// s² = long-run minimum of the recent loss          excess = recent − s² − 4 standard errors
/// v ← max(excess, v·(1 − lr*/κ)), beginning with the first loss          share = lr*(v, s²)/lr*(v, 0), at least LeastShare
/// </code>
/// While the loss stays near its floor, v follows the theory's own recursion and the share goes like κ/t; when the loss rises above the floor, v is what it has risen by. κ = 1
/// is the theory, where one step cures every direction alike; networks need more. The floor forgets, slowly: a world that has only become noisier keeps the rate up
/// until it has. Multiply the largest rate that is stable with the share; it never exceeds 1.
/// </summary>
/// <param name="Formula">d and B. Default: d/B = 1 with a batch of 32.</param>
/// <param name="Conditioning">κ, at least 1. Default 100: the share halves in the first few hundred batches.</param>
/// <param name="Window">Batches in the recent loss, at least 2. Default 64.</param>
/// <param name="FloorMemory">Batches after which the floor has forgotten, at least the window. Default 4096.</param>
/// <param name="LeastShare">In [0, 1]. Default 0.02: a network that is served never stops learning.</param>
public sealed record ShiftingRate(OneStepRate Formula, double Conditioning = 100, int Window = 64, int FloorMemory = 4096, double LeastShare = 0.02)
{
    private const double StandardErrors = 4;

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
        var weight = 1.0 / Math.Min(batches, Window);
        var surprise = loss - level.Recent;
        var recent = level.Recent + weight * surprise;
        var variance = batches == 1 ? 0 : level.Variance + weight * (surprise * surprise - level.Variance);
        // The average of few is no long run: one lucky batch would be a floor that nothing reaches again.
        var floor = batches <= Window ? recent : Math.Min(recent, level.Floor + (recent - level.Floor) / FloorMemory);
        var excess = recent - floor - StandardErrors * Math.Sqrt(variance * weight / (2 - weight));
        var before = batches == 1 ? Math.Max(0, loss) : level.Distance * (1 - Formula.Best(level.Distance, Noise(level)) / Conditioning);
        return new(batches, recent, variance, floor, Math.Max(excess, before));
    }

    /// <summary>The share of the largest rate for the next step, in [<see cref="LeastShare"/>, 1]; 1 before anything has been seen.</summary>
    public double Share(LossLevel level) =>
        level.Batches == 0 ? 1 : Math.Max(LeastShare, Formula.Best(level.Distance, Noise(level)) / Formula.Largest);

    private static double Noise(LossLevel level) => Math.Max(0, level.Floor);
}
