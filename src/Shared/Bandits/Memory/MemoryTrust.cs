namespace Recsys.Bandits.Memory;

/// <summary>How much samples nearby are believed: a mixture of believing m of them by m/(m + n₀), for some n₀, and not at all. Immutable.</summary>
public sealed class MemoryTrust
{
    private readonly double[] _evidence;
    private readonly double[] _weights;

    private MemoryTrust(double[] evidence, double[] weights)
    {
        _evidence = evidence;
        _weights = weights;
    }

    /// <summary>Believes m samples by m/(m + n₀).</summary>
    /// <param name="evidence">n₀, at least 0.</param>
    public static MemoryTrust Of(double evidence) => new([evidence], [1]);

    /// <summary>A mixture.</summary>
    /// <param name="evidence">n₀ of each.</param>
    /// <param name="weights">As many, at least 0, adding to at most 1; what is missing to 1 is not believing at all.</param>
    /// <exception cref="ArgumentException">They are not.</exception>
    public static MemoryTrust Of(ReadOnlySpan<double> evidence, ReadOnlySpan<double> weights)
    {
        var sum = 0.0;
        foreach (var weight in weights)
            sum += weight >= 0 ? weight : double.NaN;
        return evidence.Length == weights.Length && sum <= 1 + 1e-9
            ? new MemoryTrust(evidence.ToArray(), weights.ToArray())
            : throw new ArgumentException($"{evidence.Length} numbers of evidence, {weights.Length} weights that add to {sum}.", nameof(weights));
    }

    /// <summary>How far an error that m samples show is made good, in [0, 1].</summary>
    /// <param name="samples">m, above 0.</param>
    public double Of(float samples)
    {
        var share = 0.0;
        for (var i = 0; i < _weights.Length; i++)
            share += _weights[i] * samples / (samples + _evidence[i]);
        return share;
    }
}
