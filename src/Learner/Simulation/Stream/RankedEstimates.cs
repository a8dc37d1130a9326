namespace Recsys.Learner.Simulation.Stream;

/// <summary>How well estimates tell clicks from the rest, whatever their scale.</summary>
public static class RankedEstimates
{
    /// <summary>
    /// Area under the ROC curve: the probability that a click has a larger estimate than a non-click, ties counted half. By ranks (Mann and Whitney 1947): equal estimates
    /// share the mean of their ranks. Exact; O(n log n).
    /// </summary>
    /// <param name="estimates">Finite, any scale.</param>
    /// <param name="clicked">As long.</param>
    /// <returns>Null where there is no click or nothing else.</returns>
    public static double? AreaUnderCurve(ReadOnlySpan<float> estimates, ReadOnlySpan<bool> clicked)
    {
        var sorted = estimates.ToArray();
        var labels = clicked.ToArray();
        Array.Sort(sorted, labels);
        long clicks = 0;
        // Twice the rank, so that the mean of two neighbouring ranks is a whole number and the sum is exact.
        decimal doubledRanks = 0;
        for (int start = 0, end; start < sorted.Length; start = end)
        {
            var clicksHere = 0;
            for (end = start; end < sorted.Length && sorted[end] == sorted[start]; end++)
                clicksHere += labels[end] ? 1 : 0;
            doubledRanks += (long)clicksHere * (start + 1 + (long)end);
            clicks += clicksHere;
        }
        var others = sorted.Length - clicks;
        return clicks == 0 || others == 0 ? null : (double)((doubledRanks - clicks * (clicks + 1)) / (2m * clicks * others));
    }
}
