using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// The hashed inputs of the minibatches of all networks as sparse matrices [example][place], with a place for every row of weights in use, and their transposes. The weights
/// are copied side by side, because single blocks are far apart in memory.
/// </summary>
/// <param name="options">Shape and number of the networks.</param>
internal sealed class MinibatchRows(NeuralOptions options)
{
    private int[] _rows = [];
    private int[] _placeOf = [];
    private float[] _weights = [];
    private float[][] _gradients = [];
    // By example: the places of its rows.
    private int[] _examples = [];
    private int[] _places = [];
    private float[] _values = [];
    // By place, of one network at a time: its examples that use it.
    private int[] _starts = [];
    private int[] _users = [];
    private float[] _usedValues = [];
    private int _count;
    private int _used;
    private int _batch;

    /// <summary>The rows in use, by place.</summary>
    public ReadOnlySpan<int> Rows => _rows.AsSpan(0, _count);

    /// <summary>Looks through minibatches.</summary>
    /// <param name="examples">One minibatch after the other, as many rows each.</param>
    /// <param name="rows">Weights by the numbers that examples have.</param>
    public void Gather(ReadOnlySpan<Example> examples, List<Weights> rows)
    {
        (_batch, _count, _used) = (examples.Length / options.Networks, 0, 0);
        foreach (ref readonly var example in examples)
            _used += example.Rows.Length;
        if (_used == 0)
            return;
        Reserve(examples.Length, rows.Count);
        var at = 0;
        for (var i = 0; i < examples.Length; i++)
        {
            ref readonly var example = ref examples[i];
            example.Values.CopyTo(_values, at);
            _count = Place(example.Rows, _places.AsSpan(at, example.Rows.Length), _count);
            _examples[i + 1] = at += example.Rows.Length;
        }
        var width = options.Width;
        if (_weights.Length < _count * width)
            (_weights, _gradients, _starts) = (new float[2 * _count * width], new float[2 * _count][], new int[2 * _count + 1]);
        for (var place = 0; place < _count; place++)
        {
            var tensor = rows[_rows[place]].Tensor;
            tensor.Values.CopyTo(_weights, place * width);
            _gradients[place] = tensor.Gradient;
        }
    }

    /// <summary>Adds what the rows bring into the hidden units of a network.</summary>
    /// <param name="network">Its number.</param>
    /// <param name="sums">[example][unit], in and out.</param>
    public void AddTo(int network, Span<float> sums)
    {
        if (_used == 0)
            return;
        DenseKernels.SparseMultiplyAdd(
            _examples.AsSpan(network * _batch, _batch + 1), _places, _values, _weights.AsSpan(network * options.Hidden), options.Width, options.Hidden, sums, options.Hidden);
    }

    /// <summary>Writes the derivatives by a network's weights into the gradient of every row in use, added up in the order of the examples.</summary>
    /// <param name="network">Its number.</param>
    /// <param name="slopes">Derivatives by the sums that go into its hidden units, [example][unit].</param>
    public void Differentiate(int network, ReadOnlySpan<float> slopes)
    {
        if (_used == 0)
            return;
        Transpose(network * _batch);
        DenseKernels.SparseMultiply(
            _starts.AsSpan(0, _count + 1), _users, _usedValues, slopes, options.Hidden, options.Hidden, _gradients.AsSpan(0, _count), network * options.Hidden);
    }

    /// <summary>Looks up the places of rows; those that have none get the next ones.</summary>
    /// <returns>How many there are now.</returns>
    private int Place(int[] rows, Span<int> places, int count)
    {
        Span<int> rowAt = _rows, placeOf = _placeOf;
        for (var i = 0; i < rows.Length; i++)
        {
            var row = rows[i];
            var place = placeOf[row];
            if (place >= count || rowAt[place] != row)
                (placeOf[row], rowAt[count]) = (place = count++, row);
            places[i] = place;
        }
        return count;
    }

    private void Reserve(int examples, int rows)
    {
        if (_placeOf.Length < rows)
        {
            Array.Resize(ref _placeOf, Math.Max(rows, 2 * _placeOf.Length));
            Array.Resize(ref _rows, _placeOf.Length);
        }
        if (_examples.Length < examples + 1)
            _examples = new int[examples + 1];
        if (_places.Length < _used)
            (_places, _users, _values, _usedValues) = (new int[2 * _used], new int[2 * _used], new float[2 * _used], new float[2 * _used]);
    }

    /// <summary>A counting sort of the minibatch that begins with an example; it keeps the order of the examples within a place.</summary>
    private void Transpose(int first)
    {
        var (from, to) = (_examples[first], _examples[first + _batch]);
        var starts = _starts.AsSpan(0, _count + 1);
        starts.Clear();
        foreach (var place in _places.AsSpan(from, to - from))
            starts[place]++;
        var end = 0;
        for (var place = 0; place < _count; place++)
            starts[place] = end += starts[place];
        starts[_count] = end;
        // From the back: what was the end of a place becomes its start.
        for (var i = _batch - 1; i >= 0; i--)
        {
            for (var at = _examples[first + i + 1] - 1; at >= _examples[first + i]; at--)
            {
                var into = --starts[_places[at]];
                (_users[into], _usedValues[into]) = (i, _values[at]);
            }
        }
    }
}
