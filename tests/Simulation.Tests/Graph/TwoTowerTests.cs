using Recsys.Learner.Graph;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Recsys.Simulation.Tests.Simulation;
using Xunit;

namespace Recsys.Simulation.Tests.Graph;

public sealed class TwoTowerTests
{
    [Fact]
    public void In_batch_softmax_loss_and_gradients_are_those_of_the_definition()
    {
        const int B = 19, D = 5;
        const float Temperature = 0.7f;
        var random = SeededRandom.For(1, 1);
        float[] Normal(int n) => [.. Enumerable.Range(0, n).Select(_ => (float)random.NextNormal())];
        var (users, items, logQ) = (Normal(B * D), Normal(B * D), Normal(B));
        var keys = Enumerable.Range(0, B).Select(static i => i % 16).ToArray();
        var (gu, gv) = (new float[B * D], new float[B * D]);
        var loss = new InBatchSoftmax(32, D, Temperature).Evaluate(users, items, keys, logQ, B, gu, gv, new ParallelOptions());
        Assert.Equal(Loss(users, items), loss, 1e-3);
        // Central differences of the definition in double, step 1e-3: an error of about 1e-5 of the third derivative.
        for (var k = 0; k < B * D; k++)
        {
            Assert.Equal(Slope(users, k), gu[k], 1e-2);
            Assert.Equal(Slope(items, k), gv[k], 1e-2);
        }

        double Slope(float[] vector, int k)
        {
            const float Step = 1e-3f;
            var at = vector[k];
            vector[k] = at + Step;
            var above = Loss(users, items);
            vector[k] = at - Step;
            var below = Loss(users, items);
            vector[k] = at;
            return (above - below) / (2 * Step);
        }

        double Loss(float[] u, float[] v)
        {
            double sum = 0;
            for (var i = 0; i < B; i++)
            {
                double Logit(int j) => Enumerable.Range(0, D).Sum(d => (double)u[i * D + d] * v[j * D + d]) / Temperature - logQ[j];
                var all = Enumerable.Range(0, B).Where(j => j == i || keys[j] != keys[i]).Sum(j => Math.Exp(Logit(j)));
                sum += Math.Log(all) - Logit(i);
            }
            return sum;
        }
    }

    [Fact]
    public void Training_has_the_same_bits_on_one_core_and_on_many()
    {
        var (positives, content) = TwoTastes();
        var settings = new TwoTowerSettings(Dimension: 8, Epochs: 3, Batch: 64);
        var one = TwoTowerTrainer.Train(60, positives, content, settings with { Cores = 1 });
        var many = TwoTowerTrainer.Train(60, positives, content, settings with { Cores = 8 });
        Assert.Equal(one.Users, many.Users);
        Assert.Equal(one.Items, many.Items);
        Assert.NotEqual(one.Users, TwoTowerTrainer.Train(60, positives, content, settings with { Seed = 2 }).Users);
    }

    [Fact]
    public void Training_tells_tastes_apart_and_places_an_item_that_nobody_met_by_its_content()
    {
        var (positives, content) = TwoTastes();
        var vectors = TwoTowerTrainer.Train(60, positives, content, new TwoTowerSettings(Dimension: 8, Epochs: 30, Batch: 64));
        double Mean(int item, int taste) => Enumerable.Range(0, 60).Where(u => u % 2 == taste)
            .Average(u => vectors.Users[u]!.Zip(vectors.Items[item]!).Sum(static p => p.First * p.Second));
        Assert.True(Mean(0, 0) > Mean(0, 1) + 0.3);
        Assert.True(Mean(40, 0) > Mean(40, 1) + 0.3, "Item 40 is of kind 0 by content alone.");
        Assert.True(Mean(41, 1) > Mean(41, 0) + 0.3, "Item 41 is of kind 1 by content alone.");
        Assert.Null(vectors.Items[42]);
        Assert.All(vectors.Users, static u => Assert.Equal(1, u!.Sum(static x => (double)x * x), 1e-5));
    }

    [Theory]
    [InlineData("ml-100k")]
    [InlineData("ml-latest-small")]
    public void Recall_on_later_interactions_is_clearly_above_popularity_and_the_factorisations(string set)
    {
        var log = RatingsFile.ReadInteractions(RealDataTests.Find($"ratings/{set}/ratings.csv.gz"));
        var report = HoldoutReport.Measure(
            log, log.Items, ItemContent.None(log.Items.Count), new TwoTowerSettings(Epochs: 10), 0.2, 50, null, TestContext.Current.CancellationToken);
        Assert.True(report.TwoTower > 1.4 * report.Popularity, report.ToString());
        Assert.True(report.TwoTower > 1.03 * report.ImplicitFactorization, report.ToString());
    }

    [Fact]
    public void Recall_counts_what_was_found_of_what_could_be()
    {
        // User 0 met item 4, which scores best; of the held-out 0 and 3 the best two contain 3. User 1 has nothing to find.
        var recall = Recall.At([[4], []], [[0, 3], []], 5, 2, static (_, scores) => new float[] { 1, 2, 0, 3, 9 }.CopyTo(scores));
        Assert.Equal(0.5, recall);
    }

    [Fact]
    public void Split_holds_out_the_latest_and_never_what_was_met_before()
    {
        var log = new Ratings(["u"], ["a", "b", "c"], [new(0, 2, 5, 9), new(0, 0, 5, 1), new(0, 1, 2, 2), new(0, 0, 5, 8), new(0, 1, 4, 3)]);
        var split = InteractionLog.Split(log, 0.4);
        Assert.Equal([1, 2, 3], split.Earlier.Select(static r => r.Time).Order());
        Assert.Equal([2], split.HeldOut[0]);
    }

    /// <summary>Users like the items of their own kind, u mod 2 = i mod 2. Items 40 and 41 have content only, 42 nothing.</summary>
    private static (Positive[] Positives, ItemContent Content) TwoTastes()
    {
        var random = SeededRandom.For(3, 3);
        var positives = new HashSet<Positive>();
        for (var n = 0; n < 900; n++)
        {
            var user = random.NextInteger(60);
            positives.Add(new Positive(user, 2 * random.NextInteger(20) + user % 2));
        }
        var indices = Enumerable.Range(0, 43).Select(static i => i == 42 ? Array.Empty<int>() : [i % 2]).ToArray();
        return ([.. positives], new ItemContent(2, indices, Array.ConvertAll(indices, static i => Array.ConvertAll(i, static _ => 1f))));
    }
}
