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
/// The networks lie side by side: with H hidden units each, network m has the columns m·H to (m + 1)·H of every block, so that a step moves one block where there would
/// be one for each network. Each has its own beginning and its own minibatches, which is what makes the mean of them better than one (Lakshminarayanan et al. 2017,
/// arXiv 1612.01474): with minibatches in common, the noise of their steps would be in the mean as it is in one.
/// </remarks>
internal sealed class NeuralEnsemble
{
    private const ulong LayerId = 1, BiasId = 2;
    private readonly InputTable _inputTable;
    private readonly List<Weights> _touched = [];
    private readonly MinibatchRows _batchRows;
    private readonly float[] _combined;
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
        _combined = new float[options.Hidden];
        _batchRows = new MinibatchRows(options);
        BatchSize = options.BatchSize?.Smallest ?? options.Batch;
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

    /// <summary>Rows that the next step should have.</summary>
    public int BatchSize { get; set; }

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
        var (width, dense) = (Options.Width, Options.Dense);
        Reserve(1);
        Span<float> inputs = _inputs.AsSpan(0, dense), hidden = _hidden.AsSpan(0, width);
        _inputTable.Scaler.Apply(example.Dense, inputs);
        Bias.Tensor.Values.CopyTo(hidden);
        for (var i = 0; i < example.Rows.Length; i++)
            DenseKernels.AddScaled(example.Values[i], Rows[example.Rows[i]].Tensor.Values, hidden);
        DenseKernels.MultiplyAdd(inputs, dense, 1, 1, dense, Layer.Tensor.Values, width, hidden);
        DenseKernels.Rectify(hidden);
        AddPrecision(example, hidden);
        double expected = 0;
        for (var network = 0; network < Options.Networks; network++)
            expected += Expected(Output(example.Head, network, hidden.Slice(network * Options.Hidden, Options.Hidden), out _)) / Options.Networks;
        return expected;
    }

    /// <summary>Learns a minibatch for each network: one step.</summary>
    /// <param name="examples">The minibatches one after the other, as many rows each, at least one.</param>
    /// <param name="rate">Learning rate.</param>
    public void Learn(ReadOnlySpan<Example> examples, float rate)
    {
        var (count, units, dense) = (examples.Length / Options.Networks, Options.Hidden, Options.Dense);
        Step++;
        Reserve(count);
        _batchRows.Gather(examples, Rows);
        _touched.Clear();
        Touch(Layer);
        Touch(Bias);
        var squaredNorms = 0.0;
        for (var network = 0; network < Options.Networks; network++)
        {
            var (first, column) = (network * count, network * units);
            Forward(examples, network, count);
            var biasGradient = Bias.Tensor.Gradient.AsSpan(column, units);
            for (var i = first; i < first + count; i++)
            {
                var example = examples[i];
                Span<float> hidden = _hidden.AsSpan(i * units, units), slopes = _slopes.AsSpan(i * units, units);
                // The derivative of either loss by the output.
                var slope = (Expected(Output(example.Head, network, hidden, out var head)) - example.Reward) / count;
                DenseKernels.BackThroughHead(slope, hidden, head, slopes, biasGradient);
                if (example.Head >= 0)
                    AddToHead(Touch(Heads[example.Head]), network, slope, hidden);
                if (UsesShared(example.Head))
                    AddToHead(Touch(Shared), network, slope, hidden);
                if (Options.BatchSize is not null)
                    squaredNorms += (double)count * count * SquaredNorm(example, i, slope);
            }
            var back = _slopes.AsSpan(first * units, count * units);
            if (dense > 0)
                DenseKernels.MultiplyAdd(_inputs.AsSpan(first * dense), 1, dense, dense, count, back, units, units, Layer.Tensor.Gradient.AsSpan(column), Options.Width);
            _batchRows.Differentiate(network, back);
        }
        foreach (var row in _batchRows.Rows)
            _touched.Add(Rows[row]);
        var norm = Move(rate);
        if (Options.BatchSize is { } control && count > 1)
            BatchSize = control.Next(BatchSize, GradientNoise.OfMicroBatches(squaredNorms, count, 1, norm * norm));
    }

    /// <summary>
    /// ‖g‖² of one row of a minibatch, without its gradient: that of a layer is the outer product of slopes and inputs. A hashed input that comes twice counts as two.
    /// </summary>
    private double SquaredNorm(in Example example, int place, float slope)
    {
        var (units, dense) = (Options.Hidden, Options.Dense);
        ReadOnlySpan<float> slopes = _slopes.AsSpan(place * units, units), hidden = _hidden.AsSpan(place * units, units), inputs = _inputs.AsSpan(place * dense, dense);
        var outputs = (example.Head >= 0 ? 1 : 0) + (UsesShared(example.Head) ? 1 : 0);
        return (double)DenseKernels.Dot(slopes, slopes) * (1 + DenseKernels.Dot(inputs, inputs) + DenseKernels.Dot(example.Values, example.Values))
            + (double)outputs * slope * slope * (1 + DenseKernels.Dot(hidden, hidden));
    }

    private void Forward(ReadOnlySpan<Example> examples, int network, int count)
    {
        var (first, units, column, dense) = (network * count, Options.Hidden, network * Options.Hidden, Options.Dense);
        var bias = Bias.Tensor.Values.AsSpan(column, units);
        for (var i = first; i < first + count; i++)
        {
            _inputTable.Scaler.Apply(examples[i].Dense, _inputs.AsSpan(i * dense, dense));
            bias.CopyTo(_hidden.AsSpan(i * units));
        }
        var hidden = _hidden.AsSpan(first * units, count * units);
        _batchRows.AddTo(network, hidden);
        if (dense > 0)
            DenseKernels.MultiplyAdd(_inputs.AsSpan(first * dense), dense, 1, count, dense, Layer.Tensor.Values.AsSpan(column), Options.Width, units, hidden, units);
        DenseKernels.Rectify(hidden);
    }

    /// <summary>Room for minibatches of so many rows.</summary>
    private void Reserve(int count)
    {
        if (_hidden.Length < count * Options.Width)
            (_inputs, _hidden, _slopes) = (new float[count * Options.Networks * Options.Dense], new float[count * Options.Width], new float[count * Options.Width]);
    }

    /// <summary>f of a network.</summary>
    /// <param name="head">Number of the action, −1 for none.</param>
    /// <param name="network">Number of the network.</param>
    /// <param name="hidden">Its hidden units.</param>
    /// <param name="weights">Its u of the action and shared, added; good until the next call.</param>
    private float Output(int head, int network, ReadOnlySpan<float> hidden, out ReadOnlySpan<float> weights)
    {
        var (width, units) = (Options.Width, Options.Hidden);
        var own = head >= 0 ? Heads[head].Tensor.Values : Shared.Tensor.Values;
        weights = own.AsSpan(network * units, units);
        var constant = own[width + network];
        if (head >= 0 && UsesShared(head))
        {
            TensorPrimitives.Add(weights, Shared.Tensor.Values.AsSpan(network * units, units), _combined);
            weights = _combined;
            constant += Shared.Tensor.Values[width + network];
        }
        return constant + DenseKernels.Dot(weights, hidden);
    }

    private void AddToHead(float[] gradient, int network, float slope, ReadOnlySpan<float> hidden)
    {
        DenseKernels.AddScaled(slope, hidden, gradient.AsSpan(network * Options.Hidden, Options.Hidden));
        gradient[Options.Width + network] += slope;
    }

    private void AddPrecision(in Example example, ReadOnlySpan<float> hidden)
    {
        if (Options.Widths == WidthForm.None || example.Head < 0)
            return;
        var head = Heads[example.Head].Precision;
        TensorPrimitives.MultiplyAdd(hidden, hidden, head.AsSpan(0, hidden.Length), head.AsSpan(0, hidden.Length));
        for (var constant = hidden.Length; constant < head.Length; constant++)
            head[constant] += 1;
        if (Options.Widths == WidthForm.Head)
            return;
        var (own, shared) = (Heads[example.Head].Tensor.Values, Shared.Tensor.Values);
        for (var j = 0; j < hidden.Length; j++)
        {
            var derivative = hidden[j] <= 0 ? 0 : own[j] + (Options.SharedHead ? shared[j] : 0);
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

    /// <summary>Steps; gives the norm that the gradient had.</summary>
    private double Move(float rate)
    {
        if (_stepped.Length < _touched.Count)
            _stepped = new ParameterTensor[2 * _touched.Count];
        for (var i = 0; i < _touched.Count; i++)
            _stepped[i] = _touched[i].Tensor;
        var tensors = _stepped.AsSpan(0, _touched.Count);
        var norm = Gradients.Clip(tensors, Options.Clip);
        var usable = Options.Rule.Step(tensors, rate, Step, Options.Pull, norm);
        foreach (var weights in CollectionsMarshal.AsSpan(_touched))
        {
            if (Options.Average > 0)
            {
                weights.Steps++;
                usable &= weights.Follow((float)Math.Min(Options.Average, 1 - 1.0 / (1 + 0.2 * weights.Steps)));
            }
            else
                usable &= Weights.IsUsable(weights.Tensor.Values);
        }
        if (!usable)
            Restart();
        return norm;
    }

    /// <summary>A rate that is far too large makes weights grow without end; such networks have nothing left to lose.</summary>
    private void Restart()
    {
        foreach (var weights in All)
            weights.Restart();
        Step = 0;
        Restarts++;
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
