using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The Online Matching loop's surroundings (arXiv 2307.15893), made from a ratings file. Offline half, from each user's earlier half of the ratings
/// only: user and item vectors by matrix factorisation, user clusters by spherical k-means, edges from each centroid to the items with the largest inner
/// product. Hidden half: the <see cref="RewardModel"/> of the later ratings, unless <see cref="CatalogueSettings.Truth"/> says otherwise.
/// </summary>
public sealed class CatalogueWorld : ICatalogueWorld
{
    private const ulong FreshPurpose = 8;
    private const int RatingsMin = 20;

    private readonly CatalogueSettings _settings;
    private readonly OfflineHalf _offline;
    private readonly GrowingGraph _graph;
    private readonly Dictionary<ActionKey, int> _itemOf;
    private readonly ClusterWeight[][] _memberships;
    private readonly Candidate[] _buffer;
    private readonly int[] _scratch;
    private readonly CatalogueVisitor[] _visitors;

    private CatalogueWorld(CatalogueSettings settings, OfflineHalf offline, RewardModel truth, FreshSchedule fresh)
    {
        (_settings, _offline, Truth, Fresh) = (settings, offline, truth, fresh);
        _itemOf = offline.Catalogue.Zip(offline.Items).ToDictionary(static x => x.First.Key, static x => x.Second);
        _graph = new GrowingGraph(offline.Centroids, offline.Catalogue, settings.ItemsPerCluster, fresh);
        var graph = _graph.At(0);
        var temperature = settings.ClusterTemperature > 0
            ? settings.ClusterTemperature
            : ChooseTemperature(graph, offline.Users, settings.ClustersPerUser);
        _memberships = Array.ConvertAll(offline.Users, vector => Clusters(graph, vector, settings.ClustersPerUser, temperature));
        // Room for everything that the clusters of a user may propose, newcomers included: nothing is left out for lack of it.
        _buffer = new Candidate[Math.Min(offline.Catalogue.Length, 2 * settings.ClustersPerUser * settings.ItemsPerCluster)];
        _scratch = new int[ClusterGraph.ScratchLength(_buffer.Length)];
        _visitors = [.. Enumerable.Range(0, offline.Users.Length).Select(user => Visit(graph, user, rotation: 0))];
    }

    /// <summary>One entry per user, as things are at the start.</summary>
    public IReadOnlyList<CatalogueVisitor> Visitors => _visitors;

    /// <summary>The hidden reward model.</summary>
    public RewardModel Truth { get; }

    /// <inheritdoc/>
    public HeldOutFit HeldOut => Truth.HeldOut;

    /// <inheritdoc/>
    public FreshSchedule Fresh { get; }

    /// <inheritdoc/>
    public FeatureSchema Features => _settings.Features;

    /// <inheritdoc/>
    public CatalogueVisitor Arrive(SeededRandom arrivals, long round)
    {
        ArgumentNullException.ThrowIfNull(arrivals);
        var user = arrivals.NextInteger(_visitors.Length);
        // Where newcomers take turns, whose turn it is changes from round to round.
        return Fresh.Count == 0 ? _visitors[user] : Visit(_graph.At(round), user, arrivals.NextBits());
    }

    /// <summary>Builds the world. A function of its arguments alone.</summary>
    /// <param name="ratings">The file.</param>
    /// <param name="settings">How to make the world of it.</param>
    /// <param name="seed">Of everything in it.</param>
    /// <param name="rounds">Of the run, over whose middle half the fresh items arrive; does not matter where there are none.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="SimulationOptionsException">There are too few ratings, no item that is rated often enough, or fewer users than clusters.</exception>
    public static CatalogueWorld Build(
        Ratings ratings, CatalogueSettings settings, long seed, long rounds = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        ArgumentNullException.ThrowIfNull(settings);
        if (ratings.All.Count < RatingsMin)
            throw new SimulationOptionsException($"A catalogue needs at least {RatingsMin} ratings; the file has {ratings.All.Count}.");
        var users = ratings.Users.Count;
        settings = settings.For(users);
        if (settings.Clusters > users)
            throw new SimulationOptionsException($"'clusters' is {settings.Clusters}, but there are {users} users only.");
        var (earlier, later) = Halves(ratings);
        var hidden = settings.Truth switch { CatalogueTruth.Later => later, CatalogueTruth.All => ratings.All, _ => earlier };
        var truth = RewardModel.Fit(
            users, ratings.Items.Count, hidden, new FactorizationRecipe(settings.TruthRank, settings.TruthRidge, settings.TruthBiasRidge), seed, cancellation);
        var eligible = Eligible(earlier, hidden, settings);
        var offline = OfflineHalf.Build(ratings, earlier, eligible, settings, seed, cancellation);
        if (settings.Fresh == 0)
            return new CatalogueWorld(settings, offline, truth, FreshSchedule.None);

        // Fresh items are among those that matter, the graph's; what the offline half knows of them is then cut down, and all of it is made anew.
        var ranked = GrowingGraph.Ranked(offline.Centroids, offline.Catalogue, settings.ItemsPerCluster);
        SeededRandom.For(seed, FreshPurpose).Shuffle(ranked);
        var chosen = ranked.Take((int)(settings.Fresh * ranked.Length)).Select(i => offline.Items[i]).ToArray();
        offline = OfflineHalf.Build(ratings, Withhold(earlier, chosen.ToHashSet(), settings.FreshRatings), eligible, settings, seed, cancellation);
        return new CatalogueWorld(settings, offline, truth, new FreshSchedule(Array.ConvertAll(chosen, item => ActionKey.Of(ratings.Items[item])), rounds));
    }

    /// <summary>Each user's earlier half by time (ties in the file's order), rounded up so that everybody has a vector, and the rest.</summary>
    public static (IReadOnlyList<Rating> Earlier, IReadOnlyList<Rating> Later) Halves(Ratings ratings)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        List<Rating> earlier = [], later = [];
        foreach (var group in ratings.All.GroupBy(static r => r.User))
        {
            var sorted = group.OrderBy(static r => r.Time).ToList();
            var half = (sorted.Count + 1) / 2;
            earlier.AddRange(sorted.Take(half));
            later.AddRange(sorted.Skip(half));
        }
        return (earlier, later);
    }

    /// <summary>The ratings without all but the first few, by time, of some items.</summary>
    public static IReadOnlyList<Rating> Withhold(IReadOnlyList<Rating> ratings, IReadOnlySet<int> items, int kept)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        ArgumentNullException.ThrowIfNull(items);
        var withheld = ratings.Where(r => items.Contains(r.Item)).GroupBy(static r => r.Item)
            .SelectMany(group => group.OrderBy(static r => r.Time).Skip(kept)).ToHashSet();
        return [.. ratings.Where(r => !withheld.Contains(r))];
    }

    /// <summary>The items whose vectors can be made and whose truth is known well enough.</summary>
    private static HashSet<int> Eligible(IReadOnlyList<Rating> earlier, IReadOnlyList<Rating> hidden, CatalogueSettings settings)
    {
        var counts = hidden.CountBy(static r => r.Item).ToDictionary();
        var seen = earlier.Select(static r => r.Item).Distinct().Select(item => (Item: item, Ratings: counts.GetValueOrDefault(item))).ToList();
        var enough = settings.TruthRatings > 0
            ? settings.TruthRatings
            : Math.Min(CatalogueSettings.TruthRatingsMost, seen.Select(static x => x.Ratings).OrderDescending().Take(settings.ItemsPerCluster).Last());
        return [.. seen.Where(x => x.Ratings >= enough).Select(static x => x.Item)];
    }

    private CatalogueVisitor Visit(ClusterGraph graph, int user, ulong rotation)
    {
        var proposed = graph.Propose(_memberships[user], now: 0, rotation, _buffer, _scratch);
        var seesVectors = _settings.Context == CatalogueContext.Vectors;
        var candidates = new Candidate[proposed];
        var probabilities = new float[proposed];
        for (var i = 0; i < proposed; i++)
        {
            candidates[i] = seesVectors ? _buffer[i] : _buffer[i] with { Features = default };
            probabilities[i] = (float)Truth.Probability(user, _itemOf[_buffer[i].Key]);
        }
        var context = seesVectors ? _offline.Users[user] : CatalogueVisitor.Weights(_memberships[user], _settings.Clusters);
        return CatalogueVisitor.Of(new FeatureSet(default, context), _memberships[user], candidates, probabilities);
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
