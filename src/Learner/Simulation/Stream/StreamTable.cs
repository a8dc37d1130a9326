using Recsys.Bandits.Features;
using Recsys.Learner.Simulation.Classification;

namespace Recsys.Learner.Simulation.Stream;

/// <summary>
/// A log in the order of its file, encoded as a client of the service would send it: numeric columns as they are, in the dense vector, every other column as one hashed
/// category. Nothing is scaled: that is the policy's work, from what it has seen so far. The label takes no part in the encoding of the context.
/// </summary>
public sealed class StreamTable
{
    private readonly float[][] _numbers;
    private readonly CategoricalColumn[] _categories;
    private readonly long[]? _times;

    /// <summary>Binds the encoded columns, all of one length.</summary>
    internal StreamTable(
        string label, float[][] numbers, CategoricalColumn[] categories, int[] labels, IReadOnlyList<string> values, long[]? times)
    {
        (_numbers, _categories, _times) = (numbers, categories, times);
        (Label, Labels, Values) = (label, labels, values);
        Features = numbers.Length + categories.Sum(static column => column.Hashes.Length);
        Positive = values.Count == 2 ? LabelRule.Positive(values[0], values[1]) : null;
        Schema = new FeatureSchema(numbers.Length, ClassificationData.HashBits, ActionVector: 0, Positive is null ? ClassificationData.HashBits : 1);
    }

    /// <summary>Name of the label column.</summary>
    public string Label { get; }

    /// <summary>Per row, which of the values.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>Distinct labels in order of appearance, at least two.</summary>
    public IReadOnlyList<string> Values { get; }

    /// <summary>Which value is the click where there are two; null where the labels are items.</summary>
    public int? Positive { get; }

    /// <summary>Rows.</summary>
    public int Rows => Labels.Count;

    /// <summary>Numeric columns and distinct categories together, the label not counted.</summary>
    public int Features { get; }

    /// <summary>Shapes of contexts and, where the labels are items, of actions.</summary>
    public FeatureSchema Schema { get; }

    /// <summary>Event time of a row, Unix milliseconds.</summary>
    public long TimeOf(int row) => _times is null ? row * SimulatedLoop.RoundMilliseconds : _times[row];

    /// <summary>Encodes the context of a row; the result owns its memory.</summary>
    public FeatureSet Encode(int row)
    {
        var dense = new float[_numbers.Length];
        for (var i = 0; i < dense.Length; i++)
            dense[i] = _numbers[i][row];
        var sparse = new SparseFeature[_categories.Length];
        for (var i = 0; i < sparse.Length; i++)
            sparse[i] = new SparseFeature(_categories[i].Hashes[_categories[i].Codes[row]], 1);
        return new FeatureSet(sparse, dense);
    }
}
