using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// The kind <c>neural-linear</c>: Thompson sampling over Bayesian linear regression on the last hidden layer of a network (Riquelme, Tucker
/// and Snoek, ICLR 2018, arXiv 1802.09127).
/// </summary>
public sealed class NeuralLinearKind : IPolicyKind
{
    /// <inheritdoc/>
    public string Name => "neural-linear";

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters { get; } =
    [
        new("alpha", "0.1", "Standard deviations of the sampled means, in confidence widths.", 0, 100),
        new("floor", "0.01", "Share of decisions made uniformly, so that every logged propensity is well above 0.", 0, 1),
        .. NeuralLinearOptions.Declared,
    ];

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new NeuralLinearTrainer(NeuralLinearOptions.From(spec));

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        var options = NeuralLinearOptions.From(spec);
        var ancestor = previous as EstimatorPolicy<NeuralLinearEstimator, Floored<Thompson>>;
        var sharable = ancestor is not null && ancestor.Descriptor.Fingerprint == spec.Fingerprint ? ancestor.Estimator : null;
        // Sums of floats depend on their order, so the order is that of the partitions, whatever the caller's is.
        var partitions = shards.OrderBy(static shard => shard.Partition)
            .Select(shard => (shard.Partition, NeuralLinearShard.Read(shard.Parameters.Span, options, sharable?.Heads(shard.Partition))))
            .ToList();
        return new EstimatorPolicy<NeuralLinearEstimator, Floored<Thompson>>(
            new PolicyDescriptor(Name, spec.Fingerprint, partitions.Sum(static shard => shard.Item2.Interactions)),
            new NeuralLinearEstimator(partitions),
            new Floored<Thompson>(new Thompson(spec.Parameters.Number("alpha"), spec.Parameters.Number("floor")), spec.MinimumPropensity),
            spec.Reward);
    }
}
