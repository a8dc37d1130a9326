using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>A network with one way of exploring. Kinds differ in <see cref="CreateExplorer"/>, their loss and their widths only.</summary>
/// <typeparam name="TExplorer">How it explores.</typeparam>
public abstract class NeuralKind<TExplorer> : IPolicyKind
    where TExplorer : struct, IExplorer
{
    private readonly IReadOnlyList<Hyperparameter> _hyperparameters;

    private protected NeuralKind(string name, string loss, IEnumerable<Hyperparameter> own, int batch = 40)
    {
        Name = name;
        _hyperparameters = [.. own, .. NeuralOptions.Declared(loss, batch)];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters => _hyperparameters;

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new NeuralTrainer(Options(spec));

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        var options = Options(spec);
        // Sums of floats depend on their order, so the order is that of the partitions, whatever the caller's is.
        var partitions = shards.OrderBy(static shard => shard.Partition).Select(shard => NeuralShard.Read(shard.Parameters.Span, options)).ToList();
        var interactions = partitions.Sum(static partition => partition.Interactions);
        var explorer = new Floored<TExplorer>(CreateExplorer(spec.Parameters, partitions.Sum(static partition => partition.Since)), spec.MinimumPropensity);
        return new EstimatorPolicy<NeuralEstimator, Floored<TExplorer>>(
            new PolicyDescriptor(Name, spec.Fingerprint, interactions),
            new NeuralEstimator(partitions, options.Widths != WidthForm.None),
            explorer,
            spec.Reward);
    }

    /// <summary>What the explorer needs to know about uncertainty.</summary>
    private protected abstract WidthForm Widths(HyperparameterSet parameters);

    /// <summary>The explorer that a policy serves with.</summary>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="experience">Interactions learned since the world last moved.</param>
    private protected abstract TExplorer CreateExplorer(HyperparameterSet parameters, long experience);

    private NeuralOptions Options(PolicySpec spec) => NeuralOptions.From(spec, Widths(spec.Parameters));
}
