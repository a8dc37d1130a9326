namespace Recsys.Learner.Simulation.Classification;

/// <summary>
/// A labelled table, encoded for bandits: numeric columns standardised over the file (mean 0, variance 1; a missing value becomes the mean), every
/// other column one-hot, then each row scaled to Euclidean length 1 (the protocol of Neural Contextual Bandits papers, arXiv 1911.04462 §5,
/// 2312.07145 §5). Labels take no part in the encoding.
/// </summary>
public sealed class ClassificationData
{
    private readonly EncodedColumn[] _columns;

    /// <summary>Binds the encoded columns.</summary>
    /// <param name="columns">The columns before the class, each with one code per row.</param>
    /// <param name="labels">Length <c>Rows</c>: index of the row's class.</param>
    /// <param name="classes">Names of the classes.</param>
    public ClassificationData(IReadOnlyList<EncodedColumn> columns, int[] labels, IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(columns);
        _columns = [.. columns];
        Labels = labels;
        Classes = classes;
        foreach (var column in _columns)
            Features += column.Width;
    }

    /// <summary>Index of each row's class.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>Names of the classes, in ordinal order.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Length of an encoded row.</summary>
    public int Features { get; }

    /// <summary>Encodes one row.</summary>
    /// <param name="row">0-based.</param>
    /// <param name="features">Length <see cref="Features"/>, overwritten; of Euclidean length 1, or 0 when every value is missing or average.</param>
    public void Encode(int row, Span<float> features)
    {
        features.Clear();
        var at = 0;
        double squares = 0;
        foreach (var column in _columns)
        {
            var code = column.Codes[row];
            var value = column.Values is { } values ? values[code] : 1;
            features[at + (column.Values is null ? code : 0)] = value;
            squares += (double)value * value;
            at += column.Width;
        }
        if (squares == 0)
            return;
        var scale = (float)(1 / Math.Sqrt(squares));
        for (var i = 0; i < features.Length; i++)
            features[i] *= scale;
    }
}

/// <summary>One column of a table with every distinct text numbered.</summary>
/// <param name="Codes">One number per row.</param>
/// <param name="Values">Numeric columns: the standardised value of each code. Categorical columns: null, the code itself is the position of the one.</param>
/// <param name="Width">Elements of the encoded row that the column takes.</param>
public sealed record EncodedColumn(int[] Codes, float[]? Values, int Width);
