using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies;

/// <summary>Who decides: enough to tell two sets of parameters apart.</summary>
/// <param name="Kind">Name in <see cref="PolicyCatalog"/>.</param>
/// <param name="Fingerprint">Of kind, hyperparameters, feature schema and reward range: <see cref="PolicySpec.Fingerprint"/>.</param>
/// <param name="Version">Interactions learned from, summed over partitions.</param>
public sealed record PolicyDescriptor(string Kind, ulong Fingerprint, long Version);

/// <summary>
/// The frozen half of a policy: an estimator and an explorer. Immutable, thread-safe and allocation-free; the same query gives the same answer for
/// ever. The two steps are separate so that a slate can draw its next position from the remaining candidates without estimating again, and an
/// explanation can show both.
/// </summary>
public interface IPolicy
{
    /// <summary>Who decides.</summary>
    PolicyDescriptor Descriptor { get; }

    /// <summary>Estimates every candidate.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="means">Length K: expected reward in the experiment's own units, finite.</param>
    /// <param name="widths">Length K: half width of the confidence interval in the same units, at least 0; 0 where the model has none.</param>
    void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths);

    /// <summary>Turns estimates into a distribution over the same candidates. Depends on nothing but its arguments and the frozen parameters.</summary>
    /// <param name="means">Length K.</param>
    /// <param name="widths">Length K.</param>
    /// <param name="propensities">Length K: finite, at least 0, adding to 1.</param>
    void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities);
}
