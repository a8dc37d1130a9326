using System.Globalization;
using System.Text;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>How a run stood over time, as CSV.</summary>
public static class CurveFile
{
    /// <summary>A header and one line per point, in invariant culture.</summary>
    public static string Text(IEnumerable<CurvePoint> curve)
    {
        ArgumentNullException.ThrowIfNull(curve);
        var text = new StringBuilder("rounds,attained\n");
        foreach (var (rounds, attained) in curve)
            text.Append(CultureInfo.InvariantCulture, $"{rounds},{attained:0.######}\n");
        return text.ToString();
    }
}
