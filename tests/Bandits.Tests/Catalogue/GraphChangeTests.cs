using CsCheck;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>A graph that was changed step by step is the graph of the items that are then there.</summary>
public sealed class GraphChangeTests
{
    private static readonly GraphPlan Axes = new(2, [[1, 0, 0], [0, 2, 0], [0, 0, 3]], [], null);

    private static readonly Gen<History> Histories = Catalogues.Samples.SelectMany(static sample => Gen.Select(
        Plans(sample), Gen.Select(Gen.Int[0, 59], Gen.Int[0, 11], Gen.Int[0, sample.Items.Length]).Array[1, 6].Array[1, 25])
        .Select((plan, steps) => new History(sample, plan, steps)));

    [Fact]
    public void With_equals_a_build_of_what_is_then_there() =>
        Histories.Sample(
            static history =>
            {
                var there = history.Sample.Items.Take(history.Sample.Items.Length / 2).ToDictionary(static i => i.Key);
                var graph = GraphBuilder.Build(history.Plan, [.. there.Values], history.Sample.ItemsPerCluster);
                foreach (var step in history.Steps)
                {
                    var (changed, removed) = (new Dictionary<ActionKey, CatalogueItem>(), new List<ActionKey>());
                    foreach (var (number, what, other) in step)
                    {
                        // Four of twelve take an item away; the others bring it, with its own vector, with another item's, or otherwise changed.
                        var key = NaiveGraph.Item($"item-{number}", []).Key;
                        if (what < 4)
                            removed.Add(key);
                        else if (other < history.Sample.Items.Length)
                            changed[key] = NaiveGraph.Item($"item-{number}", history.Sample.Items[what < 6 ? number % history.Sample.Items.Length : other].Features.Dense.ToArray(), what == 4 ? 100 : null);
                    }
                    graph = graph.With(changed.Values, removed);
                    foreach (var key in removed)
                        there.Remove(key);
                    foreach (var (key, item) in changed)
                        there[key] = item;
                    AssertSame(GraphBuilder.Build(history.Plan, [.. there.Values], history.Sample.ItemsPerCluster), graph);
                }
            },
            seed: "0000000000000", iter: 80, threads: 1);

    [Fact]
    public void With_of_single_changes_to_a_larger_catalogue_equals_a_build()
    {
        // Large enough that changes are no builds, rows are not complete, reserves run out and chunks split.
        var random = new Random(17);
        foreach (var (plan, width) in new[] { (Plan(random, 30, rows: false), 12), (Plan(random, 30, rows: true), 12), (Plan(random, 2, rows: false), 40), (Axes, 40), (GraphPlan.None, 5) })
        {
            var there = Enumerable.Range(0, 1000).Select(i => Item(random, i)).ToDictionary(static i => i.Key);
            var graph = GraphBuilder.Build(plan, [.. there.Values], width);
            for (var step = 0; step < 1600; step++)
            {
                // At first more go than come, then the other way round.
                var item = Item(random, random.Next(2000));
                if (random.Next(3) < (step < 1000 ? 2 : 1))
                {
                    // What is ranked, most of the time: the reserve of one cluster after the other.
                    var key = random.Next(4) == 0 || graph.ItemCount == 0 ? item.Key : Some(random, graph);
                    there.Remove(key);
                    graph = graph.With([], [key]);
                }
                else
                {
                    there[item.Key] = item;
                    graph = graph.With([item], []);
                }
                if (step % 400 == 399)
                    AssertSame(GraphBuilder.Build(plan, [.. there.Values], width), graph);
            }
        }
    }

    [Fact]
    public void With_leaves_the_graph_it_came_from_as_it_was()
    {
        var random = new Random(5);
        var plan = Plan(random, 8, rows: true);
        var items = Enumerable.Range(0, 600).Select(i => Item(random, i)).ToArray();
        var graph = GraphBuilder.Build(plan, items, 10);
        var later = graph;
        for (var i = 0; i < 500; i++)
            later = i % 2 == 0 ? later.With([], [items[i].Key]) : later.With([Item(random, i)], []);
        AssertSame(GraphBuilder.Build(plan, items, 10), graph);
    }

    [Fact]
    public void With_takes_an_item_away_at_once_and_ignores_what_is_not_there()
    {
        var items = Enumerable.Range(0, 40).Select(static i => NaiveGraph.Item($"i{i}", [40 - i, i])).ToArray();
        var graph = GraphBuilder.Build([[1, 0], [0, 1]], items, 5);
        Assert.Equal(["i0", "i1", "i2", "i3", "i4"], Ids(graph, 0).Take(5));
        graph = graph.With([], [items[1].Key, items[3].Key, ActionKey.Of("nobody")]);
        Assert.Equal(["i0", "i2", "i4", "i5", "i6"], Ids(graph, 0).Take(5));
        Assert.Null(graph.Find(items[1].Key));
        Assert.Equal(38, graph.ItemCount);
        Assert.Equal("i1", Ids(graph.With([items[1]], [items[1].Key]), 0)[1]);
    }

    [Fact]
    public void With_refuses_what_a_build_refuses_and_stays_as_it_is()
    {
        var items = Enumerable.Range(0, 40).Select(static i => NaiveGraph.Item($"i{i}", [40 - i, i])).ToArray();
        var graph = GraphBuilder.Build([[1, 0], [0, 1]], items, 5);
        Assert.Contains("'a' occurs twice", Assert.Throws<ArgumentException>(() => graph.With([NaiveGraph.Item("a", [1, 2]), NaiveGraph.Item("a", [1, 2])], [])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => graph.With([NaiveGraph.Item("a", [1])], []));
        Assert.Throws<ArgumentException>(() => graph.With([NaiveGraph.Item("a", [float.NaN, 1])], []));
        AssertSame(GraphBuilder.Build([[1, 0], [0, 1]], items, 5), graph);
    }

    /// <summary>Every answer of the one is the answer of the other.</summary>
    internal static void AssertSame(ClusterGraph expected, ClusterGraph actual)
    {
        Assert.Equal(expected.Version, actual.Version);
        Assert.Equal(expected.ItemCount, actual.ItemCount);
        Assert.Equal(expected.Edges, actual.Edges);
        Assert.Equal(expected.Items, actual.Items);
        var ids = Enumerable.Range(0, 200).Where(id => expected.Propose([new ClusterWeight(id, 1)], 0, 0, new Candidate[1], new int[ClusterGraph.ScratchLength(1)]) > 0).ToArray();
        foreach (var now in new long[] { 99, 100 })
        {
            foreach (var (clusters, length, rotation) in ids.Select(id => (new[] { id }, 400, 7UL)).Append((ids, 25, 3UL)).Append(([.. ids, 777], 4000, 11UL)))
            {
                ClusterWeight[] weights = [.. clusters.Take(64).Select(static id => new ClusterWeight(id, 0.1f))];
                var (left, right, scratch) = (new Candidate[length], new Candidate[length], new int[ClusterGraph.ScratchLength(length)]);
                var count = expected.Propose(weights, now, rotation, left, scratch);
                Assert.Equal(count, actual.Propose(weights, now, rotation, right, scratch));
                for (var i = 0; i < count; i++)
                    Assert.True(left[i].Key == right[i].Key && left[i].ClusterMask == right[i].ClusterMask && left[i].Features == right[i].Features, $"place {i} of {count}");
            }
        }
        foreach (var item in expected.Items.Take(20))
        {
            Assert.Equal(expected.IsNewcomer(item.Key), actual.IsNewcomer(item.Key));
            Assert.Equal(expected.EdgesOf(item.Key), actual.EdgesOf(item.Key));
        }
    }

    private static List<string> Ids(ClusterGraph graph, int cluster)
    {
        var into = new Candidate[100];
        return [.. into.Take(graph.Propose([new ClusterWeight(cluster, 1)], 0, 0, into, new int[ClusterGraph.ScratchLength(100)])).Select(static c => System.Text.Encoding.UTF8.GetString(c.Id.Span))];
    }

    private static ActionKey Some(Random random, ClusterGraph graph)
    {
        var into = new Candidate[1 + random.Next(30)];
        var count = graph.Propose([new ClusterWeight(random.Next(graph.Clusters), 1)], 0, 0, into, new int[ClusterGraph.ScratchLength(into.Length)]);
        return count == 0 ? default : into[count - 1].Key;
    }

    // Half of them on a grid: many are equally near to a cluster.
    private static CatalogueItem Item(Random random, int number) => NaiveGraph.Item(
        $"item-{number}",
        random.Next(10) == 0 ? [] : random.Next(2) == 0 ? [random.Next(4), random.Next(4), random.Next(4)] : [.. Enumerable.Range(0, 3).Select(_ => random.NextSingle() - 0.4f)],
        random.Next(8) == 0 ? 100 : null);

    private static GraphPlan Plan(Random random, int clusters, bool rows) => new(
        4, [.. Enumerable.Range(0, clusters).Select(_ => Enumerable.Range(0, 3).Select(_ => random.NextSingle() - 0.5f).ToArray())],
        [.. Enumerable.Range(0, clusters).Select(static c => 5 + (7 * c % 100))],
        rows ? [.. Enumerable.Range(0, clusters).Select(_ => (IReadOnlyList<ActionKey>)[.. Enumerable.Range(0, random.Next(20)).Select(_ => Item(random, random.Next(2000)).Key)])] : null);

    private static Gen<GraphPlan> Plans(Catalogues.Sample sample) => Gen.Select(Gen.Bool, Gen.Bool, Gen.Int[0, 59].Array[0, 15].Array[sample.Centroids.Length]).Select((ids, given, rows) => new GraphPlan(
        9, sample.Centroids, ids ? [.. sample.Centroids.Select(static (_, c) => 100 - (3 * c))] : [],
        given ? [.. rows.Select(static row => (IReadOnlyList<ActionKey>)[.. row.Select(static i => NaiveGraph.Item($"item-{i}", []).Key)])] : null));

    private sealed record History(Catalogues.Sample Sample, GraphPlan Plan, (int Number, int What, int Other)[][] Steps);
}
