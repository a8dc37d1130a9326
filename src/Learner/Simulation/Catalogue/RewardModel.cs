namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// The hidden truth of a simulated catalogue: the probability that a user would rate an item 4 or better. A matrix factorisation of some ratings gives an
/// expected rating x, a logistic curve σ(slope · x + intercept) turns it into a probability. The curve is fitted by cross-validation, to what
/// factorisations of the other four fifths expect of each fifth; fitted to ratings that its factorisation has seen it would be far too sure.
/// </summary>
public sealed class RewardModel
{
    /// <summary>Ratings from here on are a success.</summary>
    public const float SuccessFrom = 4;

    private const int Folds = 5;
    private const ulong FoldPurpose = 0x746E7468;

    private readonly MatrixFactorization _ratings;

    private RewardModel(MatrixFactorization ratings, double slope, double intercept, HeldOutFit heldOut)
    {
        _ratings = ratings;
        Slope = slope;
        Intercept = intercept;
        HeldOut = heldOut;
    }

    /// <summary>Slope of the logistic curve.</summary>
    public double Slope { get; }

    /// <summary>Intercept of the logistic curve.</summary>
    public double Intercept { get; }

    /// <summary>How well the model foretells ratings that it has not seen.</summary>
    public HeldOutFit HeldOut { get; }

    /// <summary>Probability of a success, in (0, 1).</summary>
    public double Probability(int user, int item) => Sigmoid(Slope * _ratings.Predict(user, item) + Intercept);

    /// <summary>Fits the model.</summary>
    /// <param name="users">Number of users.</param>
    /// <param name="items">Number of items.</param>
    /// <param name="ratings">What to fit, at least ten.</param>
    /// <param name="recipe">Of the factorisation.</param>
    /// <param name="seed">Of the start and of the folds.</param>
    /// <param name="cancellation">Ends the fit early.</param>
    public static RewardModel Fit(
        int users, int items, IReadOnlyList<Rating> ratings, FactorizationRecipe recipe, long seed, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        MatrixFactorization Factorize(IReadOnlyList<Rating> seen) =>
            MatrixFactorization.Fit(users, items, seen, recipe, seed, cancellation);

        var order = Enumerable.Range(0, ratings.Count).ToArray();
        SeededRandom.For(seed, FoldPurpose).Shuffle(order);
        var heldOut = new List<Rating>(ratings.Count);
        var expected = new List<double>(ratings.Count);
        for (var fold = 0; fold < Folds; fold++)
        {
            var partial = Factorize([.. order.Where((_, i) => i % Folds != fold).Select(i => ratings[i])]);
            foreach (var rating in order.Where((_, i) => i % Folds == fold).Select(i => ratings[i]))
            {
                heldOut.Add(rating);
                expected.Add(partial.Predict(rating.User, rating.Item));
            }
        }
        var successes = heldOut.ConvertAll(static r => r.Value >= SuccessFrom);
        var (slope, intercept) = FitLogistic(expected, successes);
        var share = successes.Count(static s => s) / (double)successes.Count;
        var fit = new HeldOutFit(
            Math.Sqrt(heldOut.Zip(expected, static (r, x) => (r.Value - x) * (r.Value - x)).Average()),
            successes.Zip(expected, (s, x) => LogLoss(s, Sigmoid(slope * x + intercept))).Average(),
            successes.Average(s => LogLoss(s, share)));
        return new RewardModel(Factorize(ratings), slope, intercept, fit);
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

    /// <summary>−ln of the probability of what happened, which is kept away from 0.</summary>
    private static double LogLoss(bool success, double probability) => -Math.Log(Math.Max(1e-12, success ? probability : 1 - probability));

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
}
