namespace Recsys.Infrastructure.Events;

/// <summary>
/// Times as RFC 3339 writes them: <c>2026-01-31T23:59:59.123Z</c> or with an offset such as <c>+01:00</c>. Stricter than the framework's parser,
/// which also takes local dates, and more lenient about fractions, which may have any number of digits.
/// </summary>
public static class Rfc3339
{
    /// <summary>Reads a time from 1970 on.</summary>
    /// <param name="text">The text.</param>
    /// <param name="unixMs">Unix milliseconds, the fraction cut off below.</param>
    /// <returns>False when it is no such time.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out long unixMs)
    {
        unixMs = 0;
        if (text.Length < 20 || text[4] != '-' || text[7] != '-' || text[10] is not ('T' or 't' or ' ') || text[13] != ':' || text[16] != ':'
            || !Digits(text[..4], out var year) || !Digits(text[5..7], out var month) || !Digits(text[8..10], out var day)
            || !Digits(text[11..13], out var hour) || !Digits(text[14..16], out var minute) || !Digits(text[17..19], out var second))
            return false;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 60)
            return false;

        var at = 19;
        var ms = 0;
        if (text[at] == '.')
        {
            var start = ++at;
            for (; at < text.Length && char.IsAsciiDigit(text[at]); at++)
            {
                if (at - start < 3)
                    ms = 10 * ms + (text[at] - '0');
            }
            if (at == start)
                return false;
            for (var digits = at - start; digits < 3; digits++)
                ms *= 10;
        }
        if (!Offset(text[at..], out var offsetMinutes))
            return false;
        // A leap second is the next minute's first, as in Unix time.
        var days = new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Utc).Subtract(DateTime.UnixEpoch).Days;
        unixMs = 1000 * (86_400L * days + 3600 * hour + 60 * (minute - offsetMinutes) + second) + ms;
        return unixMs >= 0;
    }

    private static bool Offset(ReadOnlySpan<char> text, out int minutes)
    {
        minutes = 0;
        if (text is "Z" or "z")
            return true;
        if (text.Length != 6 || text[0] is not ('+' or '-') || text[3] != ':' || !Digits(text[1..3], out var hour) || !Digits(text[4..], out var minute)
            || hour > 23 || minute > 59)
            return false;
        minutes = (text[0] == '-' ? -1 : 1) * (60 * hour + minute);
        return true;
    }

    private static bool Digits(ReadOnlySpan<char> text, out int value)
    {
        value = 0;
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c))
                return false;
            value = 10 * value + (c - '0');
        }
        return true;
    }
}
