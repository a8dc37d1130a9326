using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>The item whose vector has the largest inner product with the user's, as retrieval without a bandit would show it. Learns nothing.</summary>
public sealed class GreedyTwoTower : ILiveEstimator
{
    /// <inheritdoc/>
    public bool HasWidths => false;

    /// <inheritdoc/>
    public long StateBytes => 0;

    /// <inheritdoc/>
    public void Learn(Interaction interaction)
    {
    }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        for (var j = 0; j < query.Candidates.Length; j++)
            means[j] = TensorPrimitives.Dot(query.Context.Dense.Span, query.Candidates[j].Features.Dense.Span);
        widths[..query.Candidates.Length].Clear();
    }
}

/// <summary>Knows nothing and learns nothing.</summary>
public sealed class Ignorance : ILiveEstimator
{
    /// <inheritdoc/>
    public bool HasWidths => false;

    /// <inheritdoc/>
    public long StateBytes => 0;

    /// <inheritdoc/>
    public void Learn(Interaction interaction)
    {
    }

    /// <inheritdoc/>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
    {
        means[..query.Candidates.Length].Clear();
        widths[..query.Candidates.Length].Clear();
    }
}
