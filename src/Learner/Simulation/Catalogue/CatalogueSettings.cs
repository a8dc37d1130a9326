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

/// <summary>Which ratings the hidden truth is fitted to.</summary>
public enum CatalogueTruth
{
    /// <summary>Each user's later half: none that the vectors and clusters are made from.</summary>
    Later,

    /// <summary>All of them, so that the vectors have seen half of the truth.</summary>
    All,

    /// <summary>Each user's earlier half, the same as the vectors: nothing is left to find out but the noise of their shorter length.</summary>
    Earlier,
}

/// <summary>How a simulated catalogue is made from a ratings file. The same for every policy, so that all rank the same candidates.</summary>
public sealed record CatalogueSettings
{
    /// <summary>User clusters C; 0 until the number of users is known, see <see cref="For"/>.</summary>
    public required int Clusters { get; init; }

    /// <summary>Edges per cluster W.</summary>
    public required int ItemsPerCluster { get; init; }

    /// <summary>Clusters that a user belongs to, K.</summary>
    public required int ClustersPerUser { get; init; }

    /// <summary>
    /// Temperature of the softmax over the cosines of user and centroids; smaller is nearer to one cluster. 0 chooses it so that a user is spread over
    /// <see cref="EffectiveClusters"/> clusters.
    /// </summary>
    public required double ClusterTemperature { get; init; }

    /// <summary>Length of the factorised vectors that the policy's half of the ratings is turned into.</summary>
    public required int VectorLength { get; init; }

    /// <summary>Ridge of their factorisation.</summary>
    public required double VectorRidge { get; init; }

    /// <summary>Ridge of its biases.</summary>
    public required double VectorBiasRidge { get; init; }

    /// <summary>What a policy that reads features is given.</summary>
    public required CatalogueContext Context { get; init; }

    /// <summary>Which ratings the hidden truth is fitted to.</summary>
    public required CatalogueTruth Truth { get; init; }

    /// <summary>Length of the vectors of the hidden truth.</summary>
    public required int TruthRank { get; init; }

    /// <summary>Ridge of the hidden truth.</summary>
    public required double TruthRidge { get; init; }

    /// <summary>Ridge of its biases.</summary>
    public required double TruthBiasRidge { get; init; }

    /// <summary>An item is in the catalogue if the hidden truth was fitted to so many of its ratings; 0 until those are counted, see <see cref="TruthRatingsMost"/>.</summary>
    public required int TruthRatings { get; init; }

    /// <summary>Share of the items that are unknown until they arrive during the run.</summary>
    public required double Fresh { get; init; }

    /// <summary>Earlier ratings that the vector of a fresh item is made from, at most.</summary>
    public required int FreshRatings { get; init; }

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
        new("vectorRidge", "12", "Ridge of that factorisation.", 1e-3, 1e6),
        new("vectorBiasRidge", "4", "Ridge of the biases of that factorisation.", 1e-3, 1e6),
        new("context", "vectors",
            "What a policy that reads features sees, beside the weights of the user's clusters, which all see. vectors: those of user and items, which a service "
            + "has too. clusters: the weights once more and nothing about an item but its id.",
            Choices: ["vectors", "clusters"]),
        new("truth", "later",
            "Ratings that the hidden reward model is fitted to. later: each user's later half, none of which vectors or clusters are made from. "
            + "all: vectors and truth share half of the ratings. earlier: they share all.",
            Choices: ["later", "all", "earlier"]),
        new("truthRank", "32", "Length of the vectors of the hidden reward model; 0 leaves biases only.", 0, 256, Integer: true),
        new("truthRidge", "12", "Ridge of the hidden reward model.", 1e-3, 1e6),
        new("truthBiasRidge", "4", "Ridge of the biases of the hidden reward model.", 1e-3, 1e6),
        new("truthRatings", "0",
            "Only items with so many ratings in the half that the hidden model is fitted to are in the catalogue; 0 chooses 20, or as many as itemsPerCluster items have where "
            + "those are fewer. 20 are five times the ridge of the biases: five sixths of an item's bias are data. Of an item with few ratings the model says average "
            + "because it does not know, which would punish whoever knows better.",
            0, 1_000_000, Integer: true),
        new("fresh", "0", "Share of the graph's items that are unknown at first and arrive one by one during the middle half of the run.", 0, 0.5),
        new("freshRatings", "5",
            "The vector of a fresh item is made from at most so many of its earlier ratings, the first by time; few ratings make a short vector.",
            1, 1_000_000, Integer: true),
    ];

    // The ridges, and the rank of the truth, have the smallest held-out log loss of those in docs/plots/truth.csv on both MovieLens sets. That is found from the ratings
    // alone; no policy had run. Vectors of length 8 are 0.0012 worse than those of 32 at most, and what a service would rather keep for every item.
    // C, W and K are those of the toy world in which the specification of Online Matching compares policies; fewer than ten users make no cluster.
    private const int ClustersMax = 64, UsersPerCluster = 10;

    /// <summary>
    /// Mean of 1 / Σ w² that a temperature of 0 aims at. The diagonal of Diag-LinUCB overstates rewards by about this factor, so it must be near 1; at 1 a
    /// user would belong to one cluster and profit from no other.
    /// </summary>
    public const double EffectiveClusters = 1.3;

    /// <summary>Ratings of an item that a <see cref="TruthRatings"/> of 0 asks for where there are enough such items.</summary>
    public const int TruthRatingsMost = 20;

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
        return new CatalogueSettings
        {
            Clusters = (int)Of("clusters"),
            ItemsPerCluster = (int)Of("itemsPerCluster"),
            ClustersPerUser = (int)Of("clustersPerUser"),
            ClusterTemperature = Of("clusterTemperature"),
            VectorLength = (int)Of("vectorLength"),
            VectorRidge = Of("vectorRidge"),
            VectorBiasRidge = Of("vectorBiasRidge"),
            Context = values["context"] == "vectors" ? CatalogueContext.Vectors : CatalogueContext.Clusters,
            Truth = values["truth"] switch { "later" => CatalogueTruth.Later, "all" => CatalogueTruth.All, _ => CatalogueTruth.Earlier },
            TruthRank = (int)Of("truthRank"),
            TruthRidge = Of("truthRidge"),
            TruthBiasRidge = Of("truthBiasRidge"),
            TruthRatings = (int)Of("truthRatings"),
            Fresh = Of("fresh"),
            FreshRatings = (int)Of("freshRatings"),
        };
    }
}
