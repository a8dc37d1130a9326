namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>What the sums say about the mean reward of an edge or an item.</summary>
/// <param name="Mean">Expected normalised reward.</param>
/// <param name="Variance">Of that mean, in units of the variance of one reward.</param>
public readonly record struct Belief(float Mean, float Variance);
