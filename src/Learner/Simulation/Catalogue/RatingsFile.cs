using System.Globalization;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// Reads ratings: four columns in any spelling and order (userId, user_id, User-ID, item, movieId, stars, …), separated by commas, semicolons, tabs or
/// <c>::</c>, plain or gzip. Without a header the order is user, item, rating, timestamp. Further columns are ignored.
/// </summary>
public static class RatingsFile
{
    /// <summary>The vectors of a simulated catalogue are dense; this bounds their memory to a few gigabytes.</summary>
    public const int EntitiesMax = 5_000_000;

    private static readonly string[][] Spellings =
    [
        ["user", "userid", "uid", "customer", "customerid", "member", "memberid", "reviewer", "reviewerid", "person", "personid", "subject"],
        ["item", "itemid", "iid", "movie", "movieid", "product", "productid", "book", "bookid", "article", "articleid", "track", "trackid", "song", "songid",
            "anime", "animeid", "asin", "isbn", "content", "contentid", "film", "filmid", "game", "gameid", "business", "businessid"],
        ["rating", "ratings", "stars", "star", "score", "value", "overall", "bookrating", "userrating"],
        ["timestamp", "time", "ts", "date", "datetime", "unixtime", "unixreviewtime", "ratedat", "createdat", "eventtime", "reviewtime"],
    ];

    private static readonly string[] Names = ["user", "item", "rating", "timestamp"];

    /// <summary>Reads the file.</summary>
    /// <exception cref="DataFileException">It is not such a table; the message names line and column.</exception>
    public static Ratings Read(string path) => Read(path, needed: Names.Length);

    /// <summary>
    /// Reads an interaction log: as <see cref="Read(string)"/>, but a file with a header may lack the rating, then every value is 1, and the timestamp, then the
    /// order of the rows is the order in time.
    /// </summary>
    /// <exception cref="DataFileException">It is not such a table; the message names line and column.</exception>
    public static Ratings ReadInteractions(string path) => Read(path, needed: 2);

    private static Ratings Read(string path, int needed)
    {
        using var reader = DelimitedReader.Open(path, delimiter: null);
        if (!reader.Read())
            throw new DataFileException(path, "the file is empty.");
        var columns = Columns(reader, needed, out var header);
        var users = new Numbering();
        var items = new Numbering();
        var all = new List<Rating>();
        for (var more = !header || reader.Read(); more; more = reader.Read())
        {
            var last = columns.Max();
            if (reader.Count <= last)
                throw new DataFileException(path, reader.Line, Names[Array.IndexOf(columns, last)], $"the line has {reader.Count} fields only.");
            var rating = columns[2] < 0 ? 1 : (float)Number(reader, columns, 2, TryNumber);
            var time = columns[3] < 0 ? all.Count : Number(reader, columns, 3, TryTime);
            all.Add(new Rating(Id(reader, columns, 0, users), Id(reader, columns, 1, items), rating, time));
        }
        if (all.Count == 0)
            throw new DataFileException(path, "there is no row below the header.");
        return new Ratings(users.Ids, items.Ids, all, Rated: columns[2] >= 0);
    }

    private static int[] Columns(DelimitedReader reader, int needed, out bool header)
    {
        var columns = new int[Names.Length];
        header = false;
        if (reader.Count >= Names.Length && TryNumber(reader[2], out _) && TryTime(reader[3], out _))
            return [0, 1, 2, 3];

        header = true;
        Array.Fill(columns, -1);
        for (var i = 0; i < reader.Count; i++)
        {
            var plain = string.Concat(reader[i].ToString().Where(char.IsLetterOrDigit)).ToLowerInvariant();
            for (var wanted = 0; wanted < Spellings.Length; wanted++)
                if (columns[wanted] < 0 && Spellings[wanted].Contains(plain, StringComparer.Ordinal))
                    columns[wanted] = i;
        }
        var missing = Array.IndexOf(columns, -1, 0, needed);
        if (missing < 0)
            return columns;
        throw new DataFileException(reader.Path, reader.Line, null,
            $"no column is named like '{Names[missing]}' (accepted, whatever the case and punctuation: {string.Join(", ", Spellings[missing])}).");
    }

    private static int Id(DelimitedReader reader, int[] columns, int which, Numbering numbering)
    {
        var text = reader[columns[which]].Trim();
        if (text.IsEmpty)
            throw new DataFileException(reader.Path, reader.Line, Names[which], "the id is missing.");
        var number = numbering.Of(text);
        return number < EntitiesMax
            ? number
            : throw new DataFileException(reader.Path, reader.Line, Names[which], $"there are more than {EntitiesMax:N0} different ids.");
    }

    private static double Number(DelimitedReader reader, int[] columns, int which, TryRead read)
    {
        var text = reader[columns[which]];
        return read(text, out var value)
            ? value
            : throw new DataFileException(reader.Path, reader.Line, Names[which], $"'{text}' is not a {Names[which]}.");
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite((float)value);

    private static bool TryTime(ReadOnlySpan<char> text, out double value)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value))
            return double.IsFinite(value);
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return false;
        value = time.ToUnixTimeMilliseconds() / 1000.0;
        return true;
    }

    private delegate bool TryRead(ReadOnlySpan<char> text, out double value);

    /// <summary>Ids in order of appearance.</summary>
    private sealed class Numbering
    {
        private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

        public List<string> Ids { get; } = [];

        public int Of(ReadOnlySpan<char> id)
        {
            if (_numbers.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var number))
                return number;
            number = Ids.Count;
            var text = id.ToString();
            Ids.Add(text);
            _numbers.Add(text, number);
            return number;
        }
    }
}
