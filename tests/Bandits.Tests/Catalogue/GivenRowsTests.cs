using CsCheck;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>Graphs whose edges a plan brings along, against the rule as it is written.</summary>
public sealed class GivenRowsTests
{
    private static readonly Gen<(Catalogues.Sample Sample, int[][] Rows)> Samples = Catalogues.Samples.Where(static s => s.Centroids.Length > 0)
        .SelectMany(static sample => Gen.Int[0, 45].Array[0, 15].Array[sample.Centroids.Length].Select(rows => (sample, rows)));

    [Fact]
    public void Build_keeps_given_rows_and_inserts_the_others_by_the_rule() =>
        Samples.Sample(
            static x =>
            {
                var plan = new GraphPlan(3, x.Sample.Centroids, [.. x.Rows.Select(static (_, c) => 2 * c)], [.. x.Rows.Select(static row => (IReadOnlyList<ActionKey>)[.. row.Select(Key)])]);
                var graph = GraphBuilder.Build(plan, x.Sample.Items, x.Sample.ItemsPerCluster);
                var (rows, newcomers, everywhere) = Naive(plan, x.Sample);
                var edges = x.Sample.Items.ToDictionary(static i => i.Key, static _ => new List<ItemEdge>());
                for (var c = 0; c < rows.Count; c++)
                {
                    foreach (var now in new long[] { 99, 100 })
                    {
                        var expected = rows[c].Where(i => i is not null && i.IsAvailable(now)).Select(static i => i!.Key).ToList();
                        var proposed = Propose(graph, 2 * c, now);
                        Assert.Equal(expected, proposed.Take(expected.Count));
                        Assert.Empty(proposed.Skip(expected.Count).Except([.. newcomers[c].Concat(everywhere).Select(static i => i.Key)]));
                    }
                    foreach (var (item, rank) in rows[c].Select(static (item, rank) => (item, rank)).Where(static r => r.item is not null))
                        edges[item!.Key].Add(new ItemEdge(2 * c, rank));
                    foreach (var item in newcomers[c].Concat(everywhere))
                        edges[item.Key].Add(new ItemEdge(2 * c, null));
                }
                foreach (var (key, itsEdges) in edges)
                {
                    Assert.Equal(itsEdges, graph.EdgesOf(key));
                    Assert.Equal(newcomers.Exists(n => n.Any(i => i.Key == key)) || everywhere.Any(i => i.Key == key), graph.IsNewcomer(key));
                }
                Assert.Equal(edges.Values.Sum(static e => e.Count), graph.Edges);
            },
            seed: "0000000000000", iter: 500, threads: 1);

    [Fact]
    public void Build_gives_an_outsider_the_quota_and_beyond_it_only_who_beats_the_last_by_a_margin()
    {
        var given = Enumerable.Range(0, 10).Select(static i => NaiveGraph.Item($"given-{i}", [10])).ToArray();
        var plan = new GraphPlan(1, [[1]], [], [[.. given.Select(static i => i.Key)]]);
        // A fifth of ten is two.
        Assert.Equal(["fresh-0", "fresh-1"], Ranked([9, 8, 7]));
        Assert.Equal(["fresh-0", "fresh-1"], Ranked([10.6f, 10.4f, 10.3f]));
        Assert.Equal(["fresh-0", "fresh-1", "fresh-2"], Ranked([10.6f, 10.6f, 10.6f]));
        Assert.Equal(10, Ranked([.. Enumerable.Repeat(11f, 30)]).Count);
        // Nobody can be compared with the last as long as it is not there, and a short row has places to give away.
        Assert.Equal(["fresh-0", "fresh-1"], Ranked([12, 12, 12], given[..9]));
        Assert.Equal(4, Ranked([3, 2, 1, 0], [], new GraphPlan(1, [[1]], [], [[.. given[..6].Select(static i => i.Key)]])).Count);

        List<string> Ranked(float[] scores, CatalogueItem[]? known = null, GraphPlan? other = null)
        {
            var fresh = scores.Select(static (s, i) => NaiveGraph.Item($"fresh-{i}", [s])).ToArray();
            var graph = GraphBuilder.Build(other ?? plan, [.. known ?? given, .. fresh], 10);
            return [.. fresh.Where(i => !graph.IsNewcomer(i.Key)).Select(static i => System.Text.Encoding.UTF8.GetString(i.Id.Span))];
        }
    }

    [Fact]
    public void An_item_that_comes_later_takes_its_given_place()
    {
        var items = Enumerable.Range(0, 5).Select(static i => NaiveGraph.Item($"i{i}", i % 2 == 0 ? [] : [i, 1])).ToArray();
        var plan = new GraphPlan(7, [[1, 0], [0, 1]], [40, 30], [[items[3].Key, items[0].Key, items[0].Key, items[1].Key], [items[0].Key]]);
        var graph = GraphBuilder.Build(plan, items[1..2], 5);
        Assert.Equal(7, graph.Version);
        Assert.Equal([items[1].Key], Propose(graph, 40, 0));
        graph = graph.With([items[3], items[0]], []);
        Assert.Equal([items[3].Key, items[0].Key, items[1].Key], Propose(graph, 40, 0));
        Assert.Equal([items[0].Key], Propose(graph, 30, 0));
        Assert.Equal(4, graph.Edges);
        Assert.Equal([new ItemEdge(40, 1), new ItemEdge(30, 0)], graph.EdgesOf(items[0].Key));
        Assert.Equal([items[3].Key, items[1].Key], Propose(graph.With([], [items[0].Key]), 40, 0));
    }

    [Fact]
    public void Ids_that_are_not_of_the_graph_have_no_edges_and_shift_nothing()
    {
        var items = Enumerable.Range(0, 12).Select(static i => NaiveGraph.Item($"i{i}", i == 0 ? [] : [12 - i, i])).ToArray();
        var graph = GraphBuilder.Build(new GraphPlan(1, [[1, 0], [0, 1]], [1000, 7], null), items, 4);
        var into = new Candidate[50];
        var count = graph.Propose([new(0, 0.2f), new(7, 0.4f), new(1, 0.1f), new(1000, 0.3f)], 0, 0, into, new int[ClusterGraph.ScratchLength(50)]);
        var byMask = into[..count].ToLookup(static c => c.ClusterMask, static c => c.Key);
        Assert.Equal([0b0010UL, 0b1000UL, 0b1010UL], byMask.Select(static g => g.Key).Order());
        Assert.Equal(items[0].Key, Assert.Single(byMask[0b1010]));
        Assert.Equal(items[^4..].Select(static i => i.Key).Reverse(), byMask[0b0010].Take(4));
        Assert.Equal([0UL], into[..graph.Propose([new(3, 1)], 0, 0, into, new int[ClusterGraph.ScratchLength(50)])].Select(static c => c.ClusterMask));

        var clusters = new ClusterWeight[2];
        Assert.Equal(2, graph.AssignClusters([0.1f, 1], 2, 1, clusters));
        Assert.Equal([7, 1000], clusters.Select(static c => c.Cluster));
    }

    [Fact]
    public void Build_refuses_a_plan_that_does_not_fit_together()
    {
        float[][] centroids = [[1, 0], [0, 1]];
        foreach (var plan in new GraphPlan[] { new(1, centroids, [1], null), new(1, centroids, [1, 1], null), new(1, centroids, [-1, 1], null), new(1, centroids, [], [[]]), new(1, [], [1], null) })
            Assert.Throws<ArgumentException>(() => GraphBuilder.Build(plan, [], 5));
    }

    [Fact]
    public void An_item_whose_vector_has_no_length_that_is_a_number_is_shown_everywhere()
    {
        CatalogueItem[] items = [NaiveGraph.Item("a", [1, 0]), NaiveGraph.Item("b", [float.MaxValue, -float.MaxValue])];
        var graph = GraphBuilder.Build([[1, 1], [1, 0]], items, 5);
        Assert.Equal([new ItemEdge(0, null), new ItemEdge(1, null)], graph.EdgesOf(items[1].Key));
        Assert.Equal(4, graph.Edges);
        Assert.Empty(graph.EdgesOf(ActionKey.Of("c")));
        Assert.False(graph.IsNewcomer(ActionKey.Of("c")));
    }

    private static ActionKey[] Propose(ClusterGraph graph, int cluster, long now)
    {
        var into = new Candidate[200];
        return [.. into.Take(graph.Propose([new ClusterWeight(cluster, 1)], now, 0, into, new int[ClusterGraph.ScratchLength(200)])).Select(static c => c.Key)];
    }

    private static ActionKey Key(int number) => ActionKey.Of($"item-{number}");

    private static (List<List<CatalogueItem?>> Rows, List<List<CatalogueItem>> Newcomers, List<CatalogueItem> Everywhere) Naive(GraphPlan plan, Catalogues.Sample sample)
    {
        var width = sample.ItemsPerCluster;
        var named = plan.Rows!.SelectMany(static r => r).ToHashSet();
        var items = sample.Items.ToDictionary(static i => i.Key);
        var directions = plan.Centroids.Select(static c => Math.Sqrt(c.Sum(static v => (double)v * v)) is var n and > 1e-6 ? c.Select(v => v / n).ToArray() : new double[c.Length]).ToList();
        double Score(int c, CatalogueItem item) => directions[c].Zip(item.Features.Dense.ToArray()).Sum(static p => p.First * p.Second);
        var outsiders = sample.Items.Where(i => !named.Contains(i.Key) && !i.Features.Dense.IsEmpty).ToList();
        var near = outsiders.ToDictionary(static i => i.Key, i => Enumerable.Range(0, directions.Count).OrderByDescending(c => Score(c, i)).ThenBy(static c => c).Take(10).ToList());
        var rows = new List<List<CatalogueItem?>>();
        for (var c = 0; c < directions.Count; c++)
        {
            var given = plan.Rows![c].Distinct().ToList();
            var places = Math.Max(width - given.Count, Math.Max(1, width / 5));
            var candidates = outsiders.Where(i => near[i.Key].Contains(c)).OrderByDescending(i => Score(c, i)).ThenBy(static i => i.Key).ToList();
            if (given.Count >= width && items.TryGetValue(given[width - 1], out var last) && !last.Features.Dense.IsEmpty)
                places = Math.Clamp(candidates.Count(i => Score(c, i) > Score(c, last) + (0.05 * Math.Abs(Score(c, last)))), places, width);
            var (first, second) = (new Queue<ActionKey>(given), new Queue<CatalogueItem>(candidates.Take(places)));
            var row = new List<CatalogueItem?>();
            while (first.Count + second.Count > 0)
                row.Add(first.Count == 0 || (row.Count % 5 == 4 && second.Count > 0) ? second.Dequeue() : items.GetValueOrDefault(first.Dequeue()));
            rows.Add(row);
        }
        var newcomers = directions.Select(static _ => new List<CatalogueItem>()).ToList();
        foreach (var item in outsiders.Where(i => !rows.Exists(r => r.Contains(i))))
            newcomers[near[item.Key][0]].Add(item);
        return (rows, newcomers, [.. sample.Items.Where(i => !named.Contains(i.Key) && i.Features.Dense.IsEmpty)]);
    }
}
