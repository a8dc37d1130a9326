namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>How well the hidden truth foretells ratings that it was not fitted to, by five-fold cross-validation.</summary>
/// <param name="RatingError">Root mean squared error, in rating units.</param>
/// <param name="LogLoss">Mean of −ln of the probability given to "4 or better" or to "worse", whichever it was.</param>
/// <param name="ConstantLogLoss">The same for the share of successes, said of every rating: what knowing nothing about users and items costs.</param>
public sealed record HeldOutFit(double RatingError, double LogLoss, double ConstantLogLoss);
