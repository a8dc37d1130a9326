namespace Recsys.Learner.Graph;

/// <summary>Content features of items, sparse: item i is the sum over its features f of weight · (learned vector of f).</summary>
/// <param name="Features">Number of features F.</param>
/// <param name="Indices">Per item, ascending indices below F; empty for an item without content.</param>
/// <param name="Weights">Per item, the weights in the same order, finite.</param>
public sealed record ItemContent(int Features, int[][] Indices, float[][] Weights)
{
    /// <summary>No item has content.</summary>
    public static ItemContent None(int items) =>
        new(0, Enumerable.Repeat(Array.Empty<int>(), items).ToArray(), Enumerable.Repeat(Array.Empty<float>(), items).ToArray());

    /// <summary>
    /// Encodes a table: numeric columns are standardised over the items that have a value (a missing one counts as the mean), a categorical value is a feature of
    /// its own if at least two items share it: one that a single item has says no more than the item's id. An item's values of one column share a
    /// length of 1.
    /// </summary>
    /// <param name="table">The items.</param>
    /// <param name="ids">Ids in the order wanted; those that the table lacks get no content.</param>
    public static ItemContent Encode(ItemTable table, IReadOnlyList<string> ids)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(ids);
        var features = 0;
        var rows = Enumerable.Range(0, table.Ids.Count).Select(static _ => new List<(int Feature, float Weight)>()).ToArray();
        foreach (var column in table.Columns)
        {
            if (column.Numbers is { } numbers)
                features += Standardised(numbers, features, rows);
            else
                features += Shared(column.Values!, features, rows);
        }
        var indices = new int[ids.Count][];
        var weights = new float[ids.Count][];
        for (var i = 0; i < ids.Count; i++)
        {
            var row = table.RowOf.TryGetValue(ids[i], out var at) ? rows[at] : [];
            indices[i] = [.. row.Select(static x => x.Feature)];
            weights[i] = [.. row.Select(static x => x.Weight)];
        }
        return new ItemContent(features, indices, weights);
    }

    private static int Standardised(double?[] numbers, int feature, List<(int Feature, float Weight)>[] rows)
    {
        var known = numbers.Where(static n => n is not null).Select(static n => n!.Value).ToArray();
        var mean = known.Length == 0 ? 0 : known.Average();
        var deviation = known.Length == 0 ? 0 : Math.Sqrt(known.Average(n => (n - mean) * (n - mean)));
        if (!(deviation > 0) || !double.IsFinite(deviation))
            return 0;
        for (var i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] is { } number && number != mean)
                rows[i].Add((feature, (float)((number - mean) / deviation)));
        }
        return 1;
    }

    private static int Shared(string[][] values, int feature, List<(int Feature, float Weight)>[] rows)
    {
        var owners = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var value in values.SelectMany(static v => v))
            owners[value] = owners.GetValueOrDefault(value) + 1;
        // By order of appearance, which is the file's.
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < values.Length; i++)
        {
            var shared = values[i].Where(v => owners[v] > 1).ToArray();
            var length = 1 / MathF.Sqrt(Math.Max(1, shared.Length));
            foreach (var value in shared)
            {
                if (!numbers.TryGetValue(value, out var number))
                    numbers[value] = number = numbers.Count;
                rows[i].Add((feature + number, length));
            }
        }
        return numbers.Count;
    }
}
