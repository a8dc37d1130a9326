namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The hidden truth of a simulated catalogue: the probability that a user would rate an item 4 or better. A matrix factorisation of all ratings gives an
/// expected rating x, a logistic curve σ(slope · x + intercept) turns it into a probability. The curve is fitted to a tenth of the ratings that
/// a second factorisation of the other nine tenths has not seen; fitted to seen ratings it would be far too sure.
/// </summary>
public sealed class RewardModel
{
    /// <summary>Ratings from here on are a success.</summary>
    public const float SuccessFrom = 4;

    private readonly MatrixFactorization _ratings;

    private RewardModel(MatrixFactorization ratings, double slope, double intercept, double heldOutError)
    {
        _ratings = ratings;
        Slope = slope;
        Intercept = intercept;
        HeldOutError = heldOutError;
    }

    /// <summary>Slope of the logistic curve.</summary>
    public double Slope { get; }

    /// <summary>Intercept of the logistic curve.</summary>
    public double Intercept { get; }

    /// <summary>Root mean squared error on the held-out tenth, in rating units.</summary>
    public double HeldOutError { get; }

    /// <summary>Probability of a success, in (0, 1).</summary>
    public double Probability(int user, int item) => Sigmoid(Slope * _ratings.Predict(user, item) + Intercept);

    /// <summary>Fits the model to all ratings.</summary>
    /// <param name="ratings">At least ten.</param>
    /// <param name="rank">Length of the vectors.</param>
    /// <param name="ridge">As in <see cref="MatrixFactorization.Fit"/>.</param>
    /// <param name="sweeps">As in <see cref="MatrixFactorization.Fit"/>.</param>
    /// <param name="seed">Of the start and of the held-out tenth.</param>
    /// <param name="cancellation">Ends the fit early.</param>
    public static RewardModel Fit(Ratings ratings, int rank, double ridge, int sweeps, long seed, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        var order = Enumerable.Range(0, ratings.All.Count).ToArray();
        SeededRandom.For(seed, 0x746E7468).Shuffle(order);
        var heldOut = order.Take((order.Length + 9) / 10).Select(i => ratings.All[i]).ToList();
        var seen = order.Skip(heldOut.Count).Select(i => ratings.All[i]).ToList();
        var (users, items) = (ratings.Users.Count, ratings.Items.Count);

        var partial = MatrixFactorization.Fit(users, items, seen, rank, ridge, sweeps, seed, cancellation);
        var expected = heldOut.ConvertAll(r => partial.Predict(r.User, r.Item));
        var (slope, intercept) = FitLogistic(expected, heldOut.ConvertAll(static r => r.Value >= SuccessFrom));
        var error = Math.Sqrt(heldOut.Zip(expected, static (r, x) => (r.Value - x) * (r.Value - x)).Average());
        var all = MatrixFactorization.Fit(users, items, ratings.All, rank, ridge, sweeps, seed, cancellation);
        return new RewardModel(all, slope, intercept, error);
    }

    /// <summary>Logistic regression on one input by Newton's method; a ridge of 10⁻³ keeps it finite where the classes separate.</summary>
    public static (double Slope, double Intercept) FitLogistic(IReadOnlyList<double> inputs, IReadOnlyList<bool> successes)
    {
        const double Ridge = 1e-3;
        const int Steps = 50;
        // Centred, so that slope and intercept hardly depend on each other and the steps stay short.
        var centre = inputs.Average();
        double slope = 0, level = 0;
        for (var step = 0; step < Steps; step++)
        {
            double gradientSlope = -Ridge * slope, gradientLevel = -Ridge * level, ss = Ridge, sl = 0, ll = Ridge;
            for (var i = 0; i < inputs.Count; i++)
            {
                var x = inputs[i] - centre;
                var p = Sigmoid(slope * x + level);
                var residual = (successes[i] ? 1 : 0) - p;
                var weight = p * (1 - p);
                gradientSlope += residual * x;
                gradientLevel += residual;
                ss += weight * x * x;
                sl += weight * x;
                ll += weight;
            }
            var determinant = ss * ll - sl * sl;
            slope += (ll * gradientSlope - sl * gradientLevel) / determinant;
            level += (ss * gradientLevel - sl * gradientSlope) / determinant;
        }
        return (slope, level - slope * centre);
    }

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
}
