using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>What one partition has taught, as it serves. <see cref="NeuralEstimator"/> makes one model of several.</summary>
internal interface IFrozenPartition
{
    /// <summary>Interactions learned.</summary>
    long Interactions { get; }

    /// <summary>Estimates all candidates.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="means">Length K, written: expected normalised rewards.</param>
    /// <param name="variances">Length K, written: squared widths, 0 without.</param>
    void Estimate(in DecisionQuery query, Span<float> means, Span<float> variances);
}
