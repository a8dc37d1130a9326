namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// Rating ≈ mean + user bias + item bias + ⟨user vector, item vector⟩, fitted by alternating least squares: with one side fixed, every row of the other
/// is a ridge regression of its own (Koren, Bell and Volinsky 2009, "Matrix factorization techniques for recommender systems"). The ridge is
/// the same for every row, not scaled by its number of ratings, so that a rarely rated item stays near the mean.
/// </summary>
/// <remarks>Rows are solved on all cores; each is a function of its own ratings in their given order, so the result does not depend on the cores.</remarks>
public sealed class MatrixFactorization
{
    private readonly double[] _userRows;
    private readonly double[] _itemRows;

    private MatrixFactorization(int rank, double mean, double[] userRows, double[] itemRows)
    {
        Rank = rank;
        Mean = mean;
        _userRows = userRows;
        _itemRows = itemRows;
    }

    /// <summary>Length of the vectors.</summary>
    public int Rank { get; }

    /// <summary>Mean of the ratings that it was fitted to.</summary>
    public double Mean { get; }

    /// <summary>Vector of a user, then the user's bias: Rank + 1 numbers, zeros for a user without ratings.</summary>
    public ReadOnlySpan<double> User(int user) => _userRows.AsSpan(user * (Rank + 1), Rank + 1);

    /// <summary>Vector of an item, then the item's bias: Rank + 1 numbers, zeros for an item without ratings.</summary>
    public ReadOnlySpan<double> Item(int item) => _itemRows.AsSpan(item * (Rank + 1), Rank + 1);

    /// <summary>The rating that the model expects.</summary>
    public double Predict(int user, int item)
    {
        var u = User(user);
        var v = Item(item);
        var sum = Mean + u[Rank] + v[Rank];
        for (var k = 0; k < Rank; k++)
            sum += u[k] * v[k];
        return sum;
    }

    /// <summary>Fits the model with one ridge for vectors and biases.</summary>
    public static MatrixFactorization Fit(
        int users, int items, IReadOnlyList<Rating> ratings, int rank, double ridge, int sweeps, long seed, CancellationToken cancellation = default) =>
        Fit(users, items, ratings, new FactorizationRecipe(rank, ridge, ridge, sweeps), seed, cancellation);

    /// <summary>Fits the model.</summary>
    /// <param name="users">Number of users.</param>
    /// <param name="items">Number of items.</param>
    /// <param name="ratings">What to fit, at least one.</param>
    /// <param name="recipe">Sizes.</param>
    /// <param name="seed">Of the first item vectors.</param>
    /// <param name="cancellation">Ends the fit between sweeps.</param>
    public static MatrixFactorization Fit(
        int users, int items, IReadOnlyList<Rating> ratings, FactorizationRecipe recipe, long seed, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ratings);
        var rank = recipe.Rank;
        var mean = ratings.Average(static r => (double)r.Value);
        var byUser = new Side(users, ratings, static r => r.User, static r => r.Item, mean);
        var byItem = new Side(items, ratings, static r => r.Item, static r => r.User, mean);
        var userRows = new double[users * (rank + 1)];
        var itemRows = new double[items * (rank + 1)];
        var random = SeededRandom.For(seed, 0x616C73);
        for (var i = 0; i < itemRows.Length; i++)
            itemRows[i] = i % (rank + 1) == rank ? 0 : 0.1 * random.NextNormal();
        for (var sweep = 0; sweep < recipe.Sweeps; sweep++)
        {
            cancellation.ThrowIfCancellationRequested();
            byUser.Solve(userRows, itemRows, recipe);
            byItem.Solve(itemRows, userRows, recipe);
        }
        // Items without ratings kept their random start; they are unknown, so they are average.
        byItem.ClearUnrated(itemRows, rank);
        return new MatrixFactorization(rank, mean, userRows, itemRows);
    }

    /// <summary>The ratings grouped by one side.</summary>
    private sealed class Side
    {
        private readonly int[] _starts;
        private readonly int[] _others;
        private readonly float[] _residuals;

        public Side(int count, IReadOnlyList<Rating> ratings, Func<Rating, int> own, Func<Rating, int> other, double mean)
        {
            _starts = new int[count + 1];
            _others = new int[ratings.Count];
            _residuals = new float[ratings.Count];
            foreach (var rating in ratings)
                _starts[own(rating) + 1]++;
            for (var i = 0; i < count; i++)
                _starts[i + 1] += _starts[i];
            var next = _starts.ToArray();
            foreach (var rating in ratings)
            {
                var at = next[own(rating)]++;
                _others[at] = other(rating);
                _residuals[at] = (float)(rating.Value - mean);
            }
        }

        public void Solve(double[] rows, double[] others, FactorizationRecipe recipe)
        {
            var width = recipe.Rank + 1;
            Parallel.For(0, _starts.Length - 1,
                () => (Matrix: new double[width * width], Features: new double[width]),
                (row, _, scratch) =>
                {
                    if (_starts[row] != _starts[row + 1])
                        SolveRow(row, rows.AsSpan(row * width, width), others, recipe, scratch.Matrix, scratch.Features);
                    return scratch;
                },
                static _ => { });
        }

        public void ClearUnrated(double[] rows, int rank)
        {
            for (var row = 0; row + 1 < _starts.Length; row++)
                if (_starts[row] == _starts[row + 1])
                    rows.AsSpan(row * (rank + 1), rank + 1).Clear();
        }

        /// <summary>Ridge regression of (residual − bias of the other) on (vector of the other, 1); the last coefficient is the row's bias.</summary>
        private void SolveRow(int row, Span<double> solution, double[] others, FactorizationRecipe recipe, double[] matrix, double[] features)
        {
            var width = solution.Length;
            Array.Clear(matrix);
            solution.Clear();
            for (var i = _starts[row]; i < _starts[row + 1]; i++)
            {
                var other = others.AsSpan(_others[i] * width, width);
                other.CopyTo(features);
                features[width - 1] = 1;
                var target = _residuals[i] - other[width - 1];
                for (var a = 0; a < width; a++)
                {
                    solution[a] += features[a] * target;
                    for (var b = 0; b <= a; b++)
                        matrix[a * width + b] += features[a] * features[b];
                }
            }
            for (var a = 0; a < width; a++)
                matrix[a * width + a] += a == width - 1 ? recipe.BiasRidge : recipe.Ridge;
            SolvePositive(matrix, solution);
        }

        /// <summary>Solves M x = y in place by Cholesky; M [D, D] is positive definite, its lower triangle is overwritten.</summary>
        private static void SolvePositive(double[] m, Span<double> x)
        {
            var d = x.Length;
            for (var i = 0; i < d; i++)
            {
                for (var j = 0; j <= i; j++)
                {
                    var sum = m[i * d + j];
                    for (var k = 0; k < j; k++)
                        sum -= m[i * d + k] * m[j * d + k];
                    m[i * d + j] = i == j ? Math.Sqrt(sum) : sum / m[j * d + j];
                }
                var y = x[i];
                for (var k = 0; k < i; k++)
                    y -= m[i * d + k] * x[k];
                x[i] = y / m[i * d + i];
            }
            for (var i = d - 1; i >= 0; i--)
            {
                var y = x[i];
                for (var k = i + 1; k < d; k++)
                    y -= m[k * d + i] * x[k];
                x[i] = y / m[i * d + i];
            }
        }
    }
}
