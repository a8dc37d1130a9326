using System.Globalization;
using System.Text;

namespace Recsys.Learner.Simulation;

/// <summary>How a run stood at one time.</summary>
/// <param name="Rounds">Decisions made.</param>
/// <param name="Value">What the simulation measures, over these rounds.</param>
public readonly record struct CurvePoint(long Rounds, double Value)
{
    /// <summary>Most points of a curve; they are evenly spaced, and the last is the end of the run.</summary>
    public const int Most = 200;

    /// <summary>Whether there is a point after so many rounds of all.</summary>
    public static bool IsDue(long rounds, long all) => rounds % ((all + Most - 1) / Most) == 0 || rounds == all;
}

/// <summary>How a run stood over time, as CSV.</summary>
public static class CurveFile
{
    /// <summary>A header and one line per point, in invariant culture.</summary>
    /// <param name="measure">Name of the second column.</param>
    /// <param name="curve">The points.</param>
    public static string Text(string measure, IEnumerable<CurvePoint> curve)
    {
        ArgumentNullException.ThrowIfNull(curve);
        var text = new StringBuilder("rounds,").Append(measure).Append('\n');
        foreach (var (rounds, value) in curve)
            text.Append(CultureInfo.InvariantCulture, $"{rounds},{value:0.######}\n");
        return text.ToString();
    }
}
