using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>Epsilon-greedy on the edge sums of <c>diag-lin-ucb</c>: the same trainer, bytes and means, with its widths ignored.</summary>
/// <param name="parameters">Of <c>diag-lin-ucb</c>.</param>
/// <param name="epsilon">Share of decisions made uniformly, 0 to 1.</param>
public sealed class EpsilonGreedyEdges(IEnumerable<KeyValuePair<string, string>> parameters, double epsilon) : ISimulatedPolicy
{
    private readonly PublishedPolicy _edges = new(PolicyOptions.Configure("diag-lin-ucb", parameters, new FeatureSchema()));

    /// <inheritdoc/>
    public IPolicy Policy => new Greedy(_edges.Policy, epsilon);

    /// <inheritdoc/>
    public long Learned => _edges.Learned;

    /// <inheritdoc/>
    public long StateBytes => _edges.StateBytes;

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch) => _edges.Learn(batch);

    /// <inheritdoc/>
    public void Publish() => _edges.Publish();

    private sealed class Greedy(IPolicy edges, double epsilon) : IPolicy
    {
        public PolicyDescriptor Descriptor => edges.Descriptor;

        public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths) => edges.Estimate(query, means, widths);

        public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) =>
            new EpsilonGreedy(epsilon).Distribute(means, widths, propensities);
    }
}
