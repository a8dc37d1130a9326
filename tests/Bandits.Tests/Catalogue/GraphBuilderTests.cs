using CsCheck;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

public sealed class GraphBuilderTests
{
    [Fact]
    public void Build_ranks_by_inner_product_then_key_whatever_the_order_of_the_items() =>
        Catalogues.Samples.Sample(
            static sample =>
            {
                var graph = sample.Build();
                var shuffled = GraphBuilder.Build(sample.Centroids, [.. sample.Items.Reverse()], sample.ItemsPerCluster);
                var naive = sample.Naive();
                Assert.Equal(Math.Max(1, sample.Centroids.Length), graph.Clusters);
                Assert.Equal(sample.Items.Select(static i => i.Key).Order(), graph.Items.Select(static i => i.Key));
                for (var c = 0; c < sample.Centroids.Length; c++)
                {
                    Assert.Equal(Ranked(naive, c), Ranked(graph, c, naive));
                    Assert.Equal(Ranked(naive, c), Ranked(shuffled, c, naive));
                }
                var edges = sample.Centroids.Length == 0
                    ? sample.Items.Length
                    : naive.Rows.Sum(static r => r.Count) + naive.Newcomers.Sum(static n => n.Count) + naive.Everywhere.Count * sample.Centroids.Length;
                Assert.Equal(edges, graph.Edges);
            },
            seed: "0000000000000", iter: 1000, threads: 1);

    [Fact]
    public void Find_finds_exactly_the_items() =>
        Catalogues.Samples.Sample(
            static sample =>
            {
                var graph = sample.Build();
                Assert.All(sample.Items, item => Assert.Same(item, graph.Find(item.Key)));
                Assert.Null(graph.Find(ActionKey.Of("another")));
                Assert.Null(graph.Find(default));
                Assert.Null(graph.Find(new ActionKey(ulong.MaxValue)));
            },
            seed: "0000000000000", iter: 300, threads: 1);

    [Fact]
    public void Build_refuses_what_has_no_meaning()
    {
        var item = NaiveGraph.Item("a", [1, 0]);
        Assert.Throws<ArgumentException>(() => GraphBuilder.Build([[1, 0], [1]], [item], 5));
        Assert.Throws<ArgumentException>(() => GraphBuilder.Build([[]], [], 5));
        Assert.Throws<ArgumentException>(() => GraphBuilder.Build([[float.NaN, 0]], [], 5));
        Assert.Throws<ArgumentException>(() => GraphBuilder.Build([[1, 0]], [NaiveGraph.Item("a", [1])], 5));
        Assert.Throws<ArgumentException>(() => GraphBuilder.Build([[1, 0]], [NaiveGraph.Item("a", [1, float.PositiveInfinity])], 5));
        Assert.Contains("'a' occurs twice", Assert.Throws<ArgumentException>(() => GraphBuilder.Build([[1, 0]], [item, item], 5)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => GraphBuilder.Build([[1, 0]], [item], 0));
    }

    private static List<string> Ranked(NaiveGraph naive, int cluster) => [.. naive.Rows[cluster].Select(static i => System.Text.Encoding.UTF8.GetString(i.Id.Span))];

    // One cluster and room for all: the ranked come first, in their order; not all are available at one time, so ask twice.
    private static List<string> Ranked(ClusterGraph graph, int cluster, NaiveGraph naive)
    {
        var places = naive.Rows[cluster].Select(static (item, rank) => (item.Key, rank)).ToDictionary(static x => x.Key, static x => x.rank);
        var ranked = new SortedDictionary<int, string>();
        var into = new Candidate[100];
        foreach (var now in new long[] { 99, 101 })
        {
            var count = graph.Propose([new ClusterWeight(cluster, 1)], now, 0, into, new int[ClusterGraph.ScratchLength(into.Length)]);
            var known = into[..count].Where(c => places.ContainsKey(c.Key)).ToList();
            Assert.Equal(known.OrderBy(c => places[c.Key]), known);
            Assert.Equal(known, into[..known.Count]);
            foreach (var candidate in known)
                ranked[places[candidate.Key]] = System.Text.Encoding.UTF8.GetString(candidate.Id.Span);
        }
        return [.. ranked.Values];
    }
}
