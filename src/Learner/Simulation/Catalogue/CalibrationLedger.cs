namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>The rounds whose chosen item had an estimate in one band.</summary>
/// <param name="Estimate">Mean estimate of the chosen items.</param>
/// <param name="Probability">Mean true probability of the same.</param>
/// <param name="Rounds">How many, at least 1.</param>
public sealed record ReliabilityBand(double Estimate, double Probability, long Rounds);

/// <summary>
/// Compares what a policy expected of the items it chose with what they were worth. A choice among many prefers what is overestimated, so that even estimates that are
/// right on average come out above 1 here, until there is enough experience.
/// </summary>
public sealed class CalibrationLedger
{
    /// <summary>Bands from 0 to 1, equally wide; estimates outside belong to the outermost.</summary>
    public const int Bands = 10;

    private readonly double[] _estimates = new double[Bands];
    private readonly double[] _probabilities = new double[Bands];
    private readonly long[] _rounds = new long[Bands];

    /// <summary>Notes a round.</summary>
    /// <param name="estimate">Of the chosen item, finite.</param>
    /// <param name="probability">Its true probability.</param>
    public void Add(double estimate, double probability)
    {
        var band = Math.Clamp((int)(estimate * Bands), 0, Bands - 1);
        _estimates[band] += estimate;
        _probabilities[band] += probability;
        _rounds[band]++;
    }

    /// <summary>Mean estimate over mean probability; null before the first round or when nothing was ever likely.</summary>
    public double? Ratio => _probabilities.Sum() is var total and > 0 ? _estimates.Sum() / total : null;

    /// <summary>The bands that occurred, in ascending order.</summary>
    public IReadOnlyList<ReliabilityBand> Reliability =>
    [
        .. Enumerable.Range(0, Bands).Where(band => _rounds[band] > 0)
            .Select(band => new ReliabilityBand(_estimates[band] / _rounds[band], _probabilities[band] / _rounds[band], _rounds[band])),
    ];
}
