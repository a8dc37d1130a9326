using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>Sizes of the toy world; the defaults are those in which the specification of Online Matching compares policies (its Appendix A).</summary>
/// <param name="Clusters">User clusters C, each a random direction.</param>
/// <param name="Items">Items, each near one of the clusters.</param>
/// <param name="ItemsPerCluster">Edges per cluster W.</param>
/// <param name="ClustersPerUser">Clusters that a user belongs to, K.</param>
/// <param name="Temperature">Of the softmax over the cosines of user and centroids.</param>
/// <param name="Context">What a policy that reads features is given.</param>
/// <param name="Fresh">Share of the items that are unknown until they arrive during the run.</param>
public sealed record ToyWorldSettings(
    int Clusters, int Items, int ItemsPerCluster, int ClustersPerUser, double Temperature, CatalogueContext Context, double Fresh)
{
    /// <summary>Length of the vectors.</summary>
    public const int Dimension = 16;

    /// <summary>The settings with defaults and ranges, for <c>--set</c> and its help.</summary>
    public static IReadOnlyList<Hyperparameter> Declared { get; } =
    [
        new("clusters", "64", "User clusters C, random directions.", 1, 4096, Integer: true),
        new("items", "2000", "Items, each near a random cluster.", 1, 100_000, Integer: true),
        new("itemsPerCluster", "60", "Edges per cluster W, the items with the largest inner product with its centroid.", 1, 4096, Integer: true),
        new("clustersPerUser", "5", "Nearest clusters K whose items a user may be shown.", 1, DecisionQuery.ClustersMax, Integer: true),
        new("clusterTemperature", "0.1", "Temperature of the softmax over the user's cosines with the K centroids.", 1e-4, 100),
        new("context", "vectors",
            "What a policy that reads features sees, beside the weights of the user's clusters, which all see: vectors, those of user and items; or clusters, "
            + "the weights once more.",
            Choices: ["vectors", "clusters"]),
        new("fresh", "0", "Share of the items that are unknown at first and arrive one by one during the middle half of the run.", 0, 0.5),
    ];

    /// <summary>The settings with their defaults.</summary>
    public static ToyWorldSettings Default => Parse([], out _);

    /// <summary>Shape of what the policy is given.</summary>
    public FeatureSchema Features => Context == CatalogueContext.Clusters
        ? new FeatureSchema(ContextVector: Clusters)
        : new FeatureSchema(ContextVector: Dimension, ActionVector: Dimension);

    /// <summary>Takes the settings out of <c>--set</c> pairs.</summary>
    /// <param name="pairs">Settings and the policy's own parameters together.</param>
    /// <param name="rest">The pairs that are no setting.</param>
    /// <exception cref="SimulationOptionsException">A value is out of range; all of them are named.</exception>
    public static ToyWorldSettings Parse(IReadOnlyList<KeyValuePair<string, string>> pairs, out IReadOnlyList<KeyValuePair<string, string>> rest)
    {
        var values = SettingPairs.Take(Declared, pairs, out rest);
        double Of(string name) => double.Parse(values[name], System.Globalization.CultureInfo.InvariantCulture);
        return new ToyWorldSettings(
            (int)Of("clusters"), (int)Of("items"), (int)Of("itemsPerCluster"), (int)Of("clustersPerUser"), Of("clusterTemperature"),
            values["context"] == "vectors" ? CatalogueContext.Vectors : CatalogueContext.Clusters, Of("fresh"));
    }
}
