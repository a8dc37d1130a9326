using System.Buffers;
using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The networks of one partition as they serve, side by side: see <see cref="NeuralEnsemble"/>. Immutable once made.</summary>
internal sealed class FrozenNetworks : IFrozenPartition
{
    private readonly FrozenInputs _inputs;
    private readonly NeuralOptions _options;
    private readonly int _units;
    private readonly int _width;
    private readonly FrozenLayer _layer;
    private readonly float[] _shared;
    private readonly float[] _heads;
    private readonly float[] _constants;

    /// <summary>Takes over weights.</summary>
    /// <param name="inputs">What the networks share.</param>
    /// <param name="layer">W and b of all networks.</param>
    /// <param name="shared">u of the output that all actions share, of all networks, and then c of each.</param>
    /// <param name="heads">u of every action, [network][action][unit]; changed where actions share an output as well.</param>
    /// <param name="constants">c of every action, [network][action]; likewise.</param>
    public FrozenNetworks(FrozenInputs inputs, FrozenLayer layer, float[] shared, float[] heads, float[] constants)
    {
        (_inputs, _options, _layer, _shared, _heads, _constants) = (inputs, inputs.Options, layer, shared, heads, constants);
        (_units, _width) = (_options.Hidden, _options.Width);
        if (!_options.SharedHead)
            return;
        // u_a·h + u·h is (u_a + u)·h, once and for all instead of at every decision.
        for (var i = 0; i < constants.Length; i++)
        {
            var network = i / inputs.Heads;
            DenseKernels.AddScaled(1, SharedOf(network), heads.AsSpan(i * _units, _units));
            constants[i] += shared[_width + network];
        }
    }

    /// <inheritdoc/>
    public required long Interactions { get; init; }

    /// <summary>Interactions since the world last moved.</summary>
    public required long Since { get; init; }

    /// <summary>Variances of u_a alone, 1/(λ + Σ of squared derivatives), [network][action][unit]; null without widths.</summary>
    public float[]? HeadVariances { get; init; }

    /// <summary>Variances of c_a alone, [network][action].</summary>
    public float[]? ConstantVariances { get; init; }

    /// <summary>Variances of W and b, each weight by itself; null unless widths are of all weights.</summary>
    public FrozenLayer? LayerVariances { get; init; }

    /// <summary>The mean of what the networks expect and of their squared widths; they saw the same, so being several makes them no surer.</summary>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> variances)
    {
        means.Clear();
        variances.Clear();
        var encoded = new EncodedQuery(query, _inputs);
        var length = Math.Max(1, encoded.Lines) * _width;
        var rented = ArrayPool<float>.Shared.Rent(2 * length + _width + encoded.Candidates);
        var hidden = rented.AsSpan(0, length);
        var sums = rented.AsSpan(length, length);
        var context = rented.AsSpan(2 * length, _width);
        var outputs = rented.AsSpan(2 * length + _width, encoded.Candidates);
        _layer.Fill(encoded, context, hidden);
        DenseKernels.Rectify(hidden);
        LayerVariances?.Fill(encoded.Squares, context, sums);
        for (var network = 0; network < _options.Networks; network++)
        {
            Outputs(encoded, network, hidden, outputs);
            for (var k = 0; k < outputs.Length; k++)
                means[k] += _options.Loss == NeuralLoss.Log ? NeuralEnsemble.Logistic(outputs[k]) : StableMath.ClipEstimate(outputs[k]);
            if (HeadVariances is not null)
                AddHeadVariances(encoded, network, hidden, variances);
            if (LayerVariances is not null)
                AddLayerVariances(encoded, network, hidden, sums, variances);
        }
        ArrayPool<float>.Shared.Return(rented);
        encoded.Return();
        TensorPrimitives.Multiply(means, 1f / _options.Networks, means);
        TensorPrimitives.Multiply(variances, 1f / _options.Networks, variances);
    }

    private void Outputs(in EncodedQuery query, int network, ReadOnlySpan<float> hidden, Span<float> outputs)
    {
        if (query.HasActions)
            PairKernels.Dots(Of(network, _heads), query.Heads, _units, From(network, hidden), _width, outputs);
        else
            DenseKernels.Dots(Of(network, _heads), query.Heads, _units, Line(query, network, hidden, 0), outputs);
        for (var k = 0; k < outputs.Length; k++)
        {
            var head = query.Heads[k];
            outputs[k] = head >= 0
                ? outputs[k] + _constants[network * _inputs.Heads + head]
                : _shared[_width + network] + DenseKernels.Dot(SharedOf(network), Line(query, network, hidden, k));
        }
    }

    private void AddHeadVariances(in EncodedQuery query, int network, ReadOnlySpan<float> hidden, Span<float> variances)
    {
        PairKernels.AddSquares(Of(network, HeadVariances!), query.Heads, _units, From(network, hidden), query.HasActions ? _width : 0, variances);
        for (var k = 0; k < variances.Length; k++)
        {
            var head = query.Heads[k];
            var line = Line(query, network, hidden, k);
            variances[k] += head >= 0 ? ConstantVariances![network * _inputs.Heads + head] : 1 + DenseKernels.Dot(line, line);
        }
    }

    /// <summary>Σ over the active units of (∂f/∂h)² times the variance of the sum that goes into the unit.</summary>
    private void AddLayerVariances(in EncodedQuery query, int network, ReadOnlySpan<float> hidden, ReadOnlySpan<float> sums, Span<float> variances)
    {
        PairKernels.AddActiveSquares(
            Of(network, _heads), query.Heads, _units, From(network, hidden), From(network, sums), query.HasActions ? _width : 0, variances);
        var only = 0;
        for (var k = 0; k < variances.Length; k++)
        {
            if (query.Heads[k] >= 0)
                continue;
            PairKernels.AddActiveSquares(
                SharedOf(network), new ReadOnlySpan<int>(ref only), _units, Line(query, network, hidden, k), Line(query, network, sums, k), 0, variances.Slice(k, 1));
        }
    }

    private ReadOnlySpan<float> SharedOf(int network) => _shared.AsSpan(network * _units, _units);

    /// <summary>What there is of a network's heads, [action][unit].</summary>
    private ReadOnlySpan<float> Of(int network, float[] heads) => heads.AsSpan(network * _inputs.Heads * _units, _inputs.Heads * _units);

    /// <summary>Lines from the first unit of a network on.</summary>
    private ReadOnlySpan<float> From(int network, ReadOnlySpan<float> lines) => lines[(network * _units)..];

    /// <summary>The units of a network for a candidate.</summary>
    private ReadOnlySpan<float> Line(in EncodedQuery query, int network, ReadOnlySpan<float> lines, int candidate) =>
        lines.Slice((query.HasActions ? candidate * _width : 0) + network * _units, _units);
}
