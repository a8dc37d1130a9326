using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Recsys.Learner.Simulation.Data;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class CatalogueDataTests
{
    [Theory]
    [InlineData("userId,movieId,rating,timestamp\nu,i,4.5,9\n")]
    [InlineData("timestamp;User_ID;extra;ITEM;Stars\n9;u;x;i;4.5\n")]
    [InlineData("user-id\titem id\tscore\ttime\nu\ti\t4.5\t9\n")]
    [InlineData("u::i::4.5::9\n")]
    [InlineData("u\ti\t4.5\t9\n")]
    [InlineData("user,item,rating,date\nu,i,4.5,1970-01-01T00:00:09Z\n")]
    public void Read_accepts_every_spelling(string content)
    {
        using var file = new TemporaryFile(content);
        var ratings = RatingsFile.Read(file.Path);
        Assert.Equal(["u"], ratings.Users);
        Assert.Equal(["i"], ratings.Items);
        Assert.Equal(new Rating(0, 0, 4.5f, 9), Assert.Single(ratings.All));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("userId,movieId,rating,timestamp\n", "no row")]
    [InlineData("userId,movieId,timestamp\nu,i,9\n", "'rating'")]
    [InlineData("userId,movieId,rating,timestamp\nu,i,good,9\n", "line 2, column 'rating'")]
    [InlineData("userId,movieId,rating,timestamp\nu,i,4,9\nu,i,4,soon\n", "line 3, column 'timestamp'")]
    [InlineData("userId,movieId,rating,timestamp\nu,,4,9\n", "line 2, column 'item'")]
    [InlineData("userId,movieId,rating,timestamp\nu,i,4\n", "line 2, column 'timestamp'")]
    public void Read_refuses_what_is_no_ratings_file(string content, string says)
    {
        using var file = new TemporaryFile(content);
        var problem = Assert.Throws<DataFileException>(() => RatingsFile.Read(file.Path));
        Assert.Contains(says, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fit_ends_where_every_item_row_solves_its_own_ridge_regression()
    {
        var ratings = Synthetic(users: 30, items: 20, perUser: 12);
        const double Ridge = 2, BiasRidge = 0.5;
        var model = MatrixFactorization.Fit(30, 20, ratings.All, new FactorizationRecipe(3, Ridge, BiasRidge, Sweeps: 4), seed: 1);
        // The last half-sweep solved the items: the gradient of each item's penalised squared error vanishes.
        for (var item = 0; item < 20; item++)
        {
            var gradient = new double[4];
            for (var k = 0; k < 4; k++)
                gradient[k] = (k < 3 ? Ridge : BiasRidge) * model.Item(item)[k];
            foreach (var rating in ratings.All.Where(r => r.Item == item))
            {
                var error = model.Predict(rating.User, item) - rating.Value;
                for (var k = 0; k < 3; k++)
                    gradient[k] += error * model.User(rating.User)[k];
                gradient[3] += error;
            }
            // Float residuals of order 1 over some twenty ratings.
            Assert.All(gradient, g => Assert.InRange(g, -1e-4, 1e-4));
        }
    }

    [Fact]
    public void Fit_same_seed_gives_the_same_bits()
    {
        var ratings = Synthetic(users: 30, items: 20, perUser: 12);
        double[] Predictions() =>
            [.. Enumerable.Range(0, 600).Select(i => MatrixFactorization.Fit(30, 20, ratings.All, 3, 2, 2, 7).Predict(i % 30, i / 30)).Take(5)];
        Assert.Equal(Predictions(), Predictions());
    }

    [Fact]
    public void Fit_unrated_item_is_average()
    {
        var model = MatrixFactorization.Fit(2, 3, [new Rating(0, 0, 5, 0), new Rating(1, 1, 1, 0)], 2, 1, 3, 1);
        Assert.Equal(new double[3], model.Item(2).ToArray());
    }

    [Fact]
    public void Probability_knows_who_likes_what()
    {
        var ratings = Synthetic(users: 60, items: 40, perUser: 30);
        var truth = RewardModel.Fit(60, 40, ratings.All, new FactorizationRecipe(4, 1, 1, Sweeps: 10), seed: 1);
        double liked = 0, disliked = 0;
        for (var user = 0; user < 60; user++)
        {
            for (var item = 0; item < 40; item++)
            {
                var likes = int.Parse(ratings.Users[user][1..]) % 2 == (int.Parse(ratings.Items[item][1..]) < 20 ? 0 : 1);
                if (likes)
                    liked += truth.Probability(user, item) / 1200;
                else
                    disliked += truth.Probability(user, item) / 1200;
            }
        }
        Assert.InRange(liked, 0.8, 1);
        Assert.InRange(disliked, 0, 0.1);
        // Half a star of noise and rounding; likes are 4.4 and more often than not a success, the rest never is.
        Assert.InRange(truth.HeldOut.RatingError, 0.4, 0.9);
        Assert.InRange(truth.HeldOut.LogLoss, 0.05, 0.4);
        Assert.InRange(truth.HeldOut.ConstantLogLoss, 0.6, 0.694);
    }

    [Fact]
    public void Held_out_loss_of_a_truth_that_cannot_be_foretold_is_no_better_than_a_constant()
    {
        var random = SeededRandom.For(9, 9);
        Rating[] noise = [.. Enumerable.Range(0, 3000).Select(i => new Rating(random.NextInteger(60), random.NextInteger(40), 1 + random.NextInteger(5), i))];
        var truth = RewardModel.Fit(60, 40, noise, new FactorizationRecipe(4, 1, 1), seed: 1).HeldOut;
        // The two numbers of the curve are fitted to the same ratings, which is worth about one in 3000.
        Assert.Equal(truth.ConstantLogLoss, truth.LogLoss, 0.002);
        Assert.True(truth.RatingError > Math.Sqrt(2), "noise was foretold");
    }

    [Fact]
    public void FitLogistic_recovers_the_curve_of_its_data()
    {
        var random = SeededRandom.For(1, 1);
        var inputs = Enumerable.Range(0, 20_000).Select(_ => 3 + random.NextNormal()).ToList();
        var successes = inputs.ConvertAll(x => random.NextUniform() < 1 / (1 + Math.Exp(-(1.5 * x - 5))));
        var (slope, intercept) = RewardModel.FitLogistic(inputs, successes);
        // Standard error of the slope is about 0.03 for 20 000 points.
        Assert.Equal(1.5, slope, 0.1);
        Assert.Equal(-5, intercept, 0.35);
    }

    private static Ratings Synthetic(int users, int items, int perUser)
    {
        using var file = new TemporaryFile(SyntheticTables.Ratings(users, items, perUser, seed: 4));
        return RatingsFile.Read(file.Path);
    }
}
