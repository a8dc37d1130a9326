using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// The networks of an ensemble while they are trained. Each: h = max(0, W·x + b) with x the dense inputs of context and action, scaled, and their hashed inputs; output
/// f = u_a·h + c_a, plus u·h + c where actions share an output. A block vector with x in the place of the action, as the papers have it, would multiply the same
/// numbers with more zeros.
/// </summary>
/// <remarks>
/// The networks lie side by side: with H hidden units each, network m has the columns m·H to (m + 1)·H of every block. They learn from the same minibatches and differ in
/// where they begin, which is what makes the mean of them better than one (Lakshminarayanan et al. 2017, arXiv 1612.01474); so a minibatch is gathered once, and a
/// step moves one block where there would be one for each network.
/// </remarks>
internal sealed class NeuralEnsemble
{
    private const ulong LayerId = 1, BiasId = 2;
    private readonly InputTable _inputTable;
    private readonly List<Weights> _touched = [];
    private readonly MinibatchRows _batchRows;
    private readonly float[] _combined;
    private readonly float[] _outputs;
    private float[] _inputs = [];
    private float[] _hidden = [];
    private float[] _slopes = [];
    private ParameterTensor[] _stepped = [];

    /// <summary>Networks that have seen nothing.</summary>
    /// <param name="options">Their shape and number.</param>
    /// <param name="inputs">Scales and numbers of their inputs.</param>
    public NeuralEnsemble(NeuralOptions options, InputTable inputs)
    {
        (Options, _inputTable) = (options, inputs);
        var width = options.Width;
        _combined = new float[width];
        _outputs = new float[options.Networks];
        _batchRows = new MinibatchRows(width);
        var layer = new float[options.Dense * width];
        var weights = new float[options.Dense * options.Hidden];
        for (var network = 0; network < options.Networks; network++)
        {
            // Scaled inputs have unit variance: so have the sums that go into the units.
            InitialWeights.Draw(Seed(LayerId, network), 1 / Math.Sqrt(Math.Max(1, options.Dense)), weights);
            for (var input = 0; input < options.Dense; input++)
                weights.AsSpan(input * options.Hidden, options.Hidden).CopyTo(layer.AsSpan(input * width + network * options.Hidden));
        }
        Layer = new Weights(layer, options);
        Bias = new Weights(FreshRow(BiasId, 0.5), options);
        Shared = new Weights(FreshHead(isShared: true), options);
    }

    /// <summary>Their shape and number.</summary>
    public NeuralOptions Options { get; }

    /// <summary>W of the dense inputs, [input][unit].</summary>
    public Weights Layer { get; }

    /// <summary>b.</summary>
    public Weights Bias { get; }

    /// <summary>u of the output that all actions share, then c of each network; unused where they share none.</summary>
    public Weights Shared { get; }

    /// <summary>W of each hashed input.</summary>
    public List<Weights> Rows { get; } = [];

    /// <summary>u_a of each action, then c_a of each network.</summary>
    public List<Weights> Heads { get; } = [];

    /// <summary>Every block, in a fixed order.</summary>
    public IEnumerable<Weights> All => [Layer, Bias, Shared, .. Rows, .. Heads];

    /// <summary>Steps taken.</summary>
    public long Step { get; set; }

    /// <summary>How often the weights had left all bounds, and the networks began anew.</summary>
    public long Restarts { get; set; }

    /// <summary>Makes weights for whatever has a number and no weights yet.</summary>
    public void Cover()
    {
        while (Rows.Count < _inputTable.RowIds.Count)
            Rows.Add(new Weights(FreshRow(_inputTable.RowIds[Rows.Count], _inputTable.DeviationOf(Rows.Count)), Options));
        while (Heads.Count < _inputTable.HeadKeys.Count)
            Heads.Add(new Weights(FreshHead(isShared: false), Options));
    }

    /// <summary>What the networks expect, on average, of an example that they have not learned from, normalised; and makes them surer of such examples.</summary>
    public double Foresee(in Example example)
    {
        Forward(new ReadOnlySpan<Example>(in example));
        var hidden = _hidden.AsSpan(0, Options.Width);
        var combined = Outputs(example.Head, hidden);
        AddPrecision(example, hidden, combined);
        double expected = 0;
        foreach (var output in _outputs)
            expected += Expected(output) / _outputs.Length;
        return expected;
    }

    /// <summary>Learns a minibatch: one step.</summary>
    /// <param name="examples">At least one.</param>
    /// <param name="rate">Learning rate.</param>
    public void Learn(ReadOnlySpan<Example> examples, float rate)
    {
        var (count, width, units, dense) = (examples.Length, Options.Width, Options.Hidden, Options.Dense);
        Step++;
        Forward(examples);
        _touched.Clear();
        Touch(Layer);
        Touch(Bias);
        for (var i = 0; i < count; i++)
        {
            var example = examples[i];
            var hidden = _hidden.AsSpan(i * width, width);
            var slopes = _slopes.AsSpan(i * width, width);
            var combined = Outputs(example.Head, hidden);
            for (var network = 0; network < _outputs.Length; network++)
            {
                // The derivative of either loss by the output.
                var slope = (Expected(_outputs[network]) - example.Reward) / count;
                _outputs[network] = slope;
                TensorPrimitives.Multiply(combined.Slice(network * units, units), slope, slopes.Slice(network * units, units));
            }
            DenseKernels.MaskWhereZero(hidden, slopes);
            if (example.Head >= 0)
                AddToHead(Touch(Heads[example.Head]), hidden);
            if (UsesShared(example.Head))
                AddToHead(Touch(Shared), hidden);
            DenseKernels.AddScaled(1, slopes, Bias.Tensor.Gradient);
        }
        DenseKernels.MultiplyAdd(_inputs, 1, dense, dense, count, _slopes, width, Layer.Tensor.Gradient);
        _batchRows.Differentiate(_slopes);
        for (var place = 0; place < _batchRows.Rows.Count; place++)
        {
            var row = Rows[_batchRows.Rows[place]];
            _batchRows.GradientOf(place).CopyTo(row.Tensor.Gradient);
            _touched.Add(row);
        }
        Move(rate);
    }

    private void Forward(ReadOnlySpan<Example> examples)
    {
        var (count, width, dense) = (examples.Length, Options.Width, Options.Dense);
        if (_hidden.Length < count * width)
            (_inputs, _hidden, _slopes) = (new float[count * dense], new float[count * width], new float[count * width]);
        _batchRows.Gather(examples, Rows);
        for (var i = 0; i < count; i++)
        {
            _inputTable.Scaler.Apply(examples[i].Dense, _inputs.AsSpan(i * dense, dense));
            Bias.Tensor.Values.CopyTo(_hidden.AsSpan(i * width, width));
        }
        _batchRows.AddTo(_hidden);
        DenseKernels.MultiplyAdd(_inputs, dense, 1, count, dense, Layer.Tensor.Values, width, _hidden);
        DenseKernels.Rectify(_hidden.AsSpan(0, count * width));
    }

    /// <summary>Leaves the outputs in <see cref="_outputs"/>; gives u of the action and shared, added.</summary>
    private ReadOnlySpan<float> Outputs(int head, ReadOnlySpan<float> hidden)
    {
        var (width, units) = (Options.Width, Options.Hidden);
        var first = head >= 0 ? Heads[head].Tensor.Values : Shared.Tensor.Values;
        var isBoth = head >= 0 && UsesShared(head);
        var combined = first.AsSpan(0, width);
        if (isBoth)
        {
            TensorPrimitives.Add(combined, Shared.Tensor.Values.AsSpan(0, width), _combined);
            combined = _combined;
        }
        for (var network = 0; network < _outputs.Length; network++)
        {
            var constant = first[width + network] + (isBoth ? Shared.Tensor.Values[width + network] : 0);
            _outputs[network] = constant + DenseKernels.Dot(combined.Slice(network * units, units), hidden.Slice(network * units, units));
        }
        return combined;
    }

    /// <summary>Adds slope · hidden, with the slope of each network in <see cref="_outputs"/>.</summary>
    private void AddToHead(float[] gradient, ReadOnlySpan<float> hidden)
    {
        var units = Options.Hidden;
        for (var network = 0; network < _outputs.Length; network++)
        {
            var slope = _outputs[network];
            DenseKernels.AddScaled(slope, hidden.Slice(network * units, units), gradient.AsSpan(network * units, units));
            gradient[hidden.Length + network] += slope;
        }
    }

    private void AddPrecision(in Example example, ReadOnlySpan<float> hidden, ReadOnlySpan<float> combined)
    {
        if (Options.Widths == WidthForm.None || example.Head < 0)
            return;
        var head = Heads[example.Head].Precision;
        for (var j = 0; j < hidden.Length; j++)
            head[j] += hidden[j] * hidden[j];
        for (var constant = hidden.Length; constant < head.Length; constant++)
            head[constant] += 1;
        if (Options.Widths == WidthForm.Head)
            return;
        for (var j = 0; j < hidden.Length; j++)
        {
            var derivative = hidden[j] > 0 ? combined[j] : 0;
            if (derivative == 0)
                continue;
            var squared = derivative * derivative;
            Bias.Precision[j] += squared;
            for (var i = 0; i < Options.Dense; i++)
                Layer.Precision[i * hidden.Length + j] += _inputs[i] * _inputs[i] * squared;
            for (var k = 0; k < example.Rows.Length; k++)
                Rows[example.Rows[k]].Precision[j] += example.Values[k] * example.Values[k] * squared;
        }
    }

    private void Move(float rate)
    {
        if (_stepped.Length < _touched.Count)
            _stepped = new ParameterTensor[2 * _touched.Count];
        for (var i = 0; i < _touched.Count; i++)
            _stepped[i] = _touched[i].Tensor;
        var tensors = _stepped.AsSpan(0, _touched.Count);
        Gradients.Clip(tensors, Options.Clip);
        var usable = Options.Rule.Step(tensors, rate, Step, Options.Pull);
        foreach (var weights in CollectionsMarshal.AsSpan(_touched))
        {
            if (Options.Average > 0)
            {
                weights.Steps++;
                var keep = (float)Math.Min(Options.Average, 1 - 1.0 / (1 + 0.2 * weights.Steps));
                Approach(1 - keep, weights.Tensor.Values, weights.Average!);
            }
            usable &= weights.AreUsable;
        }
        if (!usable)
            Restart();
    }

    /// <summary>A rate that is far too large makes weights grow without end; such networks have nothing left to lose.</summary>
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

    private float Expected(float output) => Options.Loss == NeuralLoss.Square ? output : Logistic(output);

    /// <summary>1/(1 + e^−f).</summary>
    public static float Logistic(float output) => 1 / (1 + MathF.Exp(-output));

    private float[] FreshRow(ulong id, double deviation)
    {
        var row = new float[Options.Width];
        for (var network = 0; network < Options.Networks; network++)
            InitialWeights.Draw(Seed(id, network), deviation, row.AsSpan(network * Options.Hidden, Options.Hidden));
        return row;
    }

    /// <summary>An output that has learned nothing: the middle of the rewards, or what all actions share.</summary>
    private float[] FreshHead(bool isShared)
    {
        var head = new float[Options.Width + Options.Networks];
        head.AsSpan(Options.Width).Fill(Options.Loss == NeuralLoss.Square && (isShared || !Options.SharedHead) ? 0.5f : 0);
        return head;
    }

    /// <summary>Every network begins elsewhere.</summary>
    private static ulong Seed(ulong id, int network) => id + 0xD6E8FEB86659FD93 * (ulong)network;

    private bool UsesShared(int head) => Options.SharedHead || head < 0;
}
