using System.Globalization;

namespace Recsys.Api.Tests.Served;

/// <summary>A sample in order, and one line that describes it.</summary>
public sealed class Percentiles
{
    private readonly double[] _sorted;

    /// <summary>Sorts a copy of at least one value.</summary>
    public Percentiles(IEnumerable<double> values)
    {
        _sorted = [.. values.Order()];
        ArgumentOutOfRangeException.ThrowIfZero(_sorted.Length);
    }

    /// <summary>The smallest value that at least this share of the sample does not exceed (nearest rank).</summary>
    public double At(double share) => _sorted[Math.Clamp((int)Math.Ceiling(share * _sorted.Length) - 1, 0, _sorted.Length - 1)];

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"n {_sorted.Length}, min {_sorted[0]:F0}, p50 {At(0.5):F0}, p90 {At(0.9):F0}, p99 {At(0.99):F0}, max {_sorted[^1]:F0}");
}
