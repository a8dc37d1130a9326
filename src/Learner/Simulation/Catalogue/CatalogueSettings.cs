using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>What a policy that reads features is given.</summary>
public enum CatalogueContext
{
    /// <summary>The weights of the user's clusters, and nothing about an item but its id: what Diag-LinUCB goes by.</summary>
    Clusters,

    /// <summary>The factorised vectors of user and items.</summary>
    Vectors,
}

/// <summary>How the offline half of a simulated catalogue is built. The same for every policy, so that all rank the same candidates.</summary>
/// <param name="Clusters">User clusters C; 0 until the number of users is known, see <see cref="For"/>.</param>
/// <param name="ItemsPerCluster">Edges per cluster W.</param>
/// <param name="ClustersPerUser">Clusters that a user belongs to, K.</param>
/// <param name="ClusterTemperature">
/// Temperature of the softmax over the cosines of user and centroids; smaller is nearer to one cluster. 0 chooses it so that a user is spread over
/// <see cref="EffectiveClusters"/> clusters.
/// </param>
/// <param name="VectorLength">Length of the factorised vectors that the policy's half of the ratings is turned into.</param>
/// <param name="Context">What a policy that reads features is given.</param>
public sealed record CatalogueSettings(
    int Clusters, int ItemsPerCluster, int ClustersPerUser, double ClusterTemperature, int VectorLength, CatalogueContext Context)
{
    /// <summary>The settings with defaults and ranges, for <c>--set</c> and its help.</summary>
    public static IReadOnlyList<Hyperparameter> Declared { get; } =
    [
        new("clusters", "0",
            "User clusters C; 0 chooses 64, or a tenth of the users where they are fewer than 640.", 0, 65_536, Integer: true),
        new("itemsPerCluster", "60",
            "Edges per cluster W, the items with the largest inner product with its centroid.", 1, 4096, Integer: true),
        new("clustersPerUser", "5",
            "Nearest clusters K whose items a user may be shown.", 1, DecisionQuery.ClustersMax, Integer: true),
        new("clusterTemperature", "0",
            "Temperature of the softmax over the user's cosines with the K centroids; 0 chooses it so that the mean of 1 / sum of squared weights is 1.3.",
            0, 100),
        new("vectorLength", "8",
            "Length of the vectors factorised from the policy's half of the ratings.", 1, 256, Integer: true),
        new("context", "clusters",
            "What the linear policies see of a user. clusters: the weights of the user's clusters, all that diag-lin-ucb sees, so that lin-ucb is "
            + "LinUCB without the diagonal approximation. vectors: the factorised vectors of user and items.",
            Choices: ["clusters", "vectors"]),
    ];

    // C, W and K are those of the toy world in which the specification of Online Matching compares policies; fewer than ten users make no cluster.
    private const int ClustersMax = 64, UsersPerCluster = 10;

    /// <summary>
    /// Mean of 1 / Σ w² that a temperature of 0 aims at. The diagonal of Diag-LinUCB overstates rewards by about this factor, so it must be near 1; at 1 a
    /// user would belong to one cluster and profit from no other.
    /// </summary>
    public const double EffectiveClusters = 1.3;

    /// <summary>The settings for a number of users, with C chosen where it was left open.</summary>
    public CatalogueSettings For(int users) => this with { Clusters = Clusters > 0 ? Clusters : Math.Clamp(users / UsersPerCluster, 1, ClustersMax) };

    /// <summary>Shape of what the policy is given.</summary>
    public FeatureSchema Features => Context == CatalogueContext.Clusters
        ? new FeatureSchema(ContextVector: Math.Max(1, Clusters))
        : new FeatureSchema(ContextVector: VectorLength + 1, ActionVector: VectorLength + 1);

    /// <summary>The settings with their defaults.</summary>
    public static CatalogueSettings Default => Parse([], out _);

    /// <summary>Takes the settings out of <c>--set</c> pairs.</summary>
    /// <param name="pairs">Settings and the policy's own parameters together.</param>
    /// <param name="rest">The pairs that are no setting.</param>
    /// <exception cref="SimulationOptionsException">A value is out of range; all of them are named.</exception>
    public static CatalogueSettings Parse(IReadOnlyList<KeyValuePair<string, string>> pairs, out IReadOnlyList<KeyValuePair<string, string>> rest)
    {
        var values = SettingPairs.Take(Declared, pairs, out rest);
        double Of(string name) => double.Parse(values[name], System.Globalization.CultureInfo.InvariantCulture);
        return new CatalogueSettings(
            (int)Of("clusters"), (int)Of("itemsPerCluster"), (int)Of("clustersPerUser"), Of("clusterTemperature"), (int)Of("vectorLength"),
            values["context"] == "vectors" ? CatalogueContext.Vectors : CatalogueContext.Clusters);
    }
}
