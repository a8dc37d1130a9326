using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>The synthetic world of the Online Matching specification, and what it says about delay.</summary>
public sealed class ToyWorldTests
{
    private const int Late = 10_000;

    [Fact]
    public void World_is_as_the_specification_describes_it()
    {
        var world = new ToyWorld(ToyWorldSettings.Default, seed: 1);
        Assert.Equal(64 * 60, world.Edges);
        var arrivals = new SeededRandom(1);
        var visitors = Enumerable.Range(0, 2000).Select(_ => world.Arrive(arrivals, 0)).ToList();
        // "random and oracle … about 0.09 and 0.51", "a user's candidates match 1.2 of the 5 clusters on average".
        Assert.Equal(0.09, visitors.Average(static v => v.Mean), 0.01);
        Assert.Equal(0.51, visitors.Average(static v => v.Best), 0.03);
        Assert.Equal(1.2, visitors.Average(static v => v.Candidates.Average(static c => System.Numerics.BitOperations.PopCount(c.ClusterMask))), 0.1);
        Assert.All(visitors, static v => Assert.Equal(1, v.Clusters.Sum(static c => c.Weight), 1e-5f));
    }

    [Theory]
    [InlineData(CatalogueContext.Clusters, 64, 0)]
    [InlineData(CatalogueContext.Vectors, 16, 16)]
    public void Same_seed_gives_the_same_visitors_in_the_shape_that_is_promised(CatalogueContext context, int contextLength, int itemLength)
    {
        var settings = ToyWorldSettings.Default with { Items = 300, Context = context };
        var (first, again) = (new ToyWorld(settings, 3).Arrive(new SeededRandom(4), 0), new ToyWorld(settings, 3).Arrive(new SeededRandom(4), 0));
        Assert.Equal(first.Probabilities, again.Probabilities);
        Assert.Equal(first.Context.Dense.ToArray(), again.Context.Dense.ToArray());
        Assert.NotEqual(first.Probabilities, new ToyWorld(settings, 5).Arrive(new SeededRandom(4), 0).Probabilities);
        Assert.Equal(contextLength, first.Context.Dense.Length);
        Assert.All(first.Candidates, c => Assert.Equal(itemLength, c.Features.Dense.Length));
    }

    [Fact]
    public void Default_earns_most_of_what_can_be_earned() => Assert.InRange(Attained(delay: 0), 0.75, 1);

    [Fact]
    public void Default_bears_rewards_that_come_late_where_an_argmax_collapses()
    {
        Assert.InRange(Attained(Late), 0.65, 1);
        Assert.InRange(Attained(Late, "estimate=diagonal", "selection=optimistic", "alpha=3", "floor=0"), 0, 0.25);
    }

    [Fact]
    public void An_argmax_bears_late_rewards_when_it_counts_what_is_on_its_way()
    {
        Assert.InRange(Attained("selection=pending"), 0.65, 1);
        // Widths as wide as the paper's: without counting, all decisions of a delay go to one action.
        string[] paper = ["estimate=diagonal", "alpha=3", "floor=0"];
        Assert.InRange(Attained([.. paper, "selection=pending"]), 0.45, 1);
        Assert.InRange(Attained([.. paper, "selection=optimistic"]), 0, 0.25);

        // A quarter of the world, with a quarter of the delay: as many decisions per edge before the first reward.
        static double Attained(params string[] set) =>
            ToyWorldTests.Attained(ToyWorldSettings.Default with { Clusters = 16, Items = 500 }, 40_000, Late / 4, set);
    }

    private static double Attained(int delay, params string[] set) => Attained(ToyWorldSettings.Default, 150_000, delay, set);

    private static double Attained(ToyWorldSettings settings, int rounds, int delay, params string[] set)
    {
        var parameters = set.Select(static s => s.Split('=')).Select(static s => KeyValuePair.Create(s[0], s[1])).ToList();
        var options = new CatalogueOptions("diag-lin-ucb", rounds, Seed: 1, delay, Batch: 25, parameters);
        return CatalogueSimulation.Run(new ToyWorld(settings, options.Seed), options).Attained;
    }
}
