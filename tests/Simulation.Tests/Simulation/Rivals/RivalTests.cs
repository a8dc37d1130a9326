using System.Text;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Recsys.Learner.Simulation.Rivals;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation.Rivals;

/// <summary>Every rival against its equation, solved without what makes it fast.</summary>
public sealed class RivalTests
{
    private const int Clusters = 6;

    public static TheoryData<string> Names => [.. RivalCatalog.Rivals.Keys];

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(0.01, false, false)]
    [InlineData(1, true, false)]
    [InlineData(1, false, true)]
    [InlineData(0.5, true, true)]
    public void Exact_LinUcb_solves_ridge_regression_with_the_whole_matrix(double priorWeight, bool towardsMean, bool normalized)
    {
        var random = new SeededRandom(1);
        var rival = new ExactLinUcb(priorWeight, towardsMean, normalized);
        double[] Weights(IEnumerable<ClusterWeight> clusters)
        {
            var weights = Dense(clusters);
            return normalized ? Array.ConvertAll(weights, w => w / weights.Sum()) : weights;
        }

        var log = Enumerable.Range(0, 400).Select(_ => Random(random)).ToList();
        log.ForEach(rival.Learn);
        var rewards = (log.Sum(static x => x.Reward) + 5.0) / (log.Count + 10);
        var offDiagonal = 0.0;
        for (var trial = 0; trial < 100; trial++)
        {
            var clusters = Membership(random);
            // Item 9 was never shown.
            Candidate[] candidates = [.. Enumerable.Range(0, 10).Select(i => Item(i, 1 + (ulong)random.NextInteger((1 << clusters.Length) - 1)))];
            var (means, widths) = Estimate(rival, default, candidates, clusters);
            for (var j = 0; j < candidates.Length; j++)
            {
                var weights = Weights(clusters.Where((_, i) => (candidates[j].ClusterMask >> i & 1) != 0));
                var matrix = new double[Clusters, Clusters];
                var sums = new double[Clusters];
                for (var c = 0; c < Clusters; c++)
                {
                    matrix[c, c] = priorWeight;
                    // The prior as what it says: d0 imaginary rewards of the mean in every cluster.
                    sums[c] = towardsMean ? priorWeight * rewards : 0;
                }
                foreach (var seen in log.Where(x => x.Action == candidates[j].Key))
                {
                    var w = Weights(seen.Clusters.ToArray());
                    for (var row = 0; row < Clusters; row++)
                    {
                        sums[row] += w[row] * seen.Reward;
                        for (var column = 0; column < Clusters; column++)
                            matrix[row, column] += w[row] * w[column];
                        offDiagonal = Math.Max(offDiagonal, Math.Abs(matrix[row, (row + 1) % Clusters]));
                    }
                }
                Assert.Equal(Dot(weights, Solve(matrix, sums)), means[j], 1e-5);
                Assert.Equal(Math.Sqrt(rewards * (1 - rewards) * Dot(weights, Solve(matrix, weights))), widths[j], 1e-4);
            }
        }
        Assert.True(offDiagonal > 1, "the matrices are diagonal: nothing was tested");
    }

    [Fact]
    public void Ucb1_has_the_index_of_the_paper_on_the_items_of_the_nearest_cluster_and_no_others()
    {
        var rival = new Ucb1();
        ClusterWeight[] near0 = [new(0, 0.7f), new(1, 0.3f)], near1 = [new(0, 0.4f), new(1, 0.6f)];
        for (var i = 0; i < 12; i++)
            rival.Learn(Shown(0, i < 3 ? 1 : 0, near0));
        for (var i = 0; i < 4; i++)
            rival.Learn(Shown(1, 1, near0));
        for (var i = 0; i < 5; i++)
            rival.Learn(Shown(0, 1, near1));

        Candidate[] candidates = [Item(0), Item(1), Item(2), Item(3, mask: 0b10)];
        var (means, widths) = Estimate(rival, default, candidates, near0);
        Assert.Equal([0.25f, 1, 0, -1], means);
        Assert.Equal(Math.Sqrt(2 * Math.Log(16) / 12), widths[0], 1e-6);
        Assert.Equal(Math.Sqrt(2 * Math.Log(16) / 4), widths[1], 1e-6);
        Assert.Equal(0, widths[3]);
        var policy = RivalCatalog.Create("ucb1", [], new FeatureSchema()).Policy;
        Assert.Equal([0, 0, 1, 0], Distribute(policy, means, widths));

        (means, widths) = Estimate(rival, default, candidates[..1], near1);
        Assert.Equal(1, means[0]);
        Assert.Equal(Math.Sqrt(2 * Math.Log(5) / 5), widths[0], 1e-6);
    }

    [Fact]
    public void Greedy_two_tower_picks_the_largest_inner_product()
    {
        var random = new SeededRandom(2);
        var policy = RivalCatalog.Create("greedy-two-tower", [], new FeatureSchema(ContextVector: 3, ActionVector: 3)).Policy;
        float[] Vector() => [.. Enumerable.Range(0, 3).Select(_ => (float)random.NextNormal())];
        for (var trial = 0; trial < 50; trial++)
        {
            var user = Vector();
            var vectors = Enumerable.Range(0, 7).Select(_ => Vector()).ToArray();
            Candidate[] candidates = [.. vectors.Select((v, i) => Item(i) with { Features = new FeatureSet(default, v) })];
            var (means, widths) = Estimate(policy, new FeatureSet(default, user), candidates, [new(0, 1)]);
            var best = Enumerable.Range(0, 7).MaxBy(i => user.Zip(vectors[i], static (x, y) => (double)x * y).Sum());
            Assert.Equal(1, Distribute(policy, means, widths)[best]);
        }
        Assert.Throws<SimulationOptionsException>(static () => RivalCatalog.Create("greedy-two-tower", [], new FeatureSchema(ContextVector: 64)));
    }

    [Theory]
    [InlineData("diagonal")]
    [InlineData("calibrated")]
    [InlineData("pooled")]
    public void Epsilon_greedy_edges_has_the_means_of_diag_lin_ucb(string estimate)
    {
        var random = new SeededRandom(3);
        KeyValuePair<string, string> chosen = KeyValuePair.Create("estimate", estimate);
        var rival = RivalCatalog.Create("epsilon-greedy-edges", [chosen, KeyValuePair.Create("epsilon", "0.2")], new FeatureSchema());
        var diag = RivalCatalog.Create("diag-lin-ucb", [chosen], new FeatureSchema());
        Interaction[] log = [.. Enumerable.Range(0, 300).Select(_ => Random(random))];
        foreach (var policy in new[] { rival, diag })
        {
            policy.Learn(log);
            policy.Publish();
        }
        Candidate[] candidates = [.. Enumerable.Range(0, 10).Select(i => Item(i))];
        var clusters = Membership(random);
        var (means, widths) = Estimate(rival.Policy, default, candidates, clusters);
        Assert.Equal(Estimate(diag.Policy, default, candidates, clusters).Means, means);
        var best = Array.IndexOf(means, means.Max());
        Assert.Equal(Enumerable.Range(0, 10).Select(i => i == best ? 0.82f : 0.02f), Distribute(rival.Policy, means, widths), static (x, y) => Math.Abs(x - y) < 1e-6f);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Rivals_meet_the_same_users_run_the_same_again_and_cannot_be_served(string name)
    {
        Assert.DoesNotContain(name, PolicyCatalog.Kinds.Keys);
        var settings = ToyWorldSettings.Default with { Items = 200, Clusters = 8, ItemsPerCluster = 20 };
        var options = new CatalogueOptions(name, Rounds: 1000, Seed: 5, Delay: 3, Batch: 2);
        CatalogueResult Run(string policy)
        {
            var world = new ToyWorld(settings with { Context = RivalCatalog.ContextOf(policy, settings.Context) }, 5);
            return CatalogueSimulation.Run(world, options with { Policy = policy });
        }

        var result = Run(name);
        Assert.Equal(Results.Repeatable(result), Results.Repeatable(Run(name)));
        Assert.Equal((Run("uniform").UniformReward, Run("uniform").BestReward), (result.UniformReward, result.BestReward));
        if (name == "random")
            Assert.Equal(0, result.Attained, 0.05);
        else
            Assert.True(result.Attained > 0.05, $"attained {result.Attained}");
    }

    [Fact]
    public void Create_names_everything_that_is_wrong()
    {
        string Message(string policy, params (string, string)[] set) => Assert.Throws<SimulationOptionsException>(
            () => RivalCatalog.Create(policy, [.. set.Select(static s => KeyValuePair.Create(s.Item1, s.Item2))], new FeatureSchema())).Message;
        Assert.Contains("exact-lin-ucb", Message("nope"), StringComparison.Ordinal);
        Assert.Contains("diag-lin-ucb", Message("nope"), StringComparison.Ordinal);
        Assert.Contains("Known: scale", Message("ucb1", ("alpha", "1")), StringComparison.Ordinal);
        Assert.Contains("Known: none", Message("random", ("alpha", "1")), StringComparison.Ordinal);
        Assert.Contains("'scale' must be", Message("ucb1", ("scale", "-1")), StringComparison.Ordinal);
    }

    [Fact]
    public void Curve_is_evenly_spaced_and_ends_where_the_run_does()
    {
        var world = new ToyWorld(ToyWorldSettings.Default with { Items = 200, Clusters = 8, ItemsPerCluster = 20 }, 1);
        var curve = new List<CurvePoint>();
        var result = CatalogueSimulation.Run(world, new CatalogueOptions("diag-lin-ucb", Rounds: 450, Seed: 1, Batch: 10), curve: curve);
        Assert.Equal(Enumerable.Range(1, 150).Select(static i => 3L * i), curve.Select(static p => p.Rounds));
        Assert.Equal(result.Attained, curve[^1].Value);
        Assert.Equal(150, curve.Select(static p => p.Value).Distinct().Count());

        curve.Clear();
        CatalogueSimulation.Run(world, new CatalogueOptions("random", Rounds: 401, Seed: 1), curve: curve);
        Assert.Equal([399L, 401L], curve.TakeLast(2).Select(static p => p.Rounds));
        Assert.Equal("rounds,attained\n3,-0.5\n1000,0.123457\n", CurveFile.Text("attained", [new(3, -0.5), new(1000, 0.1234567)]));
    }

    private static Interaction Random(SeededRandom random) => Shown(random.NextInteger(9), random.NextInteger(2), Membership(random));

    private static ClusterWeight[] Membership(SeededRandom random)
    {
        var order = Enumerable.Range(0, Clusters).ToArray();
        random.Shuffle(order);
        var weights = order.Take(1 + random.NextInteger(4)).Select(c => (Cluster: c, Weight: 0.05 + random.NextUniform())).ToArray();
        return [.. weights.Select(w => new ClusterWeight(w.Cluster, (float)(w.Weight / weights.Sum(static x => x.Weight))))];
    }

    private static Candidate Item(int number, ulong mask = ulong.MaxValue) => new(Encoding.UTF8.GetBytes($"i{number}"), ActionKey.Of($"i{number}"), default, mask);

    private static Interaction Shown(int item, float reward, ClusterWeight[] clusters) => new(default, ActionKey.Of($"i{item}"), default, clusters, 1, reward, 0);

    private static (float[] Means, float[] Widths) Estimate(ILiveEstimator rival, FeatureSet context, Candidate[] candidates, ClusterWeight[] clusters)
    {
        float[] means = new float[candidates.Length], widths = new float[candidates.Length];
        rival.Estimate(new DecisionQuery(context, candidates, clusters), means, widths);
        return (means, widths);
    }

    private static (float[] Means, float[] Widths) Estimate(IPolicy policy, FeatureSet context, Candidate[] candidates, ClusterWeight[] clusters)
    {
        float[] means = new float[candidates.Length], widths = new float[candidates.Length];
        policy.Estimate(new DecisionQuery(context, candidates, clusters), means, widths);
        return (means, widths);
    }

    private static float[] Distribute(IPolicy policy, float[] means, float[] widths)
    {
        var propensities = new float[means.Length];
        policy.Distribute(means, widths, propensities);
        return propensities;
    }

    private static double[] Dense(IEnumerable<ClusterWeight> weights)
    {
        var dense = new double[Clusters];
        foreach (var (cluster, weight) in weights)
            dense[cluster] = weight;
        return dense;
    }

    private static double Dot(double[] x, double[] y) => x.Zip(y, static (a, b) => a * b).Sum();

    /// <summary>Gauss and Jordan; the matrices are positive definite, so no pivot is zero.</summary>
    private static double[] Solve(double[,] matrix, double[] right)
    {
        var (a, x) = ((double[,])matrix.Clone(), (double[])right.Clone());
        for (var pivot = 0; pivot < x.Length; pivot++)
        {
            for (var row = 0; row < x.Length; row++)
            {
                if (row == pivot)
                    continue;
                var factor = a[row, pivot] / a[pivot, pivot];
                for (var column = 0; column < x.Length; column++)
                    a[row, column] -= factor * a[pivot, column];
                x[row] -= factor * x[pivot];
            }
        }
        return [.. x.Select((value, i) => value / a[i, i])];
    }
}
