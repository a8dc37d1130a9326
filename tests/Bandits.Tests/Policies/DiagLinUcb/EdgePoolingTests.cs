using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Edges that lean on their item, items that lean on their affinity, against a dense normal model and against worlds with known truths.</summary>
public sealed class EdgePoolingTests
{
    private static readonly PolicySpec Spec = Shards.Spec("diag-lin-ucb");

    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 400)]
    [InlineData(3, 3000)]
    [InlineData(4, 3000)]
    public void Estimates_are_those_of_the_normal_model_solved_densely(int seed, int interactions)
    {
        var world = new AffinityWorld(10 * seed);
        var log = world.Log(interactions);
        var policy = Shards.Assemble(Spec, log);
        var naive = new NaivePooling(log);
        var estimator = ((IEstimatorPolicy<DiagLinUcbEstimator>)policy).Estimator;
        Assert.Equal(naive.Edges, estimator.Edges);
        Assert.Equal(naive.MeanReward, estimator.MeanReward, 1e-6);
        Assert.Equal(naive.EdgeSpread, estimator.Model.EdgeSpread, 1e-9);
        Assert.Equal(naive.Level, estimator.Model.Level, 1e-5);
        Assert.Equal(naive.Slope, estimator.Model.Slope, 1e-5);
        Assert.Equal(naive.ItemSpread, estimator.Model.ItemSpread, 1e-4 * naive.ItemSpread);
        var fresh = 0;
        for (var trial = 0; trial < 200; trial++)
        {
            var (user, clusters) = (world.User(), world.Clusters());
            // Two of the items were never shown.
            Candidate[] candidates = [.. Enumerable.Range(0, 6).Select(_ => world.Candidate(world.Next(27), clusters.Length))];
            var (means, widths) = Shards.Estimate(policy, user, candidates, clusters);
            for (var j = 0; j < candidates.Length; j++)
            {
                var (mean, width, known) = naive.Estimate(user, candidates[j], clusters);
                fresh += known ? 0 : 1;
                Assert.Equal(mean, means[j], 1e-4);
                Assert.Equal(width, widths[j] - (known ? 0 : DiagLinUcbEstimator.FreshWidth), 1e-4);
            }
        }
        Assert.InRange(fresh, 5, 1000);
    }

    [Fact]
    public void Nothing_seen_gives_the_guess_and_no_numbers_that_are_none()
    {
        var policy = Shards.Assemble(Spec);
        var model = ((IEstimatorPolicy<DiagLinUcbEstimator>)policy).Estimator.Model;
        Assert.Equal((0.25, 0.0625), (model.Noise, model.EdgeSpread));
        Assert.Equal(0, model.Level);
        // Retrieval is believed to be right, as much as items are believed to differ.
        Assert.Equal(Math.Sqrt(0.25 / 16 / (1.0 / 16)), model.Slope, 1e-9);
        var world = new AffinityWorld(5);
        var user = world.User();
        Candidate[] candidates = [.. Enumerable.Range(0, 5).Select(i => world.Candidate(i, 1))];
        var (means, widths) = Shards.Estimate(policy, user, candidates);
        for (var j = 0; j < candidates.Length; j++)
        {
            Assert.Equal(0.5 + model.Slope * NaiveAffinity.Of(user.Dense.Span, candidates[j].Features.Dense.Span), means[j], 1e-5);
            Assert.Equal(DiagLinUcbEstimator.FreshWidth + Math.Sqrt(0.25 * (model.ItemSpread + model.EdgeSpread)), widths[j], 1e-3);
        }
    }

    [Fact]
    public void Where_clusters_agree_an_item_seen_in_one_is_known_in_all()
    {
        var agreed = Unseen(edgeSpread: 0);
        var apart = Unseen(edgeSpread: 0.3);
        Assert.True(agreed.Width < 0.5 * apart.Width, $"width {agreed.Width} where clusters agree, {apart.Width} where they do not");

        // The width of an item in a cluster where it was never shown.
        static (double Mean, double Width) Unseen(double edgeSpread)
        {
            var world = new AffinityWorld(6, slope: 0, edgeSpread: edgeSpread);
            var log = world.Log(20_000).Where(static x => x.Action != ActionKey.Of("a3") || x.Clusters.ToArray().All(static c => c.Cluster != 2));
            var (means, widths) = Shards.Estimate(Shards.Assemble(Spec, log), world.User(), [Shards.Candidate("a3", world.Item(3))], [new ClusterWeight(2, 1)]);
            return (means[0], widths[0]);
        }
    }

    [Theory]
    [InlineData(0.02, 0.2)]
    [InlineData(0.15, 0.1)]
    [InlineData(0.1, 0.1)]
    public void Spreads_are_found_in_the_sums(double edgeSpread, double itemSpread)
    {
        // Sums of a world that is the model, without clusters that differ and without affinities.
        var random = new Random(5);
        const double Noise = 0.24, Mean = 0.4;
        var keys = new List<EdgeKey>();
        var sums = new List<EdgeSums>();
        var worth = Enumerable.Range(0, 400).Select(_ => itemSpread * Normal(random)).ToArray();
        for (var cluster = 0; cluster < 8; cluster++)
        {
            for (var item = 0; item < worth.Length; item++)
            {
                var count = 1 + random.Next(400);
                var average = Math.Clamp(Mean + worth[item] + edgeSpread * Normal(random) + Math.Sqrt(Noise / count) * Normal(random), 0, 1);
                keys.Add(new EdgeKey(cluster, new ActionKey((ulong)item)));
                sums.Add(new EdgeSums(count, (long)count << 24, (long)(average * count * EdgeSums.Scale), (long)count << 24, 0));
            }
        }
        var table = EdgeTable.Empty with { Interactions = 1, Current = new EdgeList([.. keys], [.. sums]) };
        var model = EdgePicture.Empty(default, pooled: true).With(0, table).Model;
        Assert.InRange(Math.Sqrt(model.EdgeSpread * model.Noise), 0.8 * edgeSpread, 1.2 * edgeSpread + 0.03);
        Assert.InRange(Math.Sqrt(model.ItemSpread * model.Noise), 0.6 * itemSpread, 1.5 * itemSpread + 0.03);
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
