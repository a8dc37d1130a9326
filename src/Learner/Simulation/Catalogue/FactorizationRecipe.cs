namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>How a matrix factorisation is fitted: the sizes of a <see cref="MatrixFactorization"/>.</summary>
/// <param name="Rank">Length of the vectors, at least 0; 0 leaves the biases.</param>
/// <param name="Ridge">Weight of the squared norm of each vector, above 0: the variance of the noise over that of an element.</param>
/// <param name="BiasRidge">The same of each bias; biases are larger than the elements of a vector, so theirs is smaller.</param>
/// <param name="Sweeps">Passes over both sides, at least 1.</param>
public readonly record struct FactorizationRecipe(int Rank, double Ridge, double BiasRidge, int Sweeps = 12);
