using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Learner.Simulation.Rivals;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>What the estimates say of one item that pays the same to everybody, divided by what it pays: 1 for an estimate that is calibrated.</summary>
/// <param name="EffectiveClusters">Mean of 1 / Σ w²: over how many clusters a user is spread.</param>
/// <param name="Diagonal">Mean estimate over truth of <c>diag-lin-ucb</c> with <c>estimate=diagonal</c>.</param>
/// <param name="Calibrated">The same with <c>estimate=calibrated</c>.</param>
/// <param name="Pooled">The same with <c>estimate=pooled</c>.</param>
/// <param name="Exact">The same of exact LinUCB.</param>
public sealed record ConstantRewardProbe(double EffectiveClusters, double Diagonal, double Calibrated, double Pooled, double Exact)
{
    private const int Clusters = 50, Dimension = 16, Events = 20_000, Judged = 2000;
    private const float Reward = 0.3f;
    private const double UserNoise = 0.15;
    private const ulong ProbePurpose = 9;

    /// <summary>
    /// Runs it: one item with an edge to every of fifty clusters, 20,000 noise-free events of users near a random cluster, then the mean estimate for 2,000 more.
    /// </summary>
    /// <param name="clustersPerUser">K, 1 to 50.</param>
    /// <param name="temperature">Of the softmax over cosines.</param>
    /// <param name="seed">Of clusters and users.</param>
    public static ConstantRewardProbe Run(int clustersPerUser, double temperature, long seed)
    {
        var random = SeededRandom.For(seed, ProbePurpose);
        var centroids = Enumerable.Range(0, Clusters).Select(_ => Direction(random)).ToArray();
        var graph = GraphBuilder.Build(centroids, [], 1);
        var item = ActionKey.Of("item");
        ISimulatedPolicy Edges(string estimate) => RivalCatalog.Create(
            "diag-lin-ucb", [KeyValuePair.Create("estimate", estimate), KeyValuePair.Create("priorWeight", "0.000001")], new FeatureSchema());
        ISimulatedPolicy[] policies =
        [
            Edges("diagonal"), Edges("calibrated"), Edges("pooled"),
            RivalCatalog.Create("exact-lin-ucb", [KeyValuePair.Create("priorWeight", "0.000001"), KeyValuePair.Create("prior", "zero")], new FeatureSchema()),
        ];
        double effective = 0;
        var log = new Interaction[Events];
        for (var i = 0; i < Events; i++)
        {
            var weights = Membership(graph, Direction(random, centroids[random.NextInteger(Clusters)]), clustersPerUser, temperature);
            effective += 1 / weights.Sum(static w => (double)w.Weight * w.Weight) / Events;
            log[i] = new Interaction(FeatureSet.Empty, item, FeatureSet.Empty, weights, 1, Reward, 0);
        }
        var sums = new double[policies.Length];
        foreach (var policy in policies)
        {
            policy.Learn(log);
            policy.Publish();
        }
        Candidate[] candidate = [new("item"u8.ToArray(), item, FeatureSet.Empty)];
        float[] mean = [0], width = [0];
        for (var i = 0; i < Judged; i++)
        {
            var weights = Membership(graph, Direction(random, centroids[random.NextInteger(Clusters)]), clustersPerUser, temperature);
            for (var p = 0; p < policies.Length; p++)
            {
                policies[p].Policy.Estimate(new DecisionQuery(FeatureSet.Empty, candidate, weights), mean, width);
                sums[p] += mean[0] / Reward / Judged;
            }
        }
        return new ConstantRewardProbe(effective, sums[0], sums[1], sums[2], sums[3]);
    }

    /// <summary>A random direction, or one near another.</summary>
    private static float[] Direction(SeededRandom random, float[]? near = null) =>
        SphericalKMeans.Direction([.. Enumerable.Range(0, Dimension).Select(k => (float)(near is null ? random.NextNormal() : near[k] + UserNoise * random.NextNormal()))])!;

    private static ClusterWeight[] Membership(ClusterGraph graph, float[] user, int clustersPerUser, double temperature)
    {
        var into = new ClusterWeight[clustersPerUser];
        return into[..graph.AssignClusters(user, clustersPerUser, temperature, into)];
    }
}
