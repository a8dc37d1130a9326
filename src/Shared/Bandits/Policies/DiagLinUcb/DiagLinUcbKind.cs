using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The kind <c>diag-lin-ucb</c>: Diag-LinUCB of Online Matching (Yi et al. 2023, arXiv 2307.15893). Equations and deviations are in README.md beside this file.
/// </summary>
/// <param name="accumulators">Makes the table of sums of each trainer; null for the CPU's.</param>
public sealed class DiagLinUcbKind(Func<IEdgeAccumulator>? accumulators = null) : IPolicyKind
{
    internal const string EdgesMax = "edgesMax";
    private const string Alpha = "alpha", PriorWeight = "priorWeight", Estimate = "estimate", Selection = "selection", Places = "topK", Floor = "floor";
    private const string Diagonal = "diagonal", Calibrated = "calibrated", Pooled = "pooled", OptimisticName = "optimistic", ThompsonName = "thompson", TopKName = "top-k";

    /// <inheritdoc/>
    public string Name => "diag-lin-ucb";

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters { get; } =
    [
        new(Alpha, "0.1", "Standard deviations of the estimate that optimism adds or sampling draws; with many candidates much less than 1 earns most.", 0, 100),
        new(PriorWeight, "1", "d0: interactions of weight 1 that the prior of an edge counts for; pooled finds its own and starts from this.", 1e-6, 1e6),
        new(Estimate, Pooled, "diagonal: eq. 7 of the paper. calibrated: weighted averages, whose mean is a reward. pooled: those, with the edges of an item leaning on each other.",
            Choices: [Diagonal, Calibrated, Pooled]),
        new(Selection, ThompsonName,
            "optimistic: the largest upper bound. top-k: any of the topK largest upper bounds, all alike. thompson: the chance of being best.",
            Choices: [OptimisticName, TopKName, ThompsonName]),
        new(Places, "5", "Actions that top-k picks among; the other selections ignore it.", 1, 1000, Integer: true),
        new(Floor, "0.01", "Share of decisions made uniformly, so that every propensity is positive and the log can be evaluated.", 0, 1),
        new(EdgesMax, "1000000", "Most edges of one partition; 44 bytes each in a snapshot. Updates of further edges are refused and counted.", 1, 20_000_000, Integer: true),
    ];

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new DiagLinUcbTrainer(spec, accumulators?.Invoke());

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(shards);
        var table = EdgeTable.Empty;
        var edgesMax = spec.Parameters.Integer(EdgesMax);
        var full = shards.Count > 0;
        foreach (var shard in shards)
        {
            var read = EdgeTable.Read(shard.Parameters.Span);
            full &= read.Keys.Length >= edgesMax;
            table = table == EdgeTable.Empty ? read : EdgeTable.Merge(table, read);
        }
        var descriptor = new PolicyDescriptor(Name, spec.Fingerprint, table.Interactions);
        var estimate = spec.Parameters.Choice(Estimate) switch
        {
            Diagonal => EdgeEstimate.Diagonal,
            Calibrated => EdgeEstimate.Calibrated,
            _ => EdgeEstimate.Pooled,
        };
        // When no partition has room for another edge, an action without one stays unknown for ever: showing it teaches nothing, so it is not sought.
        var prior = new DiagLinUcbPrior(estimate, spec.Parameters.Number(PriorWeight), full ? 0 : DiagLinUcbEstimator.FreshWidth);
        double alpha = spec.Parameters.Number(Alpha), floor = spec.Parameters.Number(Floor);
        return spec.Parameters.Choice(Selection) switch
        {
            OptimisticName => Pair(new Optimistic(alpha, floor)),
            TopKName => Pair(new TopK(alpha, spec.Parameters.Integer(Places), floor)),
            _ => Pair(new Thompson(alpha, floor)),
        };

        IPolicy Pair<TExplorer>(TExplorer explorer)
            where TExplorer : struct, IExplorer
        {
            var before = (previous as EstimatorPolicy<DiagLinUcbEstimator, Floored<TExplorer>>)?.Estimator;
            return new EstimatorPolicy<DiagLinUcbEstimator, Floored<TExplorer>>(
                descriptor, new DiagLinUcbEstimator(table, prior, before), new Floored<TExplorer>(explorer, spec.MinimumPropensity), spec.Reward);
        }
    }
}
