using Recsys.Bandits.Exploration;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>An estimator that learns in place. One thread only: unlike those that serve, it is not frozen.</summary>
public interface ILiveEstimator : IRewardEstimator
{
    /// <summary>As in <see cref="ISimulatedPolicy.StateBytes"/>.</summary>
    long StateBytes { get; }

    /// <summary>Learns one interaction, reward in [0, 1].</summary>
    void Learn(Interaction interaction);
}

/// <summary>A live estimator with the rule that selects.</summary>
/// <typeparam name="TExplorer">The rule.</typeparam>
/// <param name="name">Name of the rival.</param>
/// <param name="estimator">Learns and estimates.</param>
/// <param name="explorer">Selects.</param>
public sealed class LiveRival<TExplorer>(string name, ILiveEstimator estimator, TExplorer explorer) : ISimulatedPolicy
    where TExplorer : struct, IExplorer
{
    /// <inheritdoc/>
    public IPolicy Policy { get; } =
        new EstimatorPolicy<ILiveEstimator, TExplorer>(new PolicyDescriptor(name, 0, 0), estimator, explorer, RewardRange.Unit);

    /// <inheritdoc/>
    public long Learned { get; private set; }

    /// <inheritdoc/>
    public long StateBytes => estimator.StateBytes;

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
            estimator.Learn(interaction);
        Learned += batch.Length;
    }

    /// <summary>Does nothing: the policy sees what was learned as soon as it was.</summary>
    public void Publish()
    {
    }
}
