using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies;

/// <summary>Expected reward per candidate and, if the model has one, its uncertainty. Frozen, thread-safe, allocation-free.</summary>
public interface IRewardEstimator
{
    /// <summary>Whether the widths mean anything; without, they are written as 0.</summary>
    bool HasWidths { get; }

    /// <summary>Estimates every candidate, each independently of the others and of their order.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="means">Length K: expected reward normalised to [0, 1], finite, outside only by estimation error.</param>
    /// <param name="widths">Length K: half width of the confidence interval in the same units, finite, at least 0.</param>
    void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths);
}
