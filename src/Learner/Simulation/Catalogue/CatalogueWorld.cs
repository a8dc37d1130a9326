using System.Numerics.Tensors;
using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>What one user meets in every one of the user's rounds.</summary>
/// <param name="Context">The user vector, of length 1.</param>
/// <param name="Clusters">The user's clusters with their weights.</param>
/// <param name="Candidates">The union of the clusters' items.</param>
/// <param name="Probabilities">Hidden from the policy: probability of a success of each candidate.</param>
/// <param name="Mean">Mean of the probabilities: what choosing uniformly earns.</param>
/// <param name="Best">Largest of the probabilities.</param>
public sealed record CatalogueVisitor(
    FeatureSet Context, ClusterWeight[] Clusters, Candidate[] Candidates, float[] Probabilities, float Mean, float Best);

/// <summary>
/// The Online Matching loop's surroundings (arXiv 2307.15893), made from a ratings file. Offline half, from each user's earlier half of the ratings
/// only: user and item vectors by matrix factorisation, user clusters by spherical k-means, edges from each centroid to the items with the largest inner
/// product. Hidden half: the <see cref="RewardModel"/> of all ratings.
/// </summary>
public sealed class CatalogueWorld
{
    // Held-out error on MovieLens (latest-small and 100K) falls until a ridge of about 16 and changes little with the rank from there.
    private const int TruthRank = 16, FitSweeps = 12, ClusterSweeps = 50;
    private const double Ridge = 16;
    private const ulong ClusterPurpose = 3;
    private const int RatingsMin = 10;

    private CatalogueWorld(CatalogueVisitor[] visitors, RewardModel truth, int dimension)
    {
        Visitors = visitors;
        Truth = truth;
        Dimension = dimension;
    }

    /// <summary>One entry per user.</summary>
    public IReadOnlyList<CatalogueVisitor> Visitors { get; }

    /// <summary>The hidden reward model.</summary>
    public RewardModel Truth { get; }

    /// <summary>Length of user and item vectors.</summary>
    public int Dimension { get; }

    /// <summary>Builds the world. A function of its arguments alone.</summary>
    /// <exception cref="SimulationOptionsException">There are too few ratings, or fewer users than clusters.</exception>
    public static CatalogueWorld Build(Ratings ratings, CatalogueSettings settings, long seed, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        ArgumentNullException.ThrowIfNull(settings);
        if (ratings.All.Count < RatingsMin)
            throw new SimulationOptionsException($"A catalogue needs at least {RatingsMin} ratings; the file has {ratings.All.Count}.");
        var users = ratings.Users.Count;
        if (settings.Clusters > users)
            throw new SimulationOptionsException($"'clusters' is {settings.Clusters}, but there are {users} users only.");
        var truth = RewardModel.Fit(ratings, TruthRank, Ridge, FitSweeps, seed, cancellation);

        var earlier = EarlierHalf(ratings);
        var known = MatrixFactorization.Fit(
            users, ratings.Items.Count, earlier, settings.VectorLength, Ridge, FitSweeps, seed, cancellation);
        var dimension = settings.Dimension;
        var items = earlier.Select(static r => r.Item).Distinct().Order().ToArray();
        var (userVectors, itemVectors) = Vectors(known, users, items);
        var centroids = SphericalKMeans.Fit(userVectors, dimension, settings.Clusters, ClusterSweeps, SeededRandom.For(seed, ClusterPurpose));
        var memberships = ClusterMembership.Of(userVectors, centroids, dimension, settings.ClustersPerUser, settings.ClusterTemperature);
        var edges = Edges(centroids, itemVectors, dimension, settings.ItemsPerCluster);

        var ids = Array.ConvertAll(items, item => Encoding.UTF8.GetBytes(ratings.Items[item]));
        var catalogue = new Candidate[items.Length];
        for (var i = 0; i < items.Length; i++)
            catalogue[i] = new Candidate(ids[i], ActionKey.Of(ids[i]), new FeatureSet(default, itemVectors.AsMemory(i * dimension, dimension)));
        var visitors = new CatalogueVisitor[users];
        for (var user = 0; user < users; user++)
        {
            var vector = userVectors.AsMemory(user * dimension, dimension);
            var clusters = memberships[user];
            var (candidates, positions) = Candidates(clusters, edges, catalogue);
            var person = user;
            var probabilities = Array.ConvertAll(positions, p => (float)truth.Probability(person, items[p]));
            visitors[user] = new CatalogueVisitor(
                new FeatureSet(default, vector), clusters, candidates, probabilities, probabilities.Average(), probabilities.Max());
        }
        return new CatalogueWorld(visitors, truth, dimension);
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
    private static (float[] Users, float[] Items) Vectors(MatrixFactorization known, int users, int[] items)
    {
        var rank = known.Rank;
        var dimension = rank + 1;
        double squares = 0;
        for (var user = 0; user < users; user++)
            squares += TensorPrimitives.SumOfSquares(known.User(user)[..rank]);
        var constant = Math.Max(Math.Sqrt(squares / users), 1e-6);

        var userVectors = new float[users * dimension];
        for (var user = 0; user < users; user++)
        {
            var vector = userVectors.AsSpan(user * dimension, dimension);
            for (var k = 0; k < rank; k++)
                vector[k] = (float)known.User(user)[k];
            vector[rank] = (float)constant;
            TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
        }
        var itemVectors = new float[items.Length * dimension];
        for (var i = 0; i < items.Length; i++)
        {
            for (var k = 0; k < rank; k++)
                itemVectors[i * dimension + k] = (float)known.Item(items[i])[k];
            itemVectors[i * dimension + rank] = (float)(known.Item(items[i])[rank] / constant);
        }
        var length = TensorPrimitives.Norm<float>(itemVectors) / MathF.Sqrt(items.Length);
        if (length > 0)
            TensorPrimitives.Divide(itemVectors, length, itemVectors);
        return (userVectors, itemVectors);
    }

    /// <summary>For each centroid the positions of the W items with the largest inner product, best first; ties to the lower position.</summary>
    private static int[][] Edges(float[] centroids, float[] items, int dimension, int perCluster)
    {
        var count = items.Length / dimension;
        var edges = new int[centroids.Length / dimension][];
        for (var c = 0; c < edges.Length; c++)
        {
            var scores = new float[count];
            for (var i = 0; i < count; i++)
                scores[i] = TensorPrimitives.Dot(centroids.AsSpan(c * dimension, dimension), items.AsSpan(i * dimension, dimension));
            edges[c] = [.. Enumerable.Range(0, count).OrderByDescending(i => scores[i]).Take(perCluster)];
        }
        return edges;
    }

    private static (Candidate[] Candidates, int[] Positions) Candidates(ClusterWeight[] clusters, int[][] edges, Candidate[] catalogue)
    {
        var masks = new Dictionary<int, ulong>();
        for (var i = 0; i < clusters.Length; i++)
            foreach (var item in edges[clusters[i].Cluster])
                masks[item] = masks.GetValueOrDefault(item) | (1UL << i);
        var positions = masks.Keys.Order().ToArray();
        return (Array.ConvertAll(positions, p => catalogue[p] with { ClusterMask = masks[p] }), positions);
    }
}
