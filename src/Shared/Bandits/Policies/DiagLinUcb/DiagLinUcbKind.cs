using Recsys.Bandits.Exploration;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// The kind <c>diag-lin-ucb</c>: Diag-LinUCB of Online Matching (Yi et al. 2023, arXiv 2307.15893). Equations and deviations are in README.md beside this file.
/// </summary>
/// <param name="accumulators">Makes the table of sums of each trainer; null for the CPU's.</param>
public sealed class DiagLinUcbKind(Func<IEdgeAccumulator>? accumulators = null) : IDeltaKind
{
    internal const string EdgesMax = "edgesMax";
    private const string Alpha = "alpha", PriorWeight = "priorWeight", Estimate = "estimate", Selection = "selection", Places = "topK", Floor = "floor";
    private const string UnexploredShare = "unexploredShare", ExploreShare = "exploreShare", HalfLifeDays = "halfLifeDays";
    private const string Diagonal = "diagonal", Calibrated = "calibrated", Pooled = "pooled", OptimisticName = "optimistic", ThompsonName = "thompson", TopKName = "top-k",
        PendingName = "pending";

    /// <inheritdoc/>
    public string Name => "diag-lin-ucb";

    /// <inheritdoc/>
    public IReadOnlyList<Hyperparameter> Hyperparameters { get; } =
    [
        new(Alpha, "0.5", "Standard deviations of the estimate that optimism adds or sampling draws; with many candidates less than 1 earns most.", 0, 100),
        new(PriorWeight, "1", "d0: interactions of weight 1 that the prior of an edge counts for; pooled finds its own.", 1e-6, 1e6),
        new(Estimate, Pooled,
            "diagonal: eq. 7 of the paper. calibrated: weighted averages, whose mean is a reward. pooled: those, with edges leaning on their item and items on the user's affinity.",
            Choices: [Diagonal, Calibrated, Pooled]),
        new(Selection, ThompsonName,
            "optimistic: the largest upper bound. top-k: any of the topK largest upper bounds, all alike. thompson: the chance of being best. "
            + "pending: the largest upper bound, as narrow as if impressions whose reward is awaited had been learned.",
            Choices: [OptimisticName, TopKName, ThompsonName, PendingName]),
        new(Places, "5", "Actions that top-k picks among; the other selections ignore it.", 1, 1000, Integer: true),
        new(UnexploredShare, "0.3", "Share of decisions that goes to actions without any statistics, where the candidates have both.", 0, 1),
        new(ExploreShare, "1", "Share of decisions made by the selection; the others take the largest estimate.", 0, 1),
        new(HalfLifeDays, "0", "Days after which an interaction counts half; 0 never to forget.", 0, 90),
        new(Floor, "0.01", "Share of decisions made uniformly, so that every propensity is positive and the log can be evaluated.", 0, 1),
        new(EdgesMax, "1000000", "Most edges of one partition; 52 bytes each in a snapshot. Updates of further edges are refused and counted.", 1, 20_000_000, Integer: true),
    ];

    /// <inheritdoc/>
    public IPolicyTrainer CreateTrainer(PolicySpec spec) => new DiagLinUcbTrainer(spec, accumulators?.Invoke());

    /// <inheritdoc/>
    public IPolicy Assemble(PolicySpec spec, IReadOnlyList<PolicyShard> shards, IPolicy? previous = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var picture = EdgePicture.Empty(ForgettingOf(spec), spec.Parameters.Choice(Estimate) == Pooled);
        return Serve(spec, picture, shards);
    }

    /// <inheritdoc/>
    public IPolicy Apply(PolicySpec spec, IPolicy policy, IReadOnlyList<PolicyShard> deltas)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return policy is IEstimatorPolicy<DiagLinUcbEstimator> { Estimator: var estimator }
            ? Serve(spec, estimator.Picture, deltas)
            : throw new ArgumentException($"The policy is not one of {Name}.", nameof(policy));
    }

    /// <inheritdoc/>
    public void VerifyDelta(PolicySpec spec, ReadOnlySpan<byte> delta) => _ = EdgeTable.Read(delta);

    internal static Forgetting ForgettingOf(PolicySpec spec) => new(spec.Parameters.Number(HalfLifeDays) * 24 * 60 * 60 * 1000);

    /// <summary>Whether awaited impressions narrow the widths.</summary>
    internal static bool CountsPending(PolicySpec spec) => spec.Parameters.Choice(Selection) == PendingName;

    private static IPolicy Serve(PolicySpec spec, EdgePicture picture, IReadOnlyList<PolicyShard> shards)
    {
        ArgumentNullException.ThrowIfNull(shards);
        foreach (var shard in shards)
            picture = picture.With(shard.Partition, EdgeTable.Read(shard.Parameters.Span));
        var estimate = spec.Parameters.Choice(Estimate) switch
        {
            Diagonal => EdgeEstimate.Diagonal,
            Calibrated => EdgeEstimate.Calibrated,
            _ => EdgeEstimate.Pooled,
        };
        // When no partition has room for another edge, an action without one stays unknown for ever: showing it teaches nothing, so it is not sought.
        var estimator = new DiagLinUcbEstimator(
            picture, new DiagLinUcbPrior(estimate, spec.Parameters.Number(PriorWeight), picture.IsFull ? 0 : DiagLinUcbEstimator.FreshWidth));
        var alpha = spec.Parameters.Number(Alpha);
        return spec.Parameters.Choice(Selection) switch
        {
            // They differ in what the trainer publishes: with awaited impressions among the sums, widths are narrower.
            OptimisticName or PendingName => Explore(new Optimistic(alpha, 0)),
            TopKName => Explore(new TopK(alpha, spec.Parameters.Integer(Places), 0)),
            _ => Explore(new Thompson(alpha, 0)),
        };

        IPolicy Explore<TExplorer>(TExplorer selection)
            where TExplorer : struct, IExplorer
        {
            var rationed = new Rationed<TExplorer>(selection, spec.Parameters.Number(UnexploredShare), DiagLinUcbEstimator.FreshWidth);
            var sliced = new Sliced<Rationed<TExplorer>>(rationed, spec.Parameters.Number(ExploreShare), spec.Parameters.Number(Floor));
            return new EstimatorPolicy<DiagLinUcbEstimator, Floored<Sliced<Rationed<TExplorer>>>>(
                new PolicyDescriptor("diag-lin-ucb", spec.Fingerprint, picture.Interactions), estimator,
                new Floored<Sliced<Rationed<TExplorer>>>(sliced, spec.MinimumPropensity), spec.Reward);
        }
    }
}
