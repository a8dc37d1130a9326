using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>What any implementation of Online Matching must pass: what the diagonal is, what the sums survive, how wrong means and widths are.</summary>
public sealed class SpecificationTests
{
    private const double PriorWeight = 2;

    [Fact]
    public void With_one_cluster_per_user_it_is_a_UCB_for_every_cluster_and_item()
    {
        var random = new Random(1);
        Interaction[] log = [.. Enumerable.Range(0, 2000).Select(_ => EdgeLogs.Interaction($"a{random.Next(12)}", random.Next(2), new ClusterWeight(random.Next(5), 1)))];
        var table = Table(log);
        var pulls = new Dictionary<(int, ActionKey), (int Count, double Reward)>();
        foreach (var shown in log)
        {
            var arm = (shown.Clusters.Span[0].Cluster, shown.Action);
            var (count, reward) = pulls.GetValueOrDefault(arm);
            pulls[arm] = (count + 1, reward + shown.Reward);
        }
        Assert.Equal(pulls.Count, table.Current.Keys.Length);
        for (var i = 0; i < table.Current.Keys.Length; i++)
        {
            var (count, reward) = pulls[(table.Current.Keys[i].Cluster, table.Current.Keys[i].Action)];
            var (mean, width) = Diagonal(table.Current.Sums[i]);
            Assert.Equal(reward / (count + PriorWeight), mean, 1e-12);
            Assert.Equal(1 / Math.Sqrt(count + PriorWeight), width, 1e-12);
        }

        // What is served is the same in single precision, and so is the choice.
        const double Alpha = 0.7;
        var policy = Shards.Assemble(
            Shards.Spec("diag-lin-ucb", null, null, ("estimate", "diagonal"), ("priorWeight", "2"), ("selection", "optimistic"), ("alpha", "0.7"), ("floor", "0")), log);
        var noise = Math.Sqrt((log.Sum(static x => x.Reward) + 5.0) / 2010 * (1 - (log.Sum(static x => x.Reward) + 5.0) / 2010));
        Candidate[] candidates = [.. Enumerable.Range(0, 12).Select(static i => Shards.Candidate($"a{i}"))];
        for (var cluster = 0; cluster < 5; cluster++)
        {
            var (means, widths) = Shards.Estimate(policy, default, candidates, [new ClusterWeight(cluster, 1)]);
            var bounds = candidates.Select(c => pulls[(cluster, c.Key)]).Select(x => (x.Reward + Alpha * noise * Math.Sqrt(x.Count + PriorWeight)) / (x.Count + PriorWeight)).ToArray();
            for (var j = 0; j < candidates.Length; j++)
                Assert.Equal(bounds[j], means[j] + Alpha * widths[j], 1e-6);
            var p = new float[candidates.Length];
            policy.Distribute(means, widths, p);
            Assert.Equal(1, p[Array.IndexOf(bounds, bounds.Max())]);
        }
    }

    [Fact]
    public void With_several_clusters_it_is_the_explicit_matrix_cut_to_its_diagonal()
    {
        // Weights in 256ths and rewards in halves are exact in fixed point, so that nothing is left to rounding.
        var random = new Random(2);
        Interaction[] log = [.. Enumerable.Range(0, 500).Select(_ => EdgeLogs.Interaction($"a{random.Next(4)}", random.Next(3) / 2f, Dyadic(random)))];
        var table = Table(log);
        foreach (var action in log.Select(static x => x.Action).Distinct())
        {
            var matrix = PriorWeight * Matrix<double>.Build.DenseIdentity(8);
            var sums = Vector<double>.Build.Dense(8);
            foreach (var shown in log.Where(x => x.Action == action))
            {
                var w = Vector<double>.Build.Dense(8);
                foreach (var (cluster, weight) in shown.Clusters.Span)
                    w[cluster] = weight;
                matrix += w.OuterProduct(w);
                sums += shown.Reward * w;
            }
            Assert.True(matrix[0, 1] > 0.3, "the matrix is diagonal: nothing was tested");
            var diagonal = Matrix<double>.Build.DenseOfDiagonalVector(matrix.Diagonal());
            var theta = diagonal.Inverse() * sums;
            for (var i = 0; i < table.Current.Keys.Length; i++)
            {
                if (table.Current.Keys[i].Action != action)
                    continue;
                var (mean, width) = Diagonal(table.Current.Sums[i]);
                Assert.Equal(theta[table.Current.Keys[i].Cluster], mean, 1e-12);
                Assert.Equal(1 / Math.Sqrt(matrix[table.Current.Keys[i].Cluster, table.Current.Keys[i].Cluster]), width, 1e-12);
            }
        }
    }

    [Fact]
    public void Shuffled_sharded_and_repeated_events_give_the_same_bits_through_the_joiner()
    {
        var random = new Random(3);
        var events = new List<(string Decision, LoggedEvent Event)>();
        for (var i = 0; i < 1500; i++)
        {
            var id = $"d{i}";
            var action = $"a{random.Next(10)}";
            events.Add((id, new DecisionEvent(
                id, i, "diag-lin-ucb", 0, true, FeatureSet.Empty, EdgeLogs.Clusters(random), [new LoggedAction(action, FeatureSet.Empty)], [new ChosenSlot(0, 1)])));
            events.Add((id, new RewardEvent(id, i + random.Next(50), random.NextSingle(), action, "e")));
        }
        var expected = Learn([events]);
        Assert.Equal(1500, expected.Interactions);
        for (var trial = 0; trial < 4; trial++)
        {
            var shards = Enumerable.Range(0, 3).Select(_ => new List<(string Decision, LoggedEvent Event)>()).ToArray();
            foreach (var logged in events.Concat(events.Where(_ => random.Next(3) == 0)).OrderBy(_ => random.Next()))
                shards[int.Parse(logged.Decision[1..], System.Globalization.CultureInfo.InvariantCulture) * 7 % (trial + 1) % 3].Add(logged);
            var merged = Learn(shards);
            Assert.Equal(expected.Current.Keys, merged.Current.Keys);
            Assert.Equal(expected.Current.Sums, merged.Current.Sums);
            Assert.Equal(expected.Interactions, merged.Interactions);
        }

        static EdgeTable Learn(IEnumerable<List<(string Decision, LoggedEvent Event)>> shards)
        {
            var rule = new RewardRule(TimeSpan.FromHours(1), 0, RewardAggregate.First, 0, 1);
            var merged = EdgeTable.Empty;
            foreach (var shard in shards)
            {
                var joiner = new InteractionJoiner(rule, JoinLimits.For(rule) with { RetainedMax = 100_000 });
                var joined = new List<Interaction>();
                for (var offset = 0; offset < shard.Count; offset++)
                    joiner.Apply(shard[offset].Event, offset, appendedAt: 2000, joined);
                merged = NaiveTables.Merge(merged, Table(joined));
            }
            return merged;
        }
    }

    // Users near one of 50 centroids in 16 dimensions, as in the toy world of the specification, and its table of what the diagonal makes of a constant reward.
    [Theory]
    [InlineData(1, 1, 1.00)]
    [InlineData(5, 0.03, 1.01)]
    [InlineData(5, 0.1, 1.22)]
    [InlineData(5, 0.3, 3.16)]
    [InlineData(10, 0.3, 5.35)]
    [InlineData(20, 1, 19.06)]
    public void Diagonal_overstates_a_constant_reward_by_the_number_of_clusters_and_calibrated_does_not(int perUser, double temperature, double inflation)
    {
        const float Reward = 0.5f;
        var random = new Random(4);
        double[] Direction(double[]? near) => Unit([.. Enumerable.Range(0, 16).Select(i => (near?[i] ?? 0) + (near is null ? 1 : 0.15) * Normal(random))]);
        var centroids = Enumerable.Range(0, 50).Select(_ => Direction(null)).ToArray();
        ClusterWeight[] User()
        {
            var user = Direction(centroids[random.Next(centroids.Length)]);
            var nearest = centroids.Select((c, i) => (Cluster: i, Cosine: c.Zip(user, static (x, y) => x * y).Sum())).OrderByDescending(static c => c.Cosine).Take(perUser).ToArray();
            var total = nearest.Sum(c => Math.Exp((c.Cosine - nearest[0].Cosine) / temperature));
            return [.. nearest.Select(c => new ClusterWeight(c.Cluster, (float)(Math.Exp((c.Cosine - nearest[0].Cosine) / temperature) / total))).Where(static c => c.Weight > 0)];
        }

        Interaction[] log = [.. Enumerable.Range(0, 20_000).Select(_ => EdgeLogs.Interaction("a", Reward, User()))];
        var users = log.Take(3000).Select(static x => x.Clusters.ToArray()).ToArray();
        double Mean(string estimate)
        {
            var policy = Shards.Assemble(Shards.Spec("diag-lin-ucb", null, null, ("estimate", estimate), ("priorWeight", "0.000001")), log);
            return users.Average(user => Shards.Estimate(policy, default, [Shards.Candidate("a")], user).Means[0]) / Reward;
        }

        // Another draw of centroids than the table's; the spread between draws is a few percent.
        Assert.Equal(inflation, Mean("diagonal"), 0.06 * inflation);
        Assert.Equal(users.Average(static user => 1 / user.Sum(static c => (double)c.Weight * c.Weight)), Mean("diagonal"), 0.05 * inflation);
        Assert.Equal(1, Mean("calibrated"), 0.001);
    }

    [Fact]
    public void Width_of_the_diagonal_is_at_most_the_root_of_K_times_the_exact_width()
    {
        var random = new Random(5);
        var largest = 0.0;
        for (var trial = 0; trial < 500; trial++)
        {
            const double Prior = 0.01;
            var perUser = random.Next(1, 6);
            ClusterWeight[] Sparse() => [.. Enumerable.Range(0, 8).OrderBy(_ => random.Next()).Take(perUser).Select(c => new ClusterWeight(c, 0.05f + random.NextSingle() * 0.9f))];
            // Few contexts, often: clusters that the data does not separate are where the two differ.
            var contexts = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Sparse()).ToArray();
            Interaction[] log = [.. Enumerable.Range(0, 60).Select(_ => EdgeLogs.Interaction("a", random.Next(2), contexts[random.Next(contexts.Length)]))];
            var matrix = Prior * Matrix<double>.Build.DenseIdentity(8);
            foreach (var shown in log)
                matrix += Dense(shown.Clusters.ToArray()).OuterProduct(Dense(shown.Clusters.ToArray()));
            var policy = Shards.Assemble(Shards.Spec("diag-lin-ucb", null, null, ("estimate", "diagonal"), ("priorWeight", "0.01")), log);
            var noise = ((IEstimatorPolicy<DiagLinUcbEstimator>)policy).Estimator.NoiseScale;
            foreach (var user in contexts.Append(Sparse()))
            {
                var width = Shards.Estimate(policy, default, [Shards.Candidate("a")], user).Widths[0];
                if (width >= DiagLinUcbEstimator.FreshWidth)
                    continue;
                var exact = noise * Math.Sqrt(Dense(user) * matrix.Inverse() * Dense(user));
                largest = Math.Max(largest, width / exact);
                Assert.True(width <= Math.Sqrt(perUser) * exact * (1 + 1e-4), $"{width} against {exact} with {perUser} clusters");
            }
        }
        Assert.True(largest > 1.2, $"never more than {largest}: the bound was not tried");
    }

    private static Vector<double> Dense(ClusterWeight[] weights)
    {
        var dense = Vector<double>.Build.Dense(8);
        foreach (var (cluster, weight) in weights)
            dense[cluster] = weight;
        return dense;
    }

    private static ClusterWeight[] Dyadic(Random random)
    {
        var clusters = Enumerable.Range(0, 8).OrderBy(_ => random.Next()).Take(3).ToArray();
        var first = random.Next(1, 200);
        var second = random.Next(1, 255 - first);
        return [new(clusters[0], first / 256f), new(clusters[1], second / 256f), new(clusters[2], (256 - first - second) / 256f)];
    }

    private static (double Mean, double Width) Diagonal(EdgeSums sums)
    {
        var d = sums.Precision / EdgeSums.Scale + PriorWeight;
        return (sums.Reward / EdgeSums.Scale / d, 1 / Math.Sqrt(d));
    }

    private static EdgeTable Table(IEnumerable<Interaction> log) => EdgeTable.Read(Shards.Shard(Shards.Spec("diag-lin-ucb"), 0, log).Parameters.Span);

    private static double[] Unit(double[] vector)
    {
        var length = Math.Sqrt(vector.Sum(static x => x * x));
        return [.. vector.Select(x => x / length)];
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
