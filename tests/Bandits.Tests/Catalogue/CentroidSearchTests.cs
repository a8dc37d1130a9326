using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>The nearest of many centroids, found through two levels, against all of them.</summary>
public sealed class CentroidSearchTests
{
    private const int Clusters = 4000, Dimension = 32, PerUser = 5;

    [Fact]
    public void Search_through_two_levels_finds_what_is_nearest_where_centroids_lie_in_groups()
    {
        var random = new Random(3);
        var topics = Enumerable.Range(0, 80).Select(_ => Direction(random)).ToArray();
        float[] Around() => Near(random, topics[random.Next(topics.Length)], 0.8f);
        var recall = Recall([.. Enumerable.Range(0, Clusters).Select(_ => Around())], [.. Enumerable.Range(0, 300).Select(_ => Around())]);
        Assert.True(recall >= 0.98, $"recall {recall}");
    }

    [Fact]
    public void Search_through_two_levels_still_finds_much_where_nothing_lies_in_groups()
    {
        var random = new Random(4);
        var recall = Recall([.. Enumerable.Range(0, Clusters).Select(_ => Direction(random))], [.. Enumerable.Range(0, 300).Select(_ => Direction(random))]);
        Assert.True(recall is >= 0.4 and < 1, $"recall {recall}");
    }

    [Fact]
    public void Search_through_two_levels_takes_zeros_copies_and_many_clusters_per_user()
    {
        var random = new Random(5);
        var few = Enumerable.Range(0, 7).Select(_ => Direction(random)).Append(new float[Dimension]).ToArray();
        var graph = GraphBuilder.Build([.. Enumerable.Range(0, Clusters).Select(c => few[c % 8])], [], 1);
        var into = new ClusterWeight[DecisionQuery.ClustersMax];
        // The copies of one centroid are equally near: the first of them.
        Assert.Equal(into.Length, graph.AssignClusters(few[3], into.Length, 1, into));
        Assert.Equal(Enumerable.Range(0, into.Length).Select(static i => 3 + (8 * i)), into.Select(static c => c.Cluster));
        // No direction anywhere: every cluster is as near as any other, the first ones share.
        Assert.Equal(3, GraphBuilder.Build([.. Enumerable.Range(0, Clusters).Select(static _ => new float[Dimension])], [], 1).AssignClusters([], 3, 1, into));
        Assert.Equal([0, 1, 2], into[..3].Select(static c => c.Cluster));
        Assert.Equal(0, Allocation.Least(() => graph.AssignClusters(few[3], PerUser, 0.1, into)));
    }

    [Fact]
    public void Clusters_rank_items_by_their_own_centroid_however_centroids_are_searched()
    {
        var random = new Random(6);
        var centroids = Enumerable.Range(0, 2200).Select(_ => Near(random, new float[4], 1)).ToArray();
        var items = Enumerable.Range(0, 60).Select(i => NaiveGraph.Item($"i{i}", Near(random, new float[4], 1))).ToArray();
        var graph = GraphBuilder.Build(centroids, items, 3);
        var naive = new NaiveGraph(centroids, items, 3);
        var (into, scratch) = (new Candidate[3], new int[ClusterGraph.ScratchLength(3)]);
        for (var c = 0; c < centroids.Length; c++)
        {
            Assert.Equal(3, graph.Propose([new ClusterWeight(c, 1)], 0, 0, into, scratch));
            Assert.Superset(into.Take(2).Select(static i => i.Key).ToHashSet(), naive.Rows[c].Select(static i => i.Key).ToHashSet());
        }
        GraphChangeTests.AssertSame(GraphBuilder.Build(centroids, items[5..], 3), graph.With([], [.. items[..5].Select(static i => i.Key)]));
    }

    private static double Recall(float[][] centroids, float[][] users)
    {
        var graph = GraphBuilder.Build(centroids, [], 1);
        var into = new ClusterWeight[PerUser];
        double found = 0;
        foreach (var user in users)
        {
            var count = graph.AssignClusters(user, PerUser, 100, into);
            var nearest = Enumerable.Range(0, centroids.Length).OrderByDescending(c => centroids[c].Zip(user).Sum(static p => (double)p.First * p.Second)).Take(PerUser).ToHashSet();
            found += into.Take(count).Count(c => nearest.Contains(c.Cluster));
        }
        return found / (users.Length * PerUser);
    }

    private static float[] Direction(Random random) => SphericalKMeans.Direction(Near(random, new float[Dimension], 1))!;

    /// <summary>A direction off by a normal vector of a length relative to 1.</summary>
    private static float[] Near(Random random, float[] from, float distance) =>
        SphericalKMeans.Direction([.. from.Select(v => v + (float)(MathNet.Numerics.Distributions.Normal.Sample(random, 0, 1) * distance / Math.Sqrt(from.Length)))])!;
}
