using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// The hashed inputs of a minibatch as a sparse matrix [example][place], a place for every row of weights in use, and its transpose. The weights are copied side by side,
/// because single blocks are far apart in memory.
/// </summary>
/// <param name="width">Weights of a row.</param>
internal sealed class MinibatchRows(int width)
{
    private readonly List<int> _rows = [];
    private int[] _placeOf = [];
    private float[] _weights = [];
    private float[] _gradients = [];
    // By example: the places of its rows. By place: the examples that use it.
    private int[] _examples = [];
    private int[] _starts = [];
    private int[] _places = [];
    private int[] _users = [];
    private float[] _values = [];
    private float[] _usedValues = [];
    private int _used;
    private int _count;

    /// <summary>The rows in use, by place.</summary>
    public IReadOnlyList<int> Rows => _rows;

    /// <summary>Looks through a minibatch.</summary>
    /// <param name="examples">The minibatch.</param>
    /// <param name="rows">Weights by the numbers that examples have.</param>
    public void Gather(ReadOnlySpan<Example> examples, List<Weights> rows)
    {
        _rows.Clear();
        (_count, _used) = (examples.Length, 0);
        foreach (ref readonly var example in examples)
            _used += example.Rows.Length;
        if (_used == 0)
            return;
        Reserve(rows.Count);
        var at = 0;
        for (var i = 0; i < _count; i++)
        {
            examples[i].Values.CopyTo(_values, at);
            foreach (var row in examples[i].Rows)
                _places[at++] = PlaceOf(row);
            _examples[i + 1] = at;
        }
        if (_weights.Length < _rows.Count * width)
            (_weights, _gradients, _starts) = (new float[2 * _rows.Count * width], new float[2 * _rows.Count * width], new int[2 * _rows.Count + 1]);
        for (var place = 0; place < _rows.Count; place++)
            rows[_rows[place]].Tensor.Values.CopyTo(_weights, place * width);
    }

    /// <summary>Adds what the rows bring into the hidden units.</summary>
    /// <param name="sums">[example][unit], in and out.</param>
    public void AddTo(Span<float> sums)
    {
        if (_used > 0)
            DenseKernels.SparseMultiplyAdd(_examples.AsSpan(0, _count + 1), _places, _values, _weights, width, sums);
    }

    /// <summary>Computes the derivatives by the weights of every row, adding up in the order of the examples.</summary>
    /// <param name="slopes">Derivatives by the sums that go into the hidden units, [example][unit].</param>
    public void Differentiate(ReadOnlySpan<float> slopes)
    {
        if (_used == 0)
            return;
        Transpose();
        var gradients = _gradients.AsSpan(0, _rows.Count * width);
        gradients.Clear();
        DenseKernels.SparseMultiplyAdd(_starts.AsSpan(0, _rows.Count + 1), _users, _usedValues, slopes, width, gradients);
    }

    /// <summary>The derivatives by the weights of the row at a place.</summary>
    public ReadOnlySpan<float> GradientOf(int place) => _gradients.AsSpan(place * width, width);

    private void Reserve(int rows)
    {
        if (_placeOf.Length < rows)
            Array.Resize(ref _placeOf, Math.Max(rows, 2 * _placeOf.Length));
        if (_examples.Length < _count + 1)
            _examples = new int[_count + 1];
        if (_places.Length < _used)
            (_places, _users, _values, _usedValues) = (new int[2 * _used], new int[2 * _used], new float[2 * _used], new float[2 * _used]);
    }

    private int PlaceOf(int row)
    {
        var place = _placeOf[row];
        if (place < _rows.Count && _rows[place] == row)
            return place;
        _placeOf[row] = _rows.Count;
        _rows.Add(row);
        return _rows.Count - 1;
    }

    /// <summary>A counting sort, which keeps the order of the examples within a place.</summary>
    private void Transpose()
    {
        var starts = _starts.AsSpan(0, _rows.Count + 1);
        starts.Clear();
        foreach (var place in _places.AsSpan(0, _used))
            starts[place]++;
        var end = 0;
        for (var place = 0; place < _rows.Count; place++)
            starts[place] = end += starts[place];
        starts[_rows.Count] = end;
        // From the back: what was the end of a place becomes its start.
        for (var i = _count - 1; i >= 0; i--)
        {
            for (var at = _examples[i + 1] - 1; at >= _examples[i]; at--)
            {
                var to = --starts[_places[at]];
                (_users[to], _usedValues[to]) = (i, _values[at]);
            }
        }
    }
}
