using System.Numerics.Tensors;
using System.Text;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The Online Matching loop's surroundings (arXiv 2307.15893), made from a ratings file. Offline half, from each user's earlier half of the ratings
/// only: user and item vectors by matrix factorisation, user clusters by spherical k-means, edges from each centroid to the items with the largest inner
/// product. Hidden half: the <see cref="RewardModel"/> of all ratings.
/// </summary>
public sealed class CatalogueWorld : ICatalogueWorld
{
    // Held-out error on MovieLens (latest-small and 100K) falls until a ridge of about 16 and changes little with the rank from there.
    private const int TruthRank = 16, FitSweeps = 12, ClusterSweeps = 50;
    private const double Ridge = 16;
    private const ulong ClusterPurpose = 3;
    private const int RatingsMin = 10;

    private CatalogueWorld(CatalogueVisitor[] visitors, RewardModel truth, FeatureSchema features)
    {
        Visitors = visitors;
        Truth = truth;
        Features = features;
    }

    /// <summary>One entry per user.</summary>
    public IReadOnlyList<CatalogueVisitor> Visitors { get; }

    /// <summary>The hidden reward model.</summary>
    public RewardModel Truth { get; }

    /// <inheritdoc/>
    public FeatureSchema Features { get; }

    /// <inheritdoc/>
    public CatalogueVisitor Arrive(SeededRandom arrivals)
    {
        ArgumentNullException.ThrowIfNull(arrivals);
        return Visitors[arrivals.NextInteger(Visitors.Count)];
    }

    /// <summary>Builds the world. A function of its arguments alone.</summary>
    /// <exception cref="SimulationOptionsException">There are too few ratings, or fewer users than clusters.</exception>
    public static CatalogueWorld Build(Ratings ratings, CatalogueSettings settings, long seed, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        ArgumentNullException.ThrowIfNull(settings);
        if (ratings.All.Count < RatingsMin)
            throw new SimulationOptionsException($"A catalogue needs at least {RatingsMin} ratings; the file has {ratings.All.Count}.");
        var users = ratings.Users.Count;
        settings = settings.For(users);
        if (settings.Clusters > users)
            throw new SimulationOptionsException($"'clusters' is {settings.Clusters}, but there are {users} users only.");
        var truth = RewardModel.Fit(ratings, TruthRank, Ridge, FitSweeps, seed, cancellation);

        var earlier = EarlierHalf(ratings);
        var known = MatrixFactorization.Fit(
            users, ratings.Items.Count, earlier, settings.VectorLength, Ridge, FitSweeps, seed, cancellation);
        var items = earlier.Select(static r => r.Item).Distinct().Order().ToArray();
        var (userVectors, itemVectors) = Vectors(known, users, items);
        var centroids = SphericalKMeans.Fit(userVectors, settings.Clusters, SeededRandom.For(seed, ClusterPurpose).NextBits(), ClusterSweeps);
        var ids = Array.ConvertAll(items, item => Encoding.UTF8.GetBytes(ratings.Items[item]));
        var catalogue = Array.ConvertAll(
            Enumerable.Range(0, items.Length).ToArray(), i => new CatalogueItem(ids[i], ActionKey.Of(ids[i]), new FeatureSet(default, itemVectors[i]), []));
        var itemOf = items.Zip(ids).ToDictionary(static x => ActionKey.Of(x.Second), static x => x.First);
        var graph = RankedGraph.Build(centroids, catalogue, settings.ItemsPerCluster);

        var temperature = settings.ClusterTemperature > 0
            ? settings.ClusterTemperature
            : ChooseTemperature(graph, userVectors, settings.ClustersPerUser);
        var memberships = Array.ConvertAll(userVectors, vector => Clusters(graph, vector, settings.ClustersPerUser, temperature));
        var buffer = new Candidate[Math.Min(graph.ItemCount, settings.ClustersPerUser * settings.ItemsPerCluster)];
        var scratch = new int[ClusterGraph.ScratchLength(buffer.Length)];
        var visitors = new CatalogueVisitor[users];
        for (var user = 0; user < users; user++)
        {
            var proposed = graph.Propose(memberships[user], now: 0, rotation: 0, buffer, scratch);
            var seesVectors = settings.Context == CatalogueContext.Vectors;
            var candidates = Array.ConvertAll(buffer.AsSpan(0, proposed).ToArray(), c => seesVectors ? c : c with { Features = default });
            var person = user;
            var probabilities = Array.ConvertAll(candidates, c => (float)truth.Probability(person, itemOf[c.Key]));
            var context = seesVectors ? userVectors[user] : CatalogueVisitor.Weights(memberships[user], settings.Clusters);
            visitors[user] = CatalogueVisitor.Of(new FeatureSet(default, context), memberships[user], candidates, probabilities);
        }
        return new CatalogueWorld(visitors, truth, settings.Features);
    }

    /// <summary>Each user's earlier half by time (ties in the file's order), rounded up: everybody has a vector, and the later half stays unseen.</summary>
    public static IReadOnlyList<Rating> EarlierHalf(Ratings ratings) =>
    [
        .. ratings.All
            .GroupBy(static r => r.User)
            .SelectMany(static group => group.OrderBy(static r => r.Time).Take((group.Count() + 1) / 2)),
    ];

    /// <summary>
    /// User (p, κ) scaled to length 1 and item (q, b/κ), so that their inner product orders items as the model does, bias included. κ is the root mean square
    /// length of the p, which lets taste and the constant weigh the same in the angle between users. Items share one scale: root mean square length 1.
    /// </summary>
    private static (float[][] Users, float[][] Items) Vectors(MatrixFactorization known, int users, int[] items)
    {
        var rank = known.Rank;
        var dimension = rank + 1;
        double squares = 0;
        for (var user = 0; user < users; user++)
            squares += TensorPrimitives.SumOfSquares(known.User(user)[..rank]);
        var constant = Math.Max(Math.Sqrt(squares / users), 1e-6);

        var userVectors = new float[users][];
        for (var user = 0; user < users; user++)
        {
            var vector = userVectors[user] = new float[dimension];
            for (var k = 0; k < rank; k++)
                vector[k] = (float)known.User(user)[k];
            vector[rank] = (float)constant;
            TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
        }
        var itemVectors = new float[items.Length][];
        squares = 0;
        for (var i = 0; i < items.Length; i++)
        {
            var vector = itemVectors[i] = new float[dimension];
            for (var k = 0; k < rank; k++)
                vector[k] = (float)known.Item(items[i])[k];
            vector[rank] = (float)(known.Item(items[i])[rank] / constant);
            squares += TensorPrimitives.SumOfSquares<float>(vector);
        }
        var length = (float)Math.Sqrt(squares / items.Length);
        foreach (var vector in itemVectors)
            TensorPrimitives.Divide(vector, length > 0 ? length : 1, vector);
        return (userVectors, itemVectors);
    }

    private static ClusterWeight[] Clusters(ClusterGraph graph, float[] user, int perUser, double temperature)
    {
        var into = new ClusterWeight[Math.Min(perUser, graph.Clusters)];
        return into[..graph.AssignClusters(user, perUser, temperature, into)];
    }

    /// <summary>Bisection on up to a thousand users: the effective number of clusters 1 / Σ w² grows with the temperature.</summary>
    private static double ChooseTemperature(ClusterGraph graph, float[][] users, int perUser)
    {
        const double Coldest = 1e-4, Hottest = 100;
        const int Steps = 40, UsersMax = 1000;
        var sample = users.AsSpan(0, Math.Min(users.Length, UsersMax)).ToArray();
        var (low, high) = (Math.Log(Coldest), Math.Log(Hottest));
        for (var step = 0; step < Steps; step++)
        {
            var middle = (low + high) / 2;
            var effective = sample.Average(
                user => 1 / Clusters(graph, user, perUser, Math.Exp(middle)).Sum(static c => (double)c.Weight * c.Weight));
            if (effective < CatalogueSettings.EffectiveClusters)
                low = middle;
            else
                high = middle;
        }
        return Math.Exp(low);
    }
}
