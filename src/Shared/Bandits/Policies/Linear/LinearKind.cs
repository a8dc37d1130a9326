using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>A linear model with one way of exploring. Kinds differ in <see cref="CreateExplorer"/> and its parameters only.</summary>
/// <typeparam name="TExplorer">How it explores.</typeparam>
public abstract class LinearKind<TExplorer> : IPolicyKind
    where TExplorer : struct, IExplorer
{
    private readonly IReadOnlyList<Hyperparameter> _hyperparameters;

    private protected LinearKind(string name, IEnumerable<Hyperparameter> own)
    {
        Name = name;
        _hyperparameters = [.. own, .. LinearOptions.Declared];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters => _hyperparameters;

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new LinearTrainer(LinearOptions.From(spec));

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        var options = LinearOptions.From(spec);
        // Sums of doubles depend on their order, so the order is that of the partitions, whatever the caller's is.
        var parsed = shards.OrderBy(static shard => shard.Partition).Select(shard => LinearShard.Parse(shard.Parameters, options)).ToList();
        var ancestor = previous as EstimatorPolicy<LinearEstimator, Floored<TExplorer>>;
        var sharable = ancestor is not null && ancestor.Descriptor.Fingerprint == spec.Fingerprint ? ancestor.Estimator : null;
        var estimator = LinearEstimator.Assemble(options, parsed, sharable);
        var interactions = parsed.Sum(static shard => shard.Interactions);
        var explorer = new Floored<TExplorer>(CreateExplorer(spec.Parameters, interactions), spec.MinimumPropensity);
        var descriptor = new PolicyDescriptor(Name, spec.Fingerprint, interactions);
        return new EstimatorPolicy<LinearEstimator, Floored<TExplorer>>(descriptor, estimator, explorer, spec.Reward);
    }

    /// <summary>The explorer that a policy with so much experience serves with.</summary>
    private protected abstract TExplorer CreateExplorer(HyperparameterSet parameters, long interactions);
}

/// <summary>The kind <c>epsilon-greedy</c>: the baseline that explores regardless of what it knows.</summary>
public sealed class EpsilonGreedyKind() : LinearKind<EpsilonGreedy>("epsilon-greedy",
    [new("epsilon", "0.1", "Share of decisions made uniformly.", 0, 1)])
{
    private protected override EpsilonGreedy CreateExplorer(HyperparameterSet parameters, long interactions) => new(parameters.Number("epsilon"));
}

/// <summary>The kind <c>linear-square-cb</c>: inverse gap weighting over ridge regression (Foster and Rakhlin 2020, arXiv 2002.04926).</summary>
public sealed class LinearSquareCbKind() : LinearKind<SquareCb>("linear-square-cb",
[
    new("gammaScale", "10", "Greediness after one interaction: gamma = gammaScale * n^gammaExponent.", 0, 1e9),
    new("gammaExponent", "0.5", "How greediness grows with the number of interactions n; 0 for a constant.", 0, 1),
])
{
    private protected override SquareCb CreateExplorer(HyperparameterSet parameters, long interactions) =>
        new(GammaSchedule.At(parameters.Number("gammaScale"), parameters.Number("gammaExponent"), interactions));
}

/// <summary>The kind <c>lin-ucb</c>: optimism over ridge regression (Li et al. 2010, arXiv 1003.0146).</summary>
public sealed class LinUcbKind() : LinearKind<Optimistic>("lin-ucb",
[
    new("alpha", "0.3", "Confidence widths added to the mean, for rewards normalised to [0, 1].", 0, 100),
    new("floor", "0.01", "Share of decisions made uniformly, so that every logged propensity is positive.", 0, 1),
])
{
    private protected override Optimistic CreateExplorer(HyperparameterSet parameters, long interactions) =>
        new(parameters.Number("alpha"), parameters.Number("floor"));
}
