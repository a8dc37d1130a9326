using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Decisions.Tests;

/// <summary>The budget of a catalogue decision where clusters are many, have ids of their own and edges from elsewhere, and items have come and gone: nothing is allocated.</summary>
public sealed class GraphAllocationTests
{
    private const int Clusters = 3000, Items = 2000, Dimension = 4, PerUser = 5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Clusters_and_candidates_of_a_user_allocate_nothing(bool given)
    {
        var random = new Random(8);
        var items = Enumerable.Range(0, Items).Select(i => Item(i, i % 10 == 0 ? [] : Vector(random))).ToArray();
        var plan = new GraphPlan(
            1, [.. Enumerable.Range(0, Clusters).Select(_ => Vector(random))], [.. Enumerable.Range(0, Clusters).Select(static c => 7 * c)],
            given ? [.. Enumerable.Range(0, Clusters).Select(_ => (IReadOnlyList<ActionKey>)[.. Enumerable.Range(0, 30).Select(_ => items[random.Next(Items / 2)].Key)])] : null);
        var graph = GraphBuilder.Build(plan, items, 40).With([Item(Items, Vector(random)), items[7]], [items[3].Key, items[11].Key]);
        var user = Vector(random);
        var (clusters, into, scratch) = (new ClusterWeight[PerUser], new Candidate[300], new int[ClusterGraph.ScratchLength(300)]);
        var (proposed, least) = (0, long.MaxValue);
        // What the runtime does once may fall into any call; what a call itself allocates is there in every one of them.
        for (var i = 0; i < 100; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var count = graph.AssignClusters(user, PerUser, 10, clusters);
            proposed = graph.Propose(clusters.AsSpan(0, count), 0, (ulong)i, into, scratch);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
        Assert.InRange(proposed, 40, 300);
        Assert.All(clusters, static c => Assert.Equal(0, c.Cluster % 7));
    }

    private static CatalogueItem Item(int number, float[] vector)
    {
        var id = System.Text.Encoding.UTF8.GetBytes("item-" + number);
        return new CatalogueItem(id, ActionKey.Of(id), new FeatureSet(default, vector), []);
    }

    private static float[] Vector(Random random) => [.. Enumerable.Range(0, Dimension).Select(_ => random.NextSingle() - 0.5f)];
}
