using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>Something offered to somebody, who clicks or does not.</summary>
/// <param name="Context">Encoded features of who and when; owns its memory.</param>
/// <param name="Action">What is offered.</param>
/// <param name="Time">Event time, Unix milliseconds.</param>
public sealed record Offer(FeatureSet Context, Candidate Action, long Time);

/// <summary>What a stream is predicted with: asked for the probability of a click, and told later whether there was one.</summary>
public interface IClickPredictor
{
    /// <summary>Probability of a click, finite; by error of estimation it may lie outside [0, 1].</summary>
    float Predict(Offer offer);

    /// <summary>Tells what came of an offer. Offers are told in the order in which they were predicted.</summary>
    void Learn(Offer offer, bool clicked);
}

/// <summary>A policy as a predictor: its estimate for the one action of the offer, learned and published as the service would.</summary>
/// <param name="loop">Runs the policy.</param>
public sealed class PolicyPredictor(SimulatedLoop loop) : IClickPredictor
{
    private static readonly ClusterWeight[] Clusters = [new(0, 1)];
    private readonly Candidate[] _candidates = new Candidate[1];

    /// <inheritdoc/>
    public float Predict(Offer offer)
    {
        ArgumentNullException.ThrowIfNull(offer);
        _candidates[0] = offer.Action;
        _ = loop.Decide(new DecisionQuery(offer.Context, _candidates, Clusters));
        return loop.EstimateOf(0);
    }

    /// <inheritdoc/>
    public void Learn(Offer offer, bool clicked)
    {
        ArgumentNullException.ThrowIfNull(offer);
        // An action that is alone is drawn for certain.
        loop.Complete(new Interaction(offer.Context, offer.Action.Key, offer.Action.Features, Clusters, Propensity: 1, clicked ? 1 : 0, offer.Time));
    }
}
