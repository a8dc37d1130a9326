using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>What <c>diag-lin-ucb</c> is compared with in the catalogue simulations. None of them is a kind that an experiment could name.</summary>
public static class RivalCatalog
{
    private static readonly Hyperparameter PriorWeight = new("priorWeight", "1", "d0: prior precision of every weight.", 1e-6, 1e6);

    /// <summary>Every rival, by name.</summary>
    public static IReadOnlyDictionary<string, Rival> Rivals { get; } = new Rival[]
    {
        new("exact-lin-ucb", "LinUCB on the weights of the user's clusters, the whole matrix per item: diag-lin-ucb without the diagonal approximation.",
            [
                new("alpha", "0.1", "Standard deviations of the estimate that optimism adds or sampling draws; docs/plots/exact.csv has what others earn.", 0, 100),
                PriorWeight,
                new("prior", "mean", "What θ shrinks towards. mean: the mean of all rewards. zero: the textbook's, for which an item seen once is bad.",
                    Choices: ["mean", "zero"]),
                new("weights", "raw", "normalized: the weights of an item's clusters add up to 1. raw: those of the user's clusters.",
                    Choices: ["normalized", "raw"]),
                new("selection", "optimistic", "optimistic: the largest upper bound. thompson: the chance of being best.", Choices: ["optimistic", "thompson"]),
            ],
            static (parameters, _) =>
            {
                var estimator = new ExactLinUcb(
                    parameters.Number("priorWeight"), parameters.Choice("prior") == "mean", parameters.Choice("weights") == "normalized");
                return parameters.Choice("selection") == "optimistic"
                    ? new LiveRival<Optimistic>("exact-lin-ucb", estimator, new Optimistic(parameters.Number("alpha"), 0))
                    : new LiveRival<Thompson>("exact-lin-ucb", estimator, new Thompson(parameters.Number("alpha"), 0));
            }),
        new("ucb1", "UCB1 for every pair of the user's nearest cluster and an item that it has an edge to.",
            [new("scale", "0.1", "Of the width sqrt(2 ln N / n); 1 is the paper's, of which too little is left after exploring so many arms.", 0, 100)],
            static (parameters, _) => new LiveRival<Optimistic>("ucb1", new Ucb1(), new Optimistic(parameters.Number("scale"), 0))),
        new("greedy-two-tower", "The largest inner product of the user's and the item's vector; learns nothing.", [],
            static (_, features) => features.ContextVector == features.ActionVector
                ? new LiveRival<EpsilonGreedy>("greedy-two-tower", new GreedyTwoTower(), new EpsilonGreedy(0))
                : throw new SimulationOptionsException("'greedy-two-tower' needs the vectors of user and items: context=vectors."),
            ReadsVectors: true, EstimatesRewards: false),
        new("epsilon-greedy-edges", "The largest mean of diag-lin-ucb, and any item now and then.",
            [
                new("epsilon", "0.1", "Share of decisions made uniformly.", 0, 1),
                PriorWeight,
                new("estimate", "pooled", "As for diag-lin-ucb.", Choices: ["diagonal", "calibrated", "pooled"]),
            ],
            static (parameters, _) => new EpsilonGreedyEdges(
                [
                    KeyValuePair.Create("priorWeight", parameters.Choice("priorWeight")),
                    KeyValuePair.Create("estimate", parameters.Choice("estimate")),
                ],
                parameters.Number("epsilon"))),
        new("random", "Any item, all alike.", [],
            static (_, _) => new LiveRival<UniformExplorer>("random", new Ignorance(), default), EstimatesRewards: false),
    }.ToDictionary(static rival => rival.Name, StringComparer.Ordinal);

    /// <summary>Names of the served kinds and of the rivals, for messages and help.</summary>
    public static string KnownNames => $"{PolicyCatalog.KnownNames}; not served, to compare with: {string.Join(", ", Rivals.Keys)}";

    /// <summary>What a policy is given to read: what was asked for, or the vectors where it can do nothing without.</summary>
    /// <param name="policy">A served kind, a rival or neither.</param>
    /// <param name="asked">What was asked for.</param>
    public static CatalogueContext ContextOf(string policy, CatalogueContext asked) =>
        Rivals.TryGetValue(policy, out var rival) && rival.ReadsVectors ? CatalogueContext.Vectors : asked;

    /// <summary>Whether the means of a policy are estimates of rewards, and not some other score.</summary>
    public static bool EstimatesRewards(string policy) => Rivals.TryGetValue(policy, out var rival) ? rival.EstimatesRewards : policy != "uniform";

    /// <summary>An untrained policy: a rival or a served kind.</summary>
    /// <param name="policy">Its name.</param>
    /// <param name="given">Parameters that differ from the defaults.</param>
    /// <param name="features">Shapes of contexts and candidates.</param>
    /// <exception cref="SimulationOptionsException">Unknown policy or refused parameters, all of them in one message.</exception>
    public static ISimulatedPolicy Create(string policy, IReadOnlyList<KeyValuePair<string, string>> given, FeatureSchema features)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (!Rivals.TryGetValue(policy, out var rival))
        {
            return PolicyCatalog.Kinds.ContainsKey(policy)
                ? new PublishedPolicy(PolicyOptions.Configure(policy, given, features))
                : throw new SimulationOptionsException($"Unknown policy '{policy}'. Known: {KnownNames}.");
        }
        var values = SettingPairs.Take(rival.Hyperparameters, given, out var unknown);
        if (unknown.Count > 0)
        {
            var declared = rival.Hyperparameters.Count == 0 ? "none" : string.Join(", ", rival.Hyperparameters.Select(static h => h.Name));
            throw new SimulationOptionsException(string.Join(' ', unknown.Select(pair => $"'{policy}' has no parameter '{pair.Key}'. Known: {declared}.")));
        }
        return rival.Create(new RivalParameters(values), features);
    }
}
