using Recsys.Bandits.Features;

namespace Recsys.Learner.Simulation.Classification;

/// <summary>
/// A labelled table, encoded as a client of the service would send it: numeric columns as they are, in the dense vector (a missing number is the mean of its column),
/// every other column as one hashed category. Nothing is scaled: no live service has seen the whole table, so scaling is the policy's work. Labels take no part
/// in the encoding.
/// </summary>
public sealed class ClassificationData
{
    private readonly NumericColumn[] _numbers;
    private readonly CategoricalColumn[] _categories;

    /// <summary>Binds the encoded columns.</summary>
    /// <param name="numbers">Columns of the dense vector.</param>
    /// <param name="categories">Columns of hashed features.</param>
    /// <param name="labels">Length <c>Rows</c>: index of the row's class.</param>
    /// <param name="classes">Names of the classes.</param>
    public ClassificationData(
        IReadOnlyList<NumericColumn> numbers, IReadOnlyList<CategoricalColumn> categories, int[] labels, IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        ArgumentNullException.ThrowIfNull(categories);
        _numbers = [.. numbers];
        _categories = [.. categories];
        Labels = labels;
        Classes = classes;
        Features = _numbers.Length + _categories.Sum(static column => column.Hashes.Length);
        Schema = new FeatureSchema(ContextVector: _numbers.Length, ContextHashBits: HashBits);
    }

    /// <summary>log2 of the table that the categories share: wide enough that of a few hundred hardly two meet.</summary>
    public const int HashBits = 18;

    /// <summary>Index of each row's class.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>Names of the classes, in ordinal order.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Numeric columns and distinct categories together.</summary>
    public int Features { get; }

    /// <summary>Shapes of what <see cref="Encode"/> returns.</summary>
    public FeatureSchema Schema { get; }

    /// <summary>Encodes one row; the result owns its memory.</summary>
    /// <param name="row">0-based.</param>
    public FeatureSet Encode(int row)
    {
        var dense = new float[_numbers.Length];
        for (var i = 0; i < dense.Length; i++)
            dense[i] = _numbers[i].Values[_numbers[i].Codes[row]];
        var sparse = new SparseFeature[_categories.Length];
        for (var i = 0; i < sparse.Length; i++)
            sparse[i] = new SparseFeature(_categories[i].Hashes[_categories[i].Codes[row]], 1);
        return new FeatureSet(sparse, dense);
    }
}

/// <summary>A column of numbers, every distinct one once.</summary>
/// <param name="Codes">One per row: an index into the values.</param>
/// <param name="Values">Finite.</param>
public sealed record NumericColumn(int[] Codes, float[] Values);

/// <summary>A column of categories, every distinct one once.</summary>
/// <param name="Codes">One per row: an index into the hashes.</param>
/// <param name="Hashes">Of name and category, as <see cref="FeatureHash"/> has it.</param>
public sealed record CategoricalColumn(int[] Codes, uint[] Hashes);
