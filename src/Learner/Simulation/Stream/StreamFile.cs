using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>Reads a log: CSV, plain or gzip, one header line, one row per event in the order of time.</summary>
public static class StreamFile
{
    /// <summary>Most rows; a table of ten columns then takes a gigabyte or two.</summary>
    public const int RowsMax = 20_000_000;

    /// <summary>Reads and encodes the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">What its columns are for.</param>
    /// <exception cref="DataFileException">It is not such a table; the message names line and column.</exception>
    /// <exception cref="SimulationOptionsException">A column that is asked for is not there; the message names those that are.</exception>
    public static StreamTable Read(string path, StreamColumns columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        using var reader = DelimitedReader.Open(path);
        if (!reader.Read())
            throw new DataFileException(path, "the file is empty; the first line must name the columns.");
        var header = Header(reader);
        var missing = columns.Named.Where(named => !header.Contains(named.Column, StringComparer.Ordinal)).ToList();
        if (missing.Count > 0)
        {
            var known = string.Join(", ", header);
            throw new SimulationOptionsException(
                string.Join(' ', missing.Select(named => $"{path} has no column '{named.Column}', which {named.Option} names.")) + $" Its columns: {known}.");
        }
        if (columns.Ignored.Contains(columns.Label, StringComparer.Ordinal))
            throw new SimulationOptionsException($"'{columns.Label}' cannot be the label and ignored.");
        if (columns.Time == columns.Label)
            throw new SimulationOptionsException($"'{columns.Label}' cannot be the label and the time.");

        var label = new ColumnText(columns.Label);
        var labelAt = Array.IndexOf(header, columns.Label);
        var timeAt = columns.Time is null ? -1 : Array.IndexOf(header, columns.Time);
        var times = new List<long>();
        // An ignored column is not even kept.
        var features = Enumerable.Range(0, header.Length)
            .Where(i => i != labelAt && i != timeAt && !columns.Ignored.Contains(header[i], StringComparer.Ordinal))
            .Select(i => (At: i, Column: new ColumnText(header[i])))
            .ToList();
        while (reader.Read())
        {
            if (reader.Count != header.Length)
                throw new DataFileException(path, reader.Line, reader.Count < header.Length ? header[reader.Count] : null,
                    $"the header has {header.Length} fields, this line {reader.Count}.");
            var value = reader[labelAt].Trim();
            if (value.IsEmpty)
                throw new DataFileException(path, reader.Line, columns.Label, "the label is missing.");
            if (label.Codes.Count == RowsMax)
                throw new DataFileException(path, reader.Line, null, $"there are more than {RowsMax:N0} rows.");
            label.Add(value);
            if (timeAt >= 0)
                times.Add(Time(reader, timeAt, columns.Time!));
            foreach (var (at, column) in features)
                column.Add(reader[at].Trim());
        }

        if (label.Codes.Count == 0)
            throw new DataFileException(path, "there is no row below the header.");
        if (label.Distinct.Count == 1)
            throw new DataFileException(path, $"the label column '{label.Name}' has one value only, '{label.Distinct[0]}': there is nothing to predict.");
        var numeric = features.ToLookup(feature => feature.Column.IsNumeric && !columns.Categorical.Contains(feature.Column.Name, StringComparer.Ordinal));
        return new StreamTable(
            label.Name,
            [.. numeric[true].Select(feature => feature.Column.Numbers()
                ?? throw new DataFileException(path, $"the numbers of column '{feature.Column.Name}' are too large: at most {float.MaxValue:R} can be encoded."))],
            [.. numeric[false].Select(static feature => feature.Column.Categories())],
            [.. label.Codes], label.Distinct, timeAt < 0 ? null : [.. times]);
    }

    private static string[] Header(DelimitedReader reader)
    {
        var header = new string[reader.Count];
        for (var i = 0; i < header.Length; i++)
            header[i] = reader[i].Trim().ToString();
        var repeated = header.GroupBy(static name => name, StringComparer.Ordinal).FirstOrDefault(static group => group.Count() > 1)?.Key;
        return repeated is null
            ? header
            : throw new DataFileException(reader.Path, reader.Line, repeated, "the name is given to more than one column.");
    }

    private static long Time(DelimitedReader reader, int at, string column)
    {
        var text = reader[at].Trim();
        return EventTime.TryParse(text, out var time)
            ? time
            : throw new DataFileException(reader.Path, reader.Line, column, $"'{text}' is no time: Unix seconds, or a date and time such as 2016-03-14T13:54:36Z.");
    }
}
