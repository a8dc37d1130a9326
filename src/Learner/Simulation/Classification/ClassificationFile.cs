using System.Globalization;
using Recsys.Bandits.Features;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Simulation.Classification;

/// <summary>Reads a labelled CSV: one header line, the last column is the class, columns with any text that is not a number are categorical.</summary>
public static class ClassificationFile
{
    /// <summary>Longest encoded row; a column of free text or ids would make rows longer than any policy should see.</summary>
    public const int FeaturesMax = 16_384;

    /// <summary>Most classes: the actions of one decision.</summary>
    public const int ClassesMax = 1024;

    /// <summary>Reads and encodes the file.</summary>
    /// <exception cref="DataFileException">It is not such a table; the message names line and column.</exception>
    public static ClassificationData Read(string path)
    {
        using var reader = DelimitedReader.Open(path);
        if (!reader.Read())
            throw new DataFileException(path, "the file is empty; the first line must name the columns.");
        if (reader.Count < 2)
            throw new DataFileException(path, reader.Line, null, "at least one feature column and the class column are needed, separated by commas.");
        var columns = new ColumnText[reader.Count];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = new ColumnText(reader[i].Trim().ToString());

        while (reader.Read())
        {
            if (reader.Count != columns.Length)
                throw new DataFileException(path, reader.Line, reader.Count < columns.Length ? columns[reader.Count].Name : null,
                    $"the header has {columns.Length} fields, this line {reader.Count}.");
            if (reader[^1].Trim().IsEmpty)
                throw new DataFileException(path, reader.Line, columns[^1].Name, "the class is missing.");
            for (var i = 0; i < columns.Length; i++)
                columns[i].Add(reader[i].Trim(), reader.Line);
        }

        if (columns[0].Rows == 0)
            throw new DataFileException(path, "there is no row below the header.");
        var (labels, classes) = Classes(path, columns[^1]);
        var features = columns[..^1];
        var widest = features.MaxBy(static column => column.Width)!;
        if (features.Sum(static column => (long)column.Width) > FeaturesMax)
            throw new DataFileException(path, widest.FirstTextLine, widest.Name,
                $"is not a number, which makes the column categorical with {widest.Width} values; all columns together may have {FeaturesMax}.");
        return new ClassificationData(
            [.. features.Where(static column => column.IsNumeric).Select(column => column.Numbers(path))],
            [.. features.Where(static column => !column.IsNumeric).Select(static column => column.Categories())], labels, classes);
    }

    private static (int[] Labels, List<string> Classes) Classes(string path, ColumnText column)
    {
        var names = column.Distinct;
        if (names.Count < 2)
            throw new DataFileException(path, $"the class column '{column.Name}' (the last one) has one value only; at least two are needed.");
        if (names.Count > ClassesMax)
            throw new DataFileException(path, $"the class column '{column.Name}' (the last one) has {names.Count} values; at most {ClassesMax} can be actions.");
        // In ordinal order, so that shuffling the rows of the file does not renumber the actions.
        var sorted = names.Order(StringComparer.Ordinal).ToList();
        var rank = sorted.Select(static (name, index) => (name, index)).ToDictionary(static c => c.name, static c => c.index, StringComparer.Ordinal);
        return ([.. column.Codes.Select(code => rank[names[code]])], sorted);
    }

    /// <summary>A column while it is read: each distinct text once, a number per row.</summary>
    private sealed class ColumnText(string name)
    {
        private readonly Dictionary<string, int> _codes = new(StringComparer.Ordinal);
        private readonly List<int> _rows = [];

        public string Name { get; } = name;

        public int Rows => _rows.Count;

        public IReadOnlyList<int> Codes => _rows;

        public List<string> Distinct { get; } = [];

        /// <summary>Line of the first text that is neither a number nor missing; 0 when the column is numeric.</summary>
        public long FirstTextLine { get; private set; }

        public void Add(ReadOnlySpan<char> text, long line)
        {
            var lookup = _codes.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!lookup.TryGetValue(text, out var code))
            {
                code = Distinct.Count;
                var owned = text.ToString();
                Distinct.Add(owned);
                _codes.Add(owned, code);
                if (FirstTextLine == 0 && !IsMissing(owned) && !TryNumber(owned, out _))
                    FirstTextLine = line;
            }
            _rows.Add(code);
        }

        public bool IsNumeric => FirstTextLine == 0 && !Distinct.TrueForAll(IsMissing);

        /// <summary>Features that the column becomes.</summary>
        public int Width => IsNumeric ? 1 : Distinct.Count;

        public CategoricalColumn Categories() =>
            new([.. _rows], [.. Distinct.Select(text => FeatureHash.Of("", Name, text))]);

        public NumericColumn Numbers(string path)
        {
            var values = new float[Distinct.Count];
            for (var i = 0; i < values.Length; i++)
                values[i] = TryNumber(Distinct[i], out var number) ? (float)number : float.NaN;
            if (Array.Exists(values, float.IsInfinity))
                throw new DataFileException(path, $"the numbers of column '{Name}' are too large: at most {float.MaxValue:R} can be encoded.");
            double sum = 0;
            var count = 0;
            foreach (var code in _rows)
            {
                if (float.IsNaN(values[code]))
                    continue;
                sum += values[code];
                count++;
            }
            var mean = (float)(sum / count);
            return new NumericColumn([.. _rows], [.. values.Select(value => float.IsNaN(value) ? mean : value)]);
        }

        private static bool IsMissing(string text) => text is "" or "?" or "NA" or "NaN" or "nan" or "null";

        private static bool TryNumber(string text, out double number) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
    }
}
