using CsCheck;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>Candidates are available, distinct, carry the right masks, and leave nobody out for ever.</summary>
public sealed class ProposeTests
{
    private static readonly Gen<(Catalogues.Sample Sample, ClusterWeight[] Clusters, int Length, ulong Rotation)> Requests =
        Catalogues.Samples.SelectMany(static sample => Gen.Select(
            Gen.Shuffle(Enumerable.Range(0, Math.Max(1, sample.Centroids.Length)).ToArray()), Gen.Int[1, 6], Gen.Int[0, 60], Gen.ULong)
            .Select((order, clusters, length, rotation) => (sample, order.Take(clusters).Select(c => new ClusterWeight(c, 1f / clusters)).ToArray(), length, rotation)));

    [Fact]
    public void Propose_gives_available_distinct_items_with_the_clusters_that_have_an_edge() =>
        Requests.Sample(
            static request =>
            {
                var (graph, naive) = (request.Sample.Build(), request.Sample.Naive());
                foreach (var now in new long[] { 99, 100 })
                {
                    var candidates = Propose(graph, request.Clusters, request.Length, request.Rotation, now);
                    Assert.Equal(candidates.Length, candidates.Select(static c => c.Key).Distinct().Count());
                    foreach (var candidate in candidates)
                    {
                        var item = graph.Find(candidate.Key)!;
                        Assert.True(item.IsAvailable(now));
                        Assert.Equal(naive.Mask(item, request.Clusters), candidate.ClusterMask);
                        Assert.NotEqual(0UL, candidate.ClusterMask);
                        Assert.Equal(item.Id, candidate.Id);
                        Assert.Equal(item.Features, candidate.Features);
                    }
                }
            },
            seed: "0000000000000", iter: 2000, threads: 1);

    [Fact]
    public void Propose_with_room_for_all_gives_all_ranked_and_a_fifth_of_newcomers_and_with_little_room_uses_all_of_it() =>
        Requests.Sample(
            static request =>
            {
                var (graph, naive) = (request.Sample.Build(), request.Sample.Naive());
                var available = request.Sample.Items.Where(static i => i.IsAvailable(50)).ToHashSet();
                var ranked = request.Clusters.SelectMany(c => request.Sample.Centroids.Length == 0 ? [] : naive.Rows[c.Cluster]).Where(available.Contains).ToHashSet();
                var each = request.Sample.Centroids.Length == 0 ? int.MaxValue : Math.Max(1, request.Sample.ItemsPerCluster / ClusterGraph.NewcomerShare);
                var newcomers = Math.Min(each, naive.Everywhere.Count(available.Contains))
                    + request.Clusters.Sum(c => request.Sample.Centroids.Length == 0 ? 0 : Math.Min(each, naive.Newcomers[c.Cluster].Count(available.Contains)));

                var all = Propose(graph, request.Clusters, 200, request.Rotation, 50);
                Assert.Equal(ranked.Count + newcomers, all.Length);
                Assert.True(ranked.IsSubsetOf(all.Select(c => graph.Find(c.Key)!)));

                var some = Propose(graph, request.Clusters, request.Length, request.Rotation, 50);
                Assert.Equal(Math.Min(request.Length, all.Length), some.Length);
                var fresh = some.Count(c => !ranked.Contains(graph.Find(c.Key)!));
                Assert.True(fresh >= Math.Min(newcomers, request.Length < 2 ? 0 : Math.Max(1, request.Length / 5)), $"{fresh} newcomers of {newcomers} in {request.Length} places");
            },
            seed: "0000000000000", iter: 2000, threads: 1);

    [Fact]
    public void Propose_reaches_every_available_newcomer_within_a_bounded_number_of_decisions() =>
        Requests.Where(static r => r.Length >= 2).Sample(
            static request =>
            {
                var (graph, naive) = (request.Sample.Build(), request.Sample.Naive());
                var wanted = request.Sample.Items.Where(i => i.IsAvailable(50)
                    && (naive.Everywhere.Contains(i) || request.Clusters.Any(c => naive.Newcomers[c.Cluster].Contains(i)))).Select(static i => i.Key).ToHashSet();
                var longest = Math.Max(naive.Everywhere.Count, naive.Newcomers.Select(static n => n.Count).DefaultIfEmpty().Max());
                for (var i = 0; i < (request.Clusters.Length + 1) * longest; i++)
                    wanted.ExceptWith(Propose(graph, request.Clusters, request.Length, (ulong)i + request.Rotation % 1000, 50).Select(static c => c.Key));
                Assert.Empty(wanted);
            },
            seed: "0000000000000", iter: 500, threads: 1);

    [Fact]
    public void Propose_with_little_room_cuts_the_tails_of_the_ranks()
    {
        var items = Enumerable.Range(0, 10).Select(static i => NaiveGraph.Item($"i{i}", [10 - i, i])).ToArray();
        var graph = GraphBuilder.Build([[1, 0], [0, 1]], items, 10);
        var candidates = Propose(graph, [new(0, 0.5f), new(1, 0.5f)], 4, 0, 0);
        Assert.Equal(["i0", "i9", "i1", "i8"], candidates.Select(static c => System.Text.Encoding.UTF8.GetString(c.Id.Span)));
        Assert.All(candidates, static c => Assert.Equal(3UL, c.ClusterMask));
    }

    [Fact]
    public void Propose_follows_availability_to_the_millisecond()
    {
        var graph = GraphBuilder.Build([], [NaiveGraph.Item("a", [], 100, 200)], 1);
        Assert.Equal([0, 1, 1, 0], new long[] { 99, 100, 199, 200 }.Select(now => Propose(graph, [new(0, 1)], 5, 0, now).Length));
    }

    [Fact]
    public void Propose_refuses_too_many_clusters_and_too_little_scratch()
    {
        Assert.Throws<ArgumentException>(() => ClusterGraph.Empty.Propose(new ClusterWeight[65], 0, 0, new Candidate[1], new int[16]));
        Assert.Throws<ArgumentException>(() => ClusterGraph.Empty.Propose([new(0, 1)], 0, 0, new Candidate[4], new int[ClusterGraph.ScratchLength(4) - 1]));
        Assert.Empty(Propose(ClusterGraph.Empty, [new(0, 1)], 5, 0, 0));
    }

    [Fact]
    public void Propose_allocates_nothing()
    {
        var graph = GraphBuilder.Build([[1, 0], [0, 1]], [.. Enumerable.Range(0, 50).Select(static i => NaiveGraph.Item($"i{i}", i % 7 == 0 ? [] : [i, 50 - i]))], 10);
        ClusterWeight[] clusters = [new(0, 0.5f), new(1, 0.5f)];
        var (into, scratch) = (new Candidate[20], new int[ClusterGraph.ScratchLength(20)]);
        Assert.Equal(0, Allocation.Least(() => graph.Propose(clusters, 0, 7, into, scratch)));
    }

    private static Candidate[] Propose(ClusterGraph graph, ClusterWeight[] clusters, int length, ulong rotation, long now)
    {
        var into = new Candidate[length];
        return into[..graph.Propose(clusters, now, rotation, into, new int[ClusterGraph.ScratchLength(length)])];
    }
}
