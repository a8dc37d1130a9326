using System.Numerics.Tensors;
using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class CatalogueSimulationTests
{
    private static readonly CatalogueSettings Small = CatalogueSettings.Default with { Clusters = 4, ItemsPerCluster = 10, ClustersPerUser = 2, VectorLength = 3 };
    private static readonly Lazy<CatalogueWorld> World = new(static () => CatalogueWorld.Build(Synthetic(), Small, seed: 1));

    public static TheoryData<string> Kinds => [.. PolicyCatalog.Kinds.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_same_seed_gives_the_same_result_and_another_seed_another(string kind)
    {
        var options = new CatalogueOptions(kind, Rounds: 400, Seed: 5, Delay: 3, Batch: 2);
        var first = Results.Repeatable(CatalogueSimulation.Run(World.Value, options));
        Assert.Equal(first, Results.Repeatable(CatalogueSimulation.Run(World.Value, options)));
        Assert.NotEqual(first, Results.Repeatable(CatalogueSimulation.Run(World.Value, options with { Seed = 6 })));
    }

    [Fact]
    public void Run_uniform_earns_what_uniform_earns()
    {
        var result = CatalogueSimulation.Run(World.Value, new CatalogueOptions("uniform", Rounds: 20_000, Seed: 1));
        Assert.True(result.UniformReward < result.BestReward);
        // Probabilities lie in [0, 1], so the mean of 20 000 deviates by less than 0.0036 at one standard deviation.
        Assert.Equal(result.UniformReward, result.MeanReward, 0.018);
        Assert.Equal((result.MeanReward - result.UniformReward) / (result.BestReward - result.UniformReward), result.Attained, 1e-12);
    }

    [Fact]
    public void Run_every_policy_meets_the_same_users_and_candidates()
    {
        var results = PolicyCatalog.Kinds.Keys.Select(kind => CatalogueSimulation.Run(World.Value, new CatalogueOptions(kind, 300, 3))).ToList();
        Assert.Single(results.Select(static r => (r.UniformReward, r.BestReward)).Distinct());
    }

    [Fact]
    public void Build_same_arguments_give_the_same_world()
    {
        var again = CatalogueWorld.Build(Synthetic(), Small, seed: 1);
        for (var user = 0; user < World.Value.Visitors.Count; user++)
        {
            Assert.Equal(World.Value.Visitors[user].Probabilities, again.Visitors[user].Probabilities);
            Assert.Equal(World.Value.Visitors[user].Clusters, again.Visitors[user].Clusters);
            Assert.Equal(World.Value.Visitors[user].Context.Dense.ToArray(), again.Visitors[user].Context.Dense.ToArray());
        }
    }

    [Fact]
    public void Build_shows_linear_policies_the_clusters_or_the_vectors()
    {
        foreach (var visitor in CatalogueWorld.Build(Synthetic(), Small with { Context = CatalogueContext.Clusters }, seed: 1).Visitors)
        {
            var weights = visitor.Context.Dense.ToArray();
            Assert.Equal(Small.Clusters, weights.Length);
            Assert.Equal(visitor.Clusters.ToDictionary(static c => c.Cluster, static c => c.Weight), NonZero(weights));
            Assert.All(visitor.Candidates, static c => Assert.Equal(0, c.Features.Dense.Length));
        }
        foreach (var visitor in World.Value.Visitors)
        {
            Assert.Equal(1, TensorPrimitives.Norm(visitor.Context.Dense.Span), 1e-5f);
            Assert.All(visitor.Candidates, static c => Assert.Equal(Small.VectorLength + 1, c.Features.Dense.Length));
        }

        static Dictionary<int, float> NonZero(float[] weights) =>
            Enumerable.Range(0, weights.Length).Where(c => weights[c] != 0).ToDictionary(static c => c, c => weights[c]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(300, 30)]
    [InlineData(610, 61)]
    [InlineData(100_000, 64)]
    public void Clusters_left_open_follow_the_number_of_users(int users, int clusters) =>
        Assert.Equal(clusters, CatalogueSettings.Default.For(users).Clusters);

    [Fact]
    public void Build_gives_every_user_weights_that_add_to_1_and_connected_candidates()
    {
        foreach (var visitor in World.Value.Visitors)
        {
            Assert.Equal(1, visitor.Clusters.Sum(static c => c.Weight), 1e-5f);
            Assert.InRange(visitor.Clusters.Length, 1, Small.ClustersPerUser);
            Assert.Equal(visitor.Clusters.Length, visitor.Clusters.DistinctBy(static c => c.Cluster).Count());
            Assert.Equal(visitor.Candidates.Length, visitor.Candidates.DistinctBy(static c => c.Key).Count());
            Assert.All(visitor.Candidates, c => Assert.InRange(c.ClusterMask, 1UL, (1UL << visitor.Clusters.Length) - 1));
            for (var i = 0; i < visitor.Clusters.Length; i++)
                Assert.Equal(Small.ItemsPerCluster, visitor.Candidates.Count(c => (c.ClusterMask >> i & 1) != 0));
            Assert.All(visitor.Probabilities, static p => Assert.InRange(p, 0, 1));
            Assert.Equal(visitor.Probabilities.Max(), visitor.Best);
        }
    }

    [Theory]
    [InlineData(0, 1.3)]
    [InlineData(1e-4, 1)]
    [InlineData(100, 2)]
    public void Temperature_sets_over_how_many_clusters_a_user_is_spread(double temperature, double effective)
    {
        var world = CatalogueWorld.Build(Synthetic(), Small with { ClusterTemperature = temperature }, 1);
        Assert.Equal(effective, world.Visitors.Average(static v => 1 / v.Clusters.Sum(static c => (double)c.Weight * c.Weight)), 0.05);
    }

    [Fact]
    public void Halves_are_each_users_first_ratings_by_time_and_the_rest()
    {
        var ratings = new Ratings(["u", "v"], ["a", "b", "c"],
            [new(0, 0, 5, 30), new(1, 1, 4, 1), new(0, 1, 3, 10), new(0, 2, 1, 20)]);
        var (earlier, later) = CatalogueWorld.Halves(ratings);
        Assert.Equal([new Rating(0, 1, 3, 10), new Rating(0, 2, 1, 20), new Rating(1, 1, 4, 1)], earlier);
        Assert.Equal([new Rating(0, 0, 5, 30)], later);
    }

    [Fact]
    public void Vectors_and_truth_share_no_rating_unless_asked()
    {
        var ratings = Synthetic();
        var (earlier, later) = CatalogueWorld.Halves(ratings);
        Assert.Empty(earlier.Intersect(later));
        // Turning the later half upside down must change the truth and leave all that a policy sees as it was; the earlier half the other way round.
        var upsideDown = later.ToHashSet();
        var other = ratings with { All = [.. ratings.All.Select(r => upsideDown.Contains(r) ? r with { Value = 6 - r.Value } : r)] };
        var (world, changed) = (CatalogueWorld.Build(ratings, Small, 1), CatalogueWorld.Build(other, Small, 1));
        for (var user = 0; user < world.Visitors.Count; user++)
        {
            var (one, two) = (world.Visitors[user], changed.Visitors[user]);
            Assert.Equal(one.Context.Dense.ToArray(), two.Context.Dense.ToArray());
            Assert.Equal(one.Clusters, two.Clusters);
            Assert.Equal(one.Candidates.Select(static c => c.Key), two.Candidates.Select(static c => c.Key));
            Assert.Equal(one.Candidates.SelectMany(static c => c.Features.Dense.ToArray()), two.Candidates.SelectMany(static c => c.Features.Dense.ToArray()));
        }
        Assert.True(world.Visitors.Zip(changed.Visitors).Any(static x => Math.Abs(x.First.Best - x.Second.Best) > 0.01), "the truth did not change");
        Assert.Equal(
            RewardModel.Fit(60, 40, later, new FactorizationRecipe(3, 2, 2), 1).Probability(3, 4),
            CatalogueWorld.Build(ratings, Small with { TruthRank = 3, TruthRidge = 2, TruthBiasRidge = 2 }, 1).Truth.Probability(3, 4));
        Assert.Equal(
            RewardModel.Fit(60, 40, ratings.All, new FactorizationRecipe(3, 2, 2), 1).Probability(3, 4),
            CatalogueWorld.Build(ratings, Small with { Truth = CatalogueTruth.All, TruthRank = 3, TruthRidge = 2, TruthBiasRidge = 2 }, 1).Truth.Probability(3, 4));
    }

    [Theory]
    [InlineData("clusters", "-1")]
    [InlineData("clusters", "1.5")]
    [InlineData("clustersPerUser", "65")]
    [InlineData("clusterTemperature", "-1")]
    public void Parse_refuses_settings_out_of_range(string name, string value)
    {
        var problem = Assert.Throws<SimulationOptionsException>(() => CatalogueSettings.Parse([KeyValuePair.Create(name, value)], out _));
        Assert.Contains(name, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_leaves_the_policys_own_parameters()
    {
        var settings = CatalogueSettings.Parse([KeyValuePair.Create("alpha", "2"), KeyValuePair.Create("clusters", "7")], out var rest);
        Assert.Equal(7, settings.Clusters);
        Assert.Equal([KeyValuePair.Create("alpha", "2")], rest);
    }

    [Fact]
    public void Build_more_clusters_than_users_says_so()
    {
        var problem = Assert.Throws<SimulationOptionsException>(() => CatalogueWorld.Build(Synthetic(), Small with { Clusters = 1000 }, 1));
        Assert.Contains("clusters", problem.Message, StringComparison.Ordinal);
    }

    private static Ratings Synthetic()
    {
        using var file = new TemporaryFile(SyntheticTables.Ratings(users: 60, items: 40, perUser: 24, seed: 4));
        return RatingsFile.Read(file.Path);
    }
}
