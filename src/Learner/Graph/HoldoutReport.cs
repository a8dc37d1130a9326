using System.Numerics.Tensors;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Learner.Graph;

/// <summary>Recall@N on later interactions, of the two towers and of what they have to beat.</summary>
/// <param name="At">N.</param>
/// <param name="Users">Users with held-out positives.</param>
/// <param name="TwoTower">The towers, trained on the earlier interactions only.</param>
/// <param name="Popularity">Items by their number of earlier positives, the same for all.</param>
/// <param name="RatingFactorization">Matrix factorisation of the earlier ratings, items by expected rating; null without ratings.</param>
/// <param name="ImplicitFactorization">The same factorisation of ones for the earlier positives and zeros for sampled items without one.</param>
public sealed record HoldoutReport(int At, int Users, double TwoTower, double Popularity, double? RatingFactorization, double ImplicitFactorization)
{
    // What CatalogueWorld uses for ratings; for ones and zeros the noise is a quarter as large, and so the ridge.
    private const int Rank = 16, Sweeps = 12, NegativesPerPositive = 4;
    private const double RatingRidge = 16, ImplicitRidge = 4;
    private const ulong NegativePurpose = 0x6E6567;

    /// <summary>Trains and measures all of them on the same split.</summary>
    public static HoldoutReport Measure(
        Ratings log, IReadOnlyList<string> items, ItemContent content, TwoTowerSettings settings, double share, int at, IProgress<long>? progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(settings);
        var split = InteractionLog.Split(log, share);
        var positives = InteractionLog.Positives(split.Earlier, log.Rated);
        var asked = split.HeldOut.Count(static h => h.Length > 0);
        if (asked == 0 || positives.Length == 0)
            throw new GraphBuildException("--holdout leaves no later positive to test on, or no earlier one to learn from; leave it out or give more interactions.");
        var users = log.Users.Count;
        var met = new List<int>[users];
        foreach (var row in split.Earlier)
            (met[row.User] ??= []).Add(row.Item);
        var metSorted = Array.ConvertAll(met, static m => m is null ? [] : m.Distinct().Order().ToArray());
        double Of(ItemScorer scorer) => Recall.At(metSorted, split.HeldOut, items.Count, at, scorer);

        var towers = TwoTowerTrainer.Train(users, positives, content, settings, null, progress, cancellation);
        var popularity = new float[items.Count];
        foreach (var positive in positives)
            popularity[positive.Item]++;
        var ratings = log.Rated ? MatrixFactorization.Fit(users, items.Count, split.Earlier, Rank, RatingRidge, Sweeps, settings.Seed, cancellation) : null;
        var ones = MatrixFactorization.Fit(
            users, items.Count, WithNegatives(positives, metSorted, items.Count, settings.Seed), Rank, ImplicitRidge, Sweeps, settings.Seed, cancellation);
        return new HoldoutReport(
            at, asked, Of(Towers(towers, popularity)), Of((_, scores) => popularity.CopyTo(scores)),
            ratings is null ? null : Of((user, scores) => Predict(ratings, user, scores)), Of((user, scores) => Predict(ones, user, scores)));
    }

    /// <summary>Inner products; a user without a vector gets the popular items.</summary>
    private static ItemScorer Towers(TowerVectors towers, float[] popularity) => (user, scores) =>
    {
        if (towers.Users[user] is not { } vector)
        {
            popularity.CopyTo(scores);
            return;
        }
        for (var item = 0; item < scores.Length; item++)
            scores[item] = towers.Items[item] is { } other ? TensorPrimitives.Dot<float>(vector, other) : float.NegativeInfinity;
    };

    private static void Predict(MatrixFactorization model, int user, Span<float> scores)
    {
        for (var item = 0; item < scores.Length; item++)
            scores[item] = (float)model.Predict(user, item);
    }

    private static List<Rating> WithNegatives(Positive[] positives, int[][] met, int items, long seed)
    {
        var random = SeededRandom.For(seed, NegativePurpose);
        var rows = new List<Rating>((1 + NegativesPerPositive) * positives.Length);
        foreach (var (user, item) in positives)
        {
            rows.Add(new Rating(user, item, 1, 0));
            for (var k = 0; k < NegativesPerPositive; k++)
            {
                var other = random.NextInteger(items);
                if (Array.BinarySearch(met[user], other) < 0)
                    rows.Add(new Rating(user, other, 0, 0));
            }
        }
        return rows;
    }
}
