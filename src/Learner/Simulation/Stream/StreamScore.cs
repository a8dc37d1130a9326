using System.Runtime.InteropServices;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>A tenth of the stream.</summary>
/// <param name="LogLoss">Mean log loss of its offers; null where it has none.</param>
/// <param name="Auc">Area under the ROC curve of its offers; null where they are all clicks or none is.</param>
/// <param name="Rows">Rows.</param>
/// <param name="ClickRate">Share of clicks among its offers; null where it has none.</param>
/// <param name="RunningMeanLogLoss">Log loss of the share of clicks so far.</param>
/// <param name="RecentMeanLogLoss">Log loss of the share of clicks of late.</param>
public sealed record StreamTenth(double? LogLoss, double? Auc, int Rows, double? ClickRate, double? RunningMeanLogLoss, double? RecentMeanLogLoss);

/// <summary>Keeps what was predicted and what came, over all rows and by tenth of them.</summary>
/// <param name="rows">Rows of the stream, at least 1.</param>
public sealed class StreamScore(int rows)
{
    /// <summary>
    /// Probabilities are taken to be at least this and at most 1 minus this before the logarithm, so that one row costs at most 6.9: a linear estimate may leave [0, 1], and
    /// below one part in a thousand an estimate can hardly be told from none.
    /// </summary>
    public const double LeastProbability = 1e-3;

    /// <summary>Offers that the mean of late remembers, about.</summary>
    public const int RecentOffers = 1000;

    private const int Parts = 10;
    private readonly List<float> _estimates = [];
    private readonly List<bool> _clicked = [];
    private readonly Sums[] _parts = new Sums[Parts];
    private long _clicks;
    private double _recent = 0.5;

    /// <summary>Offers scored.</summary>
    public int Offers => _estimates.Count;

    /// <summary>Clicks among them.</summary>
    public long Clicks => _clicks;

    /// <summary>Log loss of one prediction.</summary>
    public static double LogLossOf(double estimate, bool clicked)
    {
        var probability = Math.Clamp(estimate, LeastProbability, 1 - LeastProbability);
        return -Math.Log(clicked ? probability : 1 - probability);
    }

    /// <summary>Scores one offer.</summary>
    /// <param name="row">Its row, not before that of the offer scored last.</param>
    /// <param name="estimate">Probability of a click, finite.</param>
    /// <param name="clicked">What came.</param>
    public void Add(int row, float estimate, bool clicked)
    {
        ref var part = ref _parts[(int)((long)row * Parts / rows)];
        part.Offers++;
        part.Clicks += clicked ? 1 : 0;
        part.Loss += LogLossOf(estimate, clicked);
        // As if a click and a non-click had been seen before.
        part.RunningMeanLoss += LogLossOf((_clicks + 1.0) / (_estimates.Count + 2.0), clicked);
        part.RecentMeanLoss += LogLossOf(_recent, clicked);
        _estimates.Add(estimate);
        _clicked.Add(clicked);
        _clicks += clicked ? 1 : 0;
        _recent += ((clicked ? 1 : 0) - _recent) / Math.Min(_estimates.Count + 2, RecentOffers);
    }

    /// <summary>The whole stream.</summary>
    public StreamTenth Whole()
    {
        var all = default(Sums);
        foreach (ref readonly var part in _parts.AsSpan())
            all.Add(part);
        return Read(all, 0, rows);
    }

    /// <summary>The ten parts, in order; tenth t holds the rows from t/10 of them.</summary>
    public StreamTenth[] Tenths()
    {
        var tenths = new StreamTenth[Parts];
        var start = 0;
        for (var t = 0; t < Parts; t++)
        {
            // Row r belongs to the part ⌊10·r / rows⌋, so part t begins at ⌈t·rows / 10⌉.
            var begins = ((long)t * rows + Parts - 1) / Parts;
            var ends = ((t + 1L) * rows + Parts - 1) / Parts;
            tenths[t] = Read(_parts[t], start, (int)(ends - begins));
            start += _parts[t].Offers;
        }
        return tenths;
    }

    private StreamTenth Read(in Sums sums, int start, int itsRows)
    {
        double? Mean(double sum, int offers) => offers == 0 ? null : sum / offers;
        var auc = RankedEstimates.AreaUnderCurve(
            CollectionsMarshal.AsSpan(_estimates).Slice(start, sums.Offers), CollectionsMarshal.AsSpan(_clicked).Slice(start, sums.Offers));
        return new StreamTenth(
            Mean(sums.Loss, sums.Offers), auc, itsRows, Mean(sums.Clicks, sums.Offers), Mean(sums.RunningMeanLoss, sums.Offers), Mean(sums.RecentMeanLoss, sums.Offers));
    }

    private struct Sums
    {
        public int Offers;
        public int Clicks;
        public double Loss;
        public double RunningMeanLoss;
        public double RecentMeanLoss;

        public void Add(in Sums other)
        {
            Offers += other.Offers;
            Clicks += other.Clicks;
            Loss += other.Loss;
            RunningMeanLoss += other.RunningMeanLoss;
            RecentMeanLoss += other.RecentMeanLoss;
        }
    }
}
