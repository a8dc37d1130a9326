using Recsys.Bandits.Features;

namespace Recsys.Bandits.Interactions;

/// <summary>A decision joined with its reward: the one training example that every policy learns from.</summary>
/// <param name="Context">Encoded context at decision time.</param>
/// <param name="Action">The action that was shown.</param>
/// <param name="ActionFeatures">Its encoded features at decision time.</param>
/// <param name="Clusters">The user's clusters that had an edge to the action, with the weights used at decision time (M(u, j) of Online Matching).</param>
/// <param name="Propensity">Probability with which the action was drawn, in (0, 1].</param>
/// <param name="Reward">The joined reward in the experiment's own units, finite.</param>
/// <param name="DecidedAt">Unix milliseconds.</param>
public sealed record Interaction(
    FeatureSet Context,
    ActionKey Action,
    FeatureSet ActionFeatures,
    ReadOnlyMemory<ClusterWeight> Clusters,
    float Propensity,
    float Reward,
    long DecidedAt)
{
    /// <summary>As in <see cref="DecisionEvent.Learned"/>.</summary>
    public bool? Learned { get; init; }

    /// <summary>What the error memory said when it was shown, and where what came of it belongs; null where no memory was asked.</summary>
    public MemoryTrace? Trace { get; init; }

    /// <summary>What was shown, without what came of it.</summary>
    public Impression Impression => new(Action, Clusters) { Learned = Learned };
}
