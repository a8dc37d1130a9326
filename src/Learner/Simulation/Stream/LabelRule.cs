using System.Globalization;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>Which of two labels is the click.</summary>
public static class LabelRule
{
    private static readonly HashSet<string> Yes = new(StringComparer.OrdinalIgnoreCase) { "1", "true", "t", "yes", "y", "click", "clicked", "positive", "pos" };

    /// <summary>
    /// The one of the two that says yes (1, true, t, yes, y, click, clicked, positive, pos, in any case); where neither or both do, the larger number if both are
    /// numbers, else the one that comes later in ordinal order.
    /// </summary>
    /// <returns>0 or 1.</returns>
    public static int Positive(string first, string second)
    {
        if (Yes.Contains(first) != Yes.Contains(second))
            return Yes.Contains(first) ? 0 : 1;
        if (TryNumber(first, out var one) && TryNumber(second, out var other) && one != other)
            return one > other ? 0 : 1;
        return string.CompareOrdinal(first, second) > 0 ? 0 : 1;
    }

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
}
