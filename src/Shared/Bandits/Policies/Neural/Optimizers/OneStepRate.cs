namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// The learning rate that is best for the next step of least squares on a moving target: inputs with identity covariance in d dimensions,
/// noise of variance s², batches of B, and v = E‖θ − θ*‖² now. One step of the programme of Fahrbach et al. (ICML 2023, arXiv 2303.15634),
/// derived for this case and checked against simulated steps:
/// <code>
/// E v⁺ = v·(1 − 2·lr + lr²·(1 + (d + 1)/B)) + lr²·s²·d/B
/// lr*  = v / (v·(1 + (d + 1)/B) + s²·d/B)          E v⁺ at lr* = v·(1 − lr*)
/// </code>
/// If the target then jumps by γ, v⁺ grows by γ². Without jumps lr* goes like 1/t; with steady ones it settles at a positive rate; a large
/// one raises it at once.
/// </summary>
/// <param name="Dimension">d, above 0.</param>
/// <param name="Batch">B, at least 1.</param>
public readonly record struct OneStepRate(double Dimension, double Batch)
{
    /// <summary>1/(1 + (d + 1)/B): lr* far away from the target, or without noise.</summary>
    public double Largest => 1 / (1 + (Dimension + 1) / Batch);

    /// <summary>lr*, in [0, <see cref="Largest"/>].</summary>
    /// <param name="distance">v, not negative.</param>
    /// <param name="noise">s², not negative.</param>
    public double Best(double distance, double noise) => distance > 0 ? distance / (distance / Largest + noise * Dimension / Batch) : 0;

    /// <summary>E v⁺ after a step at <paramref name="rate"/>, before the target moves.</summary>
    /// <param name="distance">v.</param>
    /// <param name="noise">s².</param>
    /// <param name="rate">lr.</param>
    public double Expected(double distance, double noise, double rate) =>
        distance * (1 - 2 * rate + rate * rate / Largest) + rate * rate * noise * Dimension / Batch;
}
