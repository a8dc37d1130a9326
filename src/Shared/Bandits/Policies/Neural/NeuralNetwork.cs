using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// The network while it is trained: h = max(0, W·x + b) with x the dense inputs of context and action, scaled, and their hashed inputs; output f = u_a·h + c_a, plus u·h + c
/// where actions share an output. A block vector with x in the place of the action, as the papers have it, would multiply the same numbers with more zeros.
/// </summary>
internal sealed class NeuralNetwork
{
    private const ulong LayerId = 1, BiasId = 2;
    private readonly NeuralOptions _options;
    private readonly InputTable _inputTable;
    private readonly int _member;
    private readonly List<Weights> _touched = [];
    private float[] _inputs = [];
    private float[] _hidden = [];
    private float[] _slopes = [];
    private readonly float[] _output;
    // The hashed inputs of a minibatch, side by side: their weights, their gradients, and the place there of every row.
    private readonly List<int> _batchRows = [];
    private int[] _placeOf = [];
    private int[] _places = [];
    private float[] _rowValues = [];
    private float[] _rowGradients = [];
    private ParameterTensor[] _stepped = [];

    /// <summary>A network that has seen nothing.</summary>
    /// <param name="options">Its shape.</param>
    /// <param name="inputs">What it shares with the others of its ensemble.</param>
    /// <param name="member">Its number there, from 0: every one begins elsewhere.</param>
    public NeuralNetwork(NeuralOptions options, InputTable inputs, int member)
    {
        (_options, _inputTable, _member) = (options, inputs, member);
        var units = options.Hidden;
        _output = new float[units];
        BatchSize = options.BatchSize?.Smallest ?? options.Batch;
        var weights = new float[options.Dense * units];
        // Scaled inputs have unit variance: so have the sums that go into the units.
        InitialWeights.Draw(Seed(LayerId), 1 / Math.Sqrt(Math.Max(1, options.Dense)), weights);
        var bias = new float[units];
        InitialWeights.Draw(Seed(BiasId), 0.5, bias);
        Layer = new Weights(weights, options);
        Bias = new Weights(bias, options);
        Shared = new Weights(FreshHead(isShared: true), options);
    }

    /// <summary>W of the dense inputs, [input][unit].</summary>
    public Weights Layer { get; }

    /// <summary>b.</summary>
    public Weights Bias { get; }

    /// <summary>u and then c of the output that all actions share; unused where they share none.</summary>
    public Weights Shared { get; }

    /// <summary>W of each hashed input.</summary>
    public List<Weights> Rows { get; } = [];

    /// <summary>u_a and then c_a of each.</summary>
    public List<Weights> Heads { get; } = [];

    /// <summary>Every block, in a fixed order.</summary>
    public IEnumerable<Weights> All => [Layer, Bias, Shared, .. Rows, .. Heads];

    /// <summary>Steps taken.</summary>
    public long Step { get; set; }

    /// <summary>Rows that the next step should have.</summary>
    public int BatchSize { get; set; }

    /// <summary>How often the weights had left all bounds, and the network began anew.</summary>
    public long Restarts { get; set; }

    /// <summary>Makes weights for whatever has a number and no weights yet.</summary>
    public void Cover()
    {
        while (Rows.Count < _inputTable.RowIds.Count)
        {
            var initial = new float[_options.Hidden];
            InitialWeights.Draw(Seed(_inputTable.RowIds[Rows.Count]), _inputTable.DeviationOf(Rows.Count), initial);
            Rows.Add(new Weights(initial, _options));
        }
        while (Heads.Count < _inputTable.HeadKeys.Count)
            Heads.Add(new Weights(FreshHead(isShared: false), _options));
    }

    /// <summary>What the network expects of an example that it has not learned from, normalised; and makes it surer of such examples.</summary>
    public float Foresee(in Example example)
    {
        Forward(new ReadOnlySpan<Example>(in example));
        var hidden = _hidden.AsSpan(0, _options.Hidden);
        var output = Outputs(example.Head, hidden);
        AddPrecision(example, hidden);
        return Expected(output);
    }

    /// <summary>Learns a minibatch.</summary>
    /// <param name="examples">At least one.</param>
    /// <param name="rate">Learning rate.</param>
    public void Learn(ReadOnlySpan<Example> examples, float rate)
    {
        var (count, units, dense) = (examples.Length, _options.Hidden, _options.Dense);
        Step++;
        Forward(examples);
        _touched.Clear();
        Touch(Layer);
        Touch(Bias);
        var squaredNorms = 0.0;
        for (var i = 0; i < count; i++)
        {
            var example = examples[i];
            var hidden = _hidden.AsSpan(i * units, units);
            var output = Outputs(example.Head, hidden);
            // The derivative of either loss by the output.
            var slope = (Expected(output) - example.Reward) / count;
            var slopes = _slopes.AsSpan(i * units, units);
            TensorPrimitives.Multiply(_output, slope, slopes);
            DenseKernels.MaskWhereZero(hidden, slopes);
            if (example.Head >= 0)
                AddToHead(Touch(Heads[example.Head]), slope, hidden);
            if (UsesShared(example.Head))
                AddToHead(Touch(Shared), slope, hidden);
            DenseKernels.AddScaled(1, slopes, Bias.Tensor.Gradient);
            if (_options.BatchSize is not null)
                squaredNorms += (double)count * count * SquaredNorm(example, i, slope);
            if (example.Rows.Length > 0)
                DenseKernels.AddToRows(example.Values, PlacesOf(example.Rows), slopes, units, _rowGradients);
        }
        DenseKernels.MultiplyAdd(_inputs, 1, dense, dense, count, _slopes, units, Layer.Tensor.Gradient);
        for (var place = 0; place < _batchRows.Count; place++)
        {
            var row = Rows[_batchRows[place]];
            _rowGradients.AsSpan(place * units, units).CopyTo(row.Tensor.Gradient);
            _touched.Add(row);
        }
        var norm = Move(rate);
        if (_options.BatchSize is { } control && count > 1)
            BatchSize = control.Next(BatchSize, GradientNoise.OfMicroBatches(squaredNorms, count, 1, norm * norm));
    }

    /// <summary>
    /// ‖g‖² of one row of a minibatch, without its gradient: that of a layer is the outer product of slopes and inputs. A hashed input that comes twice counts as two.
    /// </summary>
    private double SquaredNorm(in Example example, int place, float slope)
    {
        var (units, dense) = (_options.Hidden, _options.Dense);
        ReadOnlySpan<float> slopes = _slopes.AsSpan(place * units, units), hidden = _hidden.AsSpan(place * units, units), inputs = _inputs.AsSpan(place * dense, dense);
        var outputs = (example.Head >= 0 ? 1 : 0) + (UsesShared(example.Head) ? 1 : 0);
        return (double)DenseKernels.Dot(slopes, slopes) * (1 + DenseKernels.Dot(inputs, inputs) + DenseKernels.Dot(example.Values, example.Values))
            + (double)outputs * slope * slope * (1 + DenseKernels.Dot(hidden, hidden));
    }

    private void Forward(ReadOnlySpan<Example> examples)
    {
        var (count, units, dense) = (examples.Length, _options.Hidden, _options.Dense);
        if (_hidden.Length < count * units)
            (_inputs, _hidden, _slopes) = (new float[count * dense], new float[count * units], new float[count * units]);
        GatherRows(examples);
        for (var i = 0; i < count; i++)
        {
            var example = examples[i];
            _inputTable.Scaler.Apply(example.Dense, _inputs.AsSpan(i * dense, dense));
            var hidden = _hidden.AsSpan(i * units, units);
            Bias.Tensor.Values.CopyTo(hidden);
            if (example.Rows.Length > 0)
                DenseKernels.AddRows(example.Values, PlacesOf(example.Rows), _rowValues, units, hidden);
        }
        DenseKernels.MultiplyAdd(_inputs, dense, 1, count, dense, Layer.Tensor.Values, units, _hidden);
        DenseKernels.Rectify(_hidden.AsSpan(0, count * units));
    }

    private void GatherRows(ReadOnlySpan<Example> examples)
    {
        var units = _options.Hidden;
        if (_placeOf.Length < Rows.Count)
            Array.Resize(ref _placeOf, Math.Max(Rows.Count, 2 * _placeOf.Length));
        _batchRows.Clear();
        var longest = 0;
        foreach (ref readonly var example in examples)
        {
            longest = Math.Max(longest, example.Rows.Length);
            foreach (var row in example.Rows)
            {
                var place = _placeOf[row];
                if (place < _batchRows.Count && _batchRows[place] == row)
                    continue;
                _placeOf[row] = _batchRows.Count;
                _batchRows.Add(row);
            }
        }
        if (_places.Length < longest)
            _places = new int[longest];
        if (_rowValues.Length < _batchRows.Count * units)
            (_rowValues, _rowGradients) = (new float[2 * _batchRows.Count * units], new float[2 * _batchRows.Count * units]);
        for (var place = 0; place < _batchRows.Count; place++)
            Rows[_batchRows[place]].Tensor.Values.CopyTo(_rowValues, place * units);
        _rowGradients.AsSpan(0, _batchRows.Count * units).Clear();
    }

    private ReadOnlySpan<int> PlacesOf(int[] rows)
    {
        for (var i = 0; i < rows.Length; i++)
            _places[i] = _placeOf[rows[i]];
        return _places.AsSpan(0, rows.Length);
    }

    /// <summary>Leaves u (of action and shared) in <see cref="_output"/>.</summary>
    private float Outputs(int head, ReadOnlySpan<float> hidden)
    {
        var units = _options.Hidden;
        _output.AsSpan().Clear();
        float constant = 0;
        if (head >= 0)
        {
            var own = Heads[head].Tensor.Values;
            own.AsSpan(0, units).CopyTo(_output);
            constant = own[units];
        }
        if (UsesShared(head))
        {
            DenseKernels.AddScaled(1, Shared.Tensor.Values.AsSpan(0, units), _output);
            constant += Shared.Tensor.Values[units];
        }
        return constant + DenseKernels.Dot(_output, hidden);
    }

    private static void AddToHead(float[] gradient, float slope, ReadOnlySpan<float> hidden)
    {
        DenseKernels.AddScaled(slope, hidden, gradient.AsSpan(0, hidden.Length));
        gradient[hidden.Length] += slope;
    }

    private void AddPrecision(in Example example, ReadOnlySpan<float> hidden)
    {
        if (_options.Widths == WidthForm.None || example.Head < 0)
            return;
        var head = Heads[example.Head].Precision;
        for (var j = 0; j < hidden.Length; j++)
            head[j] += hidden[j] * hidden[j];
        head[hidden.Length] += 1;
        if (_options.Widths == WidthForm.Head)
            return;
        for (var j = 0; j < hidden.Length; j++)
        {
            var derivative = hidden[j] > 0 ? _output[j] : 0;
            if (derivative == 0)
                continue;
            var squared = derivative * derivative;
            Bias.Precision[j] += squared;
            for (var i = 0; i < _options.Dense; i++)
                Layer.Precision[i * hidden.Length + j] += _inputs[i] * _inputs[i] * squared;
            for (var k = 0; k < example.Rows.Length; k++)
                Rows[example.Rows[k]].Precision[j] += example.Values[k] * example.Values[k] * squared;
        }
    }

    /// <summary>Steps; gives the norm that the gradient had.</summary>
    private double Move(float rate)
    {
        if (_stepped.Length < _touched.Count)
            _stepped = new ParameterTensor[2 * _touched.Count];
        for (var i = 0; i < _touched.Count; i++)
            _stepped[i] = _touched[i].Tensor;
        var tensors = _stepped.AsSpan(0, _touched.Count);
        var norm = Gradients.Clip(tensors, _options.Clip);
        if (_options.Pull > 0 && rate > 0)
        {
            foreach (var tensor in tensors)
                Optimizers.Pull.Decoupled(tensor, rate, _options.Pull);
        }
        var usable = _options.Rule.Step(tensors, rate, Step);
        foreach (var weights in CollectionsMarshal.AsSpan(_touched))
        {
            if (_options.Average > 0)
            {
                weights.Steps++;
                var keep = (float)Math.Min(_options.Average, 1 - 1.0 / (1 + 0.2 * weights.Steps));
                Approach(1 - keep, weights.Tensor.Values, weights.Average!);
            }
            usable &= weights.AreUsable;
        }
        if (!usable)
            Restart();
        return norm;
    }

    /// <summary>A rate that is far too large makes weights grow without end; such a network has nothing left to lose.</summary>
    private void Restart()
    {
        foreach (var weights in All)
            weights.Restart();
        Step = 0;
        Restarts++;
    }

    private static void Approach(float share, ReadOnlySpan<float> values, Span<float> average)
    {
        for (var i = 0; i < average.Length; i++)
            average[i] += share * (values[i] - average[i]);
    }

    /// <summary>Marks a block as part of this step, with a gradient to add to.</summary>
    private float[] Touch(Weights weights)
    {
        if (weights.TouchedAt != Step)
        {
            weights.TouchedAt = Step;
            weights.Tensor.Gradient.AsSpan().Clear();
            _touched.Add(weights);
        }
        return weights.Tensor.Gradient;
    }

    private float Expected(float output) => _options.Loss == NeuralLoss.Square ? output : Logistic(output);

    /// <summary>1/(1 + e^−f).</summary>
    public static float Logistic(float output) => 1 / (1 + MathF.Exp(-output));

    /// <summary>An output that has learned nothing: the middle of the rewards, or what all actions share.</summary>
    private float[] FreshHead(bool isShared)
    {
        var head = new float[_options.Hidden + 1];
        head[^1] = _options.Loss == NeuralLoss.Square && (isShared || !_options.SharedHead) ? 0.5f : 0;
        return head;
    }

    private ulong Seed(ulong id) => id + 0xD6E8FEB86659FD93 * (ulong)_member;

    private bool UsesShared(int head) => _options.SharedHead || head < 0;
}
