using CsCheck;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>Online Matching eq. 10 against a naive softmax.</summary>
public sealed class AssignClustersTests
{
    [Fact]
    public void AssignClusters_agrees_with_the_naive_softmax() =>
        Gen.Select(Gen.Float[-1, 1].Array[3].Where(static v => v.Any(static x => Math.Abs(x) > 0.1)).Array[1, 30], Gen.Float[-1, 1].Array[3].Where(static v => v.Any(static x => Math.Abs(x) > 0.1)), Gen.Int[1, 40], Gen.Double[0.02, 3]).Sample(
            static (centroids, user, perUser, temperature) =>
            {
                var graph = GraphBuilder.Build(centroids, [], 1);
                var into = new ClusterWeight[perUser];
                var assigned = into.AsSpan(0, graph.AssignClusters(user, perUser, temperature, into)).ToArray();
                var naive = new NaiveGraph(centroids, [], 1).Assign(user, perUser, temperature);
                // A weight that rounding puts on one side of the bound or the other is neither right nor wrong.
                if (naive.Count != assigned.Length)
                {
                    Assert.InRange(naive.Concat(assigned.Select(static a => (a.Cluster, Weight: (double)a.Weight))).Min(static x => x.Weight), 0.0099, 0.0105);
                    return;
                }
                Assert.Equal(1, assigned.Sum(static a => (double)a.Weight), 6);
                for (var i = 0; i < assigned.Length; i++)
                {
                    Assert.InRange(assigned[i].Weight, 0.0099f, 1);
                    Assert.Equal(naive[i].Weight, assigned[i].Weight, 2e-4);
                    Assert.True(i == 0 || assigned[i - 1].Weight >= assigned[i].Weight);
                }
                Assert.Equal(assigned.Length, assigned.Select(static a => a.Cluster).Distinct().Count());
            },
            seed: "0000000000000", iter: 3000, threads: 1);

    [Theory]
    [InlineData(1e-18f)]
    [InlineData(1e-3f)]
    [InlineData(1e6f)]
    [InlineData(1e18f)]
    public void AssignClusters_depends_on_the_direction_alone(float length)
    {
        var graph = GraphBuilder.Build([[1, 0], [0.6f, 0.8f], [-1, 0.1f]], [], 1);
        Assert.Equal(Assign(graph, [0.9f, 0.3f]).Select(static a => (a.Cluster, Math.Round(a.Weight, 5))), Assign(graph, [0.9f * length, 0.3f * length]).Select(static a => (a.Cluster, Math.Round(a.Weight, 5))));
    }

    [Fact]
    public void AssignClusters_of_a_user_without_direction_is_that_of_the_mean_direction()
    {
        var graph = GraphBuilder.Build([[2, 0], [0, 5], [-1, 0.1f]], [], 1);
        var mean = new float[] { 0.00498f, 1.0995f };
        Assert.Equal(Assign(graph, mean).Select(static a => a.Cluster), Assign(graph, []).Select(static a => a.Cluster));
        Assert.Equal(Assign(graph, []), Assign(graph, [0, 0]));
        Assert.Equal(Assign(graph, []), Assign(graph, [1e30f, -1e30f]));
    }

    [Fact]
    public void AssignClusters_where_nothing_is_nearer_shares_evenly_and_takes_the_first()
    {
        var opposite = GraphBuilder.Build([[1, 0], [-1, 0], [0, 0]], [], 1);
        Assert.Equal([new(0, 0.5f), new(1, 0.5f)], Assign(opposite, [], perUser: 2));
        var same = GraphBuilder.Build([[1, 1], [2, 2], [1, 1]], [], 1);
        Assert.Equal([0, 1, 2], Assign(same, [1, 0]).Select(static a => a.Cluster));
    }

    [Fact]
    public void AssignClusters_without_centroids_is_cluster_0_for_everybody() =>
        Assert.Equal([new ClusterWeight(0, 1)], Assign(ClusterGraph.Empty, [1, 2, 3]));

    [Fact]
    public void AssignClusters_refuses_vectors_buffers_and_settings_that_do_not_fit()
    {
        var graph = GraphBuilder.Build([[1, 0], [0, 1]], [], 1);
        Assert.Throws<ArgumentException>(() => graph.AssignClusters([1], 2, 1, new ClusterWeight[2]));
        Assert.Throws<ArgumentException>(() => graph.AssignClusters([1, 0], 2, 1, new ClusterWeight[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => graph.AssignClusters([1, 0], 0, 1, new ClusterWeight[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => graph.AssignClusters([1, 0], 1, 0, new ClusterWeight[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => graph.AssignClusters([1, 0], 1, double.NaN, new ClusterWeight[2]));
    }

    [Fact]
    public void AssignClusters_allocates_nothing()
    {
        var graph = GraphBuilder.Build([[1, 0], [0, 1], [1, 1]], [], 1);
        float[] user = [0.3f, 0.4f];
        var into = new ClusterWeight[3];
        Assert.Equal(0, Allocation.Least(() => graph.AssignClusters(user, 3, 0.1, into)));
    }

    private static ClusterWeight[] Assign(ClusterGraph graph, float[] user, int perUser = 3)
    {
        var into = new ClusterWeight[perUser];
        return into[..graph.AssignClusters(user, perUser, 0.5, into)];
    }
}
