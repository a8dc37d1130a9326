using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

public sealed class EdgePoolingTests
{
    private const double Noise = 0.2, Mean = 0.4;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Beliefs_are_those_of_the_normal_model_solved_densely(int seed)
    {
        var (keys, sums) = World(new Random(seed), items: 6, clusters: 4, edgeSpread: 0.1, itemSpread: 0.2, interactions: 30);
        // An edge that was never seen is part of the model, and not of the sums.
        var unseen = new EdgeKey(77, keys[0].Action);
        var (edges, items, betweenEdges, betweenItems) = Pool(keys, sums);

        EdgeKey[] all = [.. keys, unseen];
        var prior = Matrix<double>.Build.Dense(
            all.Length, all.Length, (i, j) => (i == j ? betweenEdges : 0) + (all[i].Action == all[j].Action ? betweenItems : 0));
        var precision = prior.Inverse();
        var information = Vector<double>.Build.Dense(all.Length);
        for (var e = 0; e < sums.Length; e++)
        {
            var size = sums[e].EffectiveCount;
            precision[e, e] += size / Noise;
            information[e] += size / Noise * ((double)sums[e].Reward / sums[e].Weight - Mean);
        }
        var covariance = precision.Inverse();
        var expected = covariance * information + Mean;

        for (var e = 0; e < sums.Length; e++)
        {
            Assert.Equal(expected[e], edges[e].Mean, 1e-5);
            Assert.Equal(covariance[e, e] / Noise, edges[e].Variance, 1e-4);
        }
        Assert.Equal(expected[^1], items[0].Mean, 1e-5);
        Assert.Equal(covariance[sums.Length, sums.Length] / Noise, items[0].Variance, 1e-4);
    }

    [Theory]
    [InlineData(0.02, 0.2)]
    [InlineData(0.15, 0.1)]
    [InlineData(0.1, 0.1)]
    public void Spreads_are_found_in_the_sums(double edgeSpread, double itemSpread)
    {
        var (keys, sums) = World(new Random(5), items: 400, clusters: 8, edgeSpread, itemSpread, interactions: 200);
        var (_, _, betweenEdges, betweenItems) = Pool(keys, sums);
        Assert.InRange(Math.Sqrt(betweenEdges), 0.8 * edgeSpread, 1.2 * edgeSpread + 0.03);
        Assert.InRange(Math.Sqrt(betweenItems), 0.8 * itemSpread, 1.2 * itemSpread + 0.03);
    }

    [Fact]
    public void Where_clusters_agree_an_item_seen_in_one_is_known_in_all()
    {
        var (keys, sums) = World(new Random(6), items: 50, clusters: 8, edgeSpread: 0, itemSpread: 0.2, interactions: 100);
        var (_, pooled, _, _) = Pool(keys, sums);
        (keys, sums) = World(new Random(6), items: 50, clusters: 8, edgeSpread: 0.3, itemSpread: 0.2, interactions: 100);
        var (_, apart, _, _) = Pool(keys, sums);
        Assert.True(pooled[3].Variance < 0.05, $"variance {pooled[3].Variance} where clusters agree");
        Assert.True(apart[3].Variance > 5 * pooled[3].Variance, $"variance {apart[3].Variance} where they do not");
    }

    [Fact]
    public void Nothing_seen_gives_the_guess_and_no_numbers_that_are_none()
    {
        EdgeSums nothingLeft = new(1, 0, 0, 0);
        var (edges, items, betweenEdges, betweenItems) = Pool([new EdgeKey(0, new ActionKey(1))], [nothingLeft]);
        Assert.Equal((Noise, Noise), (betweenEdges, betweenItems));
        Assert.Equal((float)Mean, edges[0].Mean);
        Assert.Equal(2f, edges[0].Variance, 1e-6f);
        Assert.Equal(edges[0], items[0]);
        _ = Pool([], []);
    }

    private static (Belief[] Edges, Belief[] Items, double BetweenEdges, double BetweenItems) Pool(EdgeKey[] keys, EdgeSums[] sums)
    {
        var index = new ItemIndex(keys);
        var edges = new Belief[keys.Length];
        var items = new Belief[index.Count];
        var (betweenEdges, betweenItems) = EdgePooling.Pool(sums, index, Mean, Noise, priorWeight: 1, edges, items);
        return (edges, items, betweenEdges, betweenItems);
    }

    /// <summary>Sums of a world that is the model: items and edges differ by normal amounts, and so do rewards.</summary>
    private static (EdgeKey[] Keys, EdgeSums[] Sums) World(Random random, int items, int clusters, double edgeSpread, double itemSpread, int interactions)
    {
        var keys = new List<EdgeKey>();
        var sums = new List<EdgeSums>();
        var worth = Enumerable.Range(0, items).Select(_ => itemSpread * Normal(random)).ToArray();
        for (var cluster = 0; cluster < clusters; cluster++)
        {
            for (var item = 0; item < items; item++)
            {
                var count = 1 + random.Next(2 * interactions);
                var average = Math.Clamp(Mean + worth[item] + edgeSpread * Normal(random) + Math.Sqrt(Noise / count) * Normal(random), 0, 1);
                keys.Add(new EdgeKey(cluster, new ActionKey((ulong)item)));
                sums.Add(new EdgeSums(count, (long)count << 24, (long)(average * count * EdgeSums.Scale), (long)count << 24));
            }
        }
        return ([.. keys], [.. sums]);
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
