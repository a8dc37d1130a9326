using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>What serving reads out of the sums, against the equations.</summary>
public sealed class DiagLinUcbEstimateTests
{
    [Theory]
    [InlineData("diagonal", "1")]
    [InlineData("diagonal", "0.01")]
    [InlineData("calibrated", "1")]
    [InlineData("calibrated", "5")]
    public void Estimate_agrees_with_the_equations(string estimate, string priorWeight)
    {
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("estimate", estimate), ("priorWeight", priorWeight));
        var interactions = EdgeLogs.Random(3000, 1);
        var policy = Shards.Assemble(spec, interactions);
        var naive = new NaiveEdges(interactions);
        var random = new Random(2);
        var fresh = 0;
        for (var trial = 0; trial < 300; trial++)
        {
            var clusters = EdgeLogs.Clusters(random);
            var candidates = Enumerable.Range(0, 8).Select(_ => Shards.Candidate($"a{random.Next(30)}", default, (ulong)random.Next(1, 1 << clusters.Length))).ToArray();
            var (means, widths) = Shards.Estimate(policy, default, candidates, clusters);
            for (var j = 0; j < candidates.Length; j++)
            {
                var connected = clusters.Where((_, i) => (candidates[j].ClusterMask >> i & 1) != 0).ToArray();
                var d0 = double.Parse(priorWeight, System.Globalization.CultureInfo.InvariantCulture);
                var expected = estimate == "diagonal" ? naive.Diagonal(candidates[j].Key, connected, d0) : naive.Calibrated(candidates[j].Key, connected, d0);
                fresh += expected is null ? 1 : 0;
                Assert.Equal(expected?.Mean ?? (estimate == "diagonal" ? 0 : naive.MeanReward), means[j], 1e-4);
                // Fresh: what every prior says, and the mark of it.
                Assert.Equal(expected?.Width ?? DiagLinUcbEstimator.FreshWidth + naive.Noise / Math.Sqrt(d0), widths[j], 2e-4);
            }
        }
        Assert.InRange(fresh, 10, 2000);
    }

    [Fact]
    public void Estimate_with_one_cluster_is_LinUCB_with_one_feature_in_units_of_the_noise()
    {
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("estimate", "diagonal"), ("priorWeight", "2"));
        var policy = Shards.Assemble(spec, Enumerable.Range(0, 10).Select(static i => EdgeLogs.Interaction("a", i < 3 ? 1 : 0, new ClusterWeight(0, 1))));
        var (means, widths) = Shards.Estimate(policy, default, [Shards.Candidate("a")]);
        Assert.Equal(3.0 / 12, means[0], 1e-6);
        var p = (3 + 5) / 20.0;
        Assert.Equal(Math.Sqrt(p * (1 - p) / 12), widths[0], 1e-6);
    }

    [Theory]
    [InlineData("diagonal", 3.0)]
    [InlineData("calibrated", 1.0)]
    public void Diagonal_overstates_spread_users_and_calibrated_does_not(string estimate, double inflation)
    {
        // Constant reward 0.5, three clusters with equal weights: 1 / Σ w² = 3.
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("estimate", estimate), ("priorWeight", "0.000001"));
        ClusterWeight[] clusters = [new(0, 1f / 3), new(1, 1f / 3), new(2, 1f / 3)];
        var policy = Shards.Assemble(spec, Enumerable.Range(0, 500).Select(_ => EdgeLogs.Interaction("a", 0.5f, clusters)));
        Assert.Equal(0.5 * inflation, Shards.Estimate(policy, default, [Shards.Candidate("a")], clusters).Means[0], 1e-3);
    }

    [Theory]
    [InlineData("optimistic", 0.3)]
    [InlineData("thompson", 0.3)]
    [InlineData("top-k", 0.8)]
    public void Fresh_actions_get_their_share_and_share_it(string selection, double share)
    {
        var spec = Shards.Spec(
            "diag-lin-ucb", null, null, ("selection", selection), ("unexploredShare", share.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("floor", "0.03"));
        var policy = Shards.Assemble(spec, Enumerable.Range(0, 200).Select(static i => EdgeLogs.Interaction("known", 1, new ClusterWeight(0, 1))));
        Candidate[] candidates = [Shards.Candidate("known"), Shards.Candidate("fresh"), Shards.Candidate("fresh too")];
        var (means, widths) = Shards.Estimate(policy, default, candidates);
        var p = new float[3];
        policy.Distribute(means, widths, p);
        Assert.Equal(p[1], p[2]);
        Assert.Equal(0.97 * share / 2 + 0.01, p[1], 1e-6);
        Assert.Equal(0.97 * (1 - share) + 0.01, p[0], 1e-6);
    }

    [Fact]
    public void Top_k_picks_evenly_among_as_many_actions_as_it_is_told()
    {
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("selection", "top-k"), ("topK", "2"), ("floor", "0.3"), ("alpha", "0"));
        var policy = Shards.Assemble(spec, Enumerable.Range(0, 300).Select(static i => EdgeLogs.Interaction("a" + i % 3, i % 3 == 0 ? 0 : 1, new ClusterWeight(0, 1))));
        var (means, widths) = Shards.Estimate(policy, default, [Shards.Candidate("a0"), Shards.Candidate("a1"), Shards.Candidate("a2")]);
        var p = new float[3];
        policy.Distribute(means, widths, p);
        Assert.Equal([0.1f, 0.45f, 0.45f], p);
    }

    [Fact]
    public void Actions_without_an_edge_are_not_sought_once_every_partition_is_full()
    {
        var spec = Shards.Spec("diag-lin-ucb", null, null, ("edgesMax", "2"), ("selection", "optimistic"));
        var full = Enumerable.Range(0, 60).Select(static i => EdgeLogs.Interaction("a" + i % 3, i % 3 == 0 ? 1 : 0, new ClusterWeight(0, 1))).ToArray();
        Candidate[] candidates = [Shards.Candidate("a0"), Shards.Candidate("a1"), Shards.Candidate("a2")];
        var p = new float[3];

        var stuck = Shards.Assemble(spec, full, full);
        var (means, widths) = Shards.Estimate(stuck, default, candidates);
        stuck.Distribute(means, widths, p);
        Assert.Equal(0, widths[2]);
        Assert.True(p[0] > 0.99, $"{p[0]}");

        // A partition with room can learn about it.
        var open = Shards.Assemble(spec, full, full[..1]);
        (means, widths) = Shards.Estimate(open, default, candidates);
        open.Distribute(means, widths, p);
        Assert.Equal(0.99 * 0.3 + 0.01 / 3, p[2], 1e-6);
    }
}
