using System.Text;
using Recsys.Bandits.Interactions;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>Items that become known while a simulation runs.</summary>
public sealed class FreshItemsTests
{
    private const int Rounds = 2000;
    private static readonly ToyWorldSettings Toy = ToyWorldSettings.Default with { Items = 300, Clusters = 8, ItemsPerCluster = 20, Fresh = 0.1 };
    private static readonly CatalogueSettings Small =
        CatalogueSettings.Default with { Clusters = 4, ItemsPerCluster = 10, ClustersPerUser = 2, VectorLength = 3, TruthRatings = 3, Fresh = 0.2 };

    [Fact]
    public void Schedule_spreads_arrivals_evenly_over_the_middle_half()
    {
        var schedule = new FreshSchedule([.. Enumerable.Range(0, 10).Select(Key)], rounds: 1000);
        Assert.Equal([250L, 300, 350, 400, 450, 500, 550, 600, 650, 700], Enumerable.Range(0, 10).Select(schedule.ArrivalOf));
        Assert.Equal([0, 0, 1, 1, 2, 10, 10], new long[] { 0, 249, 250, 299, 300, 700, 5000 }.Select(schedule.ArrivedBy));
        Assert.Equal([3, -1], new[] { Key(3), Key(77) }.Select(schedule.PlaceOf));
        // More items than rounds: several a round, none lost.
        var crowded = new FreshSchedule([.. Enumerable.Range(0, 10).Select(Key)], rounds: 8);
        for (var round = 0; round < 8; round++)
            Assert.Equal(Enumerable.Range(0, 10).Count(place => crowded.ArrivalOf(place) <= round), crowded.ArrivedBy(round));
        Assert.Equal(0, FreshSchedule.None.ArrivedBy(long.MaxValue));
    }

    [Fact]
    public void No_candidate_is_fresh_before_it_arrives_and_every_fresh_item_is_one_afterwards()
    {
        var settings = Small;
        foreach (ICatalogueWorld world in new ICatalogueWorld[] { new ToyWorld(Toy, 1, Rounds), CatalogueWorld.Build(Synthetic(), settings, 1, Rounds) })
        {
            var fresh = world.Fresh;
            Assert.InRange(fresh.Count, 3, 100);
            var arrivals = new SeededRandom(1);
            var seen = new HashSet<int>();
            for (var round = 0; round < 2 * Rounds; round++)
            {
                var visitor = world.Arrive(arrivals, round);
                foreach (var candidate in visitor.Candidates)
                {
                    if (fresh.PlaceOf(candidate.Key) is var place && place >= 0)
                    {
                        Assert.True(fresh.ArrivalOf(place) <= round, $"item {place} arrives at {fresh.ArrivalOf(place)} and was a candidate in {round}");
                        seen.Add(place);
                    }
                }
                Assert.Equal(visitor.Candidates.Length, visitor.Candidates.DistinctBy(static c => c.Key).Count());
            }
            Assert.Equal(fresh.Count, seen.Count);
        }
    }

    [Fact]
    public void Same_seed_gives_the_same_fresh_run_and_policies_do_not_change_who_arrives()
    {
        CatalogueResult Run(string policy) =>
            CatalogueSimulation.Run(new ToyWorld(Toy, 2, Rounds), new CatalogueOptions(policy, Rounds, 2, Batch: 10));
        Assert.Equal(Results.Repeatable(Run("diag-lin-ucb")), Results.Repeatable(Run("diag-lin-ucb")));
        var (one, other) = (Run("random"), Run("ucb1"));
        Assert.Equal((one.UniformReward, one.BestReward), (other.UniformReward, other.BestReward));
        Assert.Equal(30, one.Fresh!.Items);
        Assert.Equal(one.Fresh.Good, other.Fresh!.Good);
    }

    [Fact]
    public void Withhold_keeps_the_first_ratings_of_the_items_and_all_of_the_others()
    {
        Rating[] ratings = [new(0, 7, 5, 30), new(1, 7, 4, 10), new(2, 7, 3, 20), new(3, 8, 1, 40), new(4, 8, 2, 5)];
        Assert.Equal([ratings[1], ratings[2], ratings[3], ratings[4]], CatalogueWorld.Withhold(ratings, new HashSet<int> { 7 }, kept: 2));
        Assert.Equal(ratings, CatalogueWorld.Withhold(ratings, new HashSet<int>(), kept: 0));
    }

    [Fact]
    public void Ledger_counts_shows_and_finds()
    {
        // Item 0 arrives at round 5 and item 1 at 10; item 9 was always there.
        var ledger = new FreshLedger(new FreshSchedule([Key(0), Key(1)], rounds: 20));
        var schedule = new FreshSchedule([Key(0), Key(1)], rounds: 20);
        Assert.Equal([5L, 10], [schedule.ArrivalOf(0), schedule.ArrivalOf(1)]);
        var best0 = Visitor([0.9f, 0.1f, 0.5f], 0, 1, 9);
        var best9 = Visitor([0.2f, 0.1f, 0.5f], 0, 1, 9);
        // Rounds 5 to 7: candidates, not shown.
        for (var round = 5; round < 8; round++)
            ledger.Add(round, best9, chosen: 2);
        // Rounds 8 to 17: item 0 is the best; shown from 11 on.
        for (var round = 8; round < 18; round++)
            ledger.Add(round, best0, chosen: round >= 11 ? 0 : 2);
        var outcome = ledger.Outcome()!;
        Assert.Equal((2, 0.5, 1), (outcome.Items, outcome.Shown, outcome.Good));
        // One of two was never shown, so the median of the two is never.
        Assert.Null(outcome.RoundsToShow);
        Assert.Null(outcome.CandidaciesToShow);
        // By round 13 it was best 6 times and shown 3 times; before the fifth time nothing counts.
        Assert.Equal((1.0, 8.0), (outcome.Found, outcome.RoundsToFind));
        Assert.Null(new FreshLedger(FreshSchedule.None).Outcome());
    }

    [Fact]
    public void Ledger_median_is_over_the_items()
    {
        var ledger = new FreshLedger(new FreshSchedule([Key(0), Key(1), Key(2)], rounds: 0));
        for (var round = 0; round < 30; round++)
            ledger.Add(round, Visitor([0.5f, 0.4f], 0, 9), chosen: round == 4 ? 0 : 1);
        for (var round = 30; round < 60; round++)
            ledger.Add(round, Visitor([0.4f, 0.5f], 1, 9), chosen: round == 39 ? 0 : 1);
        var outcome = ledger.Outcome()!;
        Assert.Equal((2 / 3.0, 39.0, 10.0), (outcome.Shown, outcome.RoundsToShow, outcome.CandidaciesToShow));
        // Best thirty times and shown once: not found.
        Assert.Equal((1, 0.0, null), (outcome.Good, outcome.Found, outcome.RoundsToFind));
    }

    private static CatalogueVisitor Visitor(float[] probabilities, params int[] items) =>
        CatalogueVisitor.Of(default, [new ClusterWeight(0, 1)], [.. items.Select(static i => new Candidate(Encoding.UTF8.GetBytes($"i{i}"), Key(i), default, 1))], probabilities);

    private static ActionKey Key(int item) => ActionKey.Of($"i{item}");

    private static Ratings Synthetic()
    {
        using var file = new TemporaryFile(SyntheticTables.Ratings(users: 60, items: 40, perUser: 24, seed: 4));
        return RatingsFile.Read(file.Path);
    }
}
