using System.Globalization;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Graph;

/// <summary>One column of an item table: numbers or sets of values, never both.</summary>
/// <param name="Name">From the header.</param>
/// <param name="Numbers">One per item, null where missing; or null for a categorical column.</param>
/// <param name="Values">Distinct values per item, as a|b|c in the file; or null for a numeric column.</param>
public sealed record ItemColumn(string Name, double?[]? Numbers, string[][]? Values);

/// <summary>What is known about items besides the log.</summary>
/// <param name="Ids">Distinct ids in the file's order.</param>
/// <param name="Columns">The other columns.</param>
public sealed record ItemTable(IReadOnlyList<string> Ids, IReadOnlyList<ItemColumn> Columns)
{
    /// <summary>Position of an id.</summary>
    public IReadOnlyDictionary<string, int> RowOf { get; } =
        Ids.Select(static (id, i) => (id, i)).ToDictionary(static x => x.id, static x => x.i, StringComparer.Ordinal);

    /// <summary>
    /// Reads a table with a header. The first column whose name ends in "id", or is "item", holds the ids; without one it is the first column. A column is numeric
    /// if all its values are; the others are categorical, several values of an item separated by |.
    /// </summary>
    /// <exception cref="DataFileException">It is not such a table; the message names line and column.</exception>
    public static ItemTable Read(string path)
    {
        using var reader = DelimitedReader.Open(path, delimiter: null);
        if (!reader.Read())
            throw new DataFileException(path, "the file is empty.");
        var names = Enumerable.Range(0, reader.Count).Select(i => reader[i].ToString().Trim()).ToArray();
        var idColumn = Math.Max(0, Array.FindIndex(names, static n =>
            n.EndsWith("id", StringComparison.OrdinalIgnoreCase) || n.Equals("item", StringComparison.OrdinalIgnoreCase)));
        var ids = new List<string>();
        var lines = new Dictionary<string, long>(StringComparer.Ordinal);
        var cells = names.Select(static _ => new List<string>()).ToArray();
        while (reader.Read())
        {
            if (reader.Count != names.Length)
                throw new DataFileException(path, reader.Line, null, $"the line has {reader.Count} fields, the header has {names.Length}.");
            var id = reader[idColumn].Trim().ToString();
            if (id.Length == 0)
                throw new DataFileException(path, reader.Line, names[idColumn], "the id is missing.");
            if (!lines.TryAdd(id, reader.Line))
                throw new DataFileException(path, reader.Line, names[idColumn], $"item '{id}' is there already, in line {lines[id]}.");
            ids.Add(id);
            for (var i = 0; i < names.Length; i++)
            {
                var cell = reader[i].Trim().ToString();
                if (i != idColumn && double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && !float.IsFinite((float)number))
                    throw new DataFileException(path, reader.Line, names[i], $"'{cell}' is not finite.");
                cells[i].Add(cell);
            }
        }
        if (ids.Count == 0)
            throw new DataFileException(path, "there is no row below the header.");
        return new ItemTable(ids, [.. Enumerable.Range(0, names.Length).Where(i => i != idColumn).Select(i => Column(names[i], cells[i]))]);
    }

    private static ItemColumn Column(string name, List<string> cells)
    {
        var numbers = new double?[cells.Count];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (cells[i].Length == 0)
                continue;
            if (!double.TryParse(cells[i], NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            {
                return new ItemColumn(name, null,
                    [.. cells.Select(static c => c.Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal).ToArray())]);
            }
            numbers[i] = number;
        }
        return new ItemColumn(name, numbers, null);
    }
}
