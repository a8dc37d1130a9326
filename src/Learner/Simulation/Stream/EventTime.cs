using System.Globalization;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>Reads a point in time.</summary>
internal static class EventTime
{
    /// <summary>A number this large is in milliseconds: as seconds it would be in the year 5138.</summary>
    private const double LeastMilliseconds = 1e11;

    /// <summary>Largest number of milliseconds, the end of the year 9999.</summary>
    private const double MostMilliseconds = 253_402_300_799_999;

    /// <summary>Unix seconds (or milliseconds, told by their size), or a date with or without a time of day, UTC unless it says otherwise.</summary>
    /// <param name="text">Trimmed.</param>
    /// <param name="milliseconds">Unix milliseconds.</param>
    /// <returns>False when it is neither.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out long milliseconds)
    {
        milliseconds = 0;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            number = Math.Abs(number) < LeastMilliseconds ? Math.Round(1000 * number) : number;
            if (!(Math.Abs(number) <= MostMilliseconds))
                return false;
            milliseconds = (long)number;
            return true;
        }
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return false;
        milliseconds = time.ToUnixTimeMilliseconds();
        return true;
    }
}
