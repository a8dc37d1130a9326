using System.Buffers;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>One network as it serves: see <see cref="NeuralNetwork"/>. Immutable once made.</summary>
internal sealed class FrozenNetwork : IFrozenMember
{
    private readonly NeuralOptions _options;
    private readonly int _units;
    private readonly FrozenLayer _layer;
    private readonly float[] _shared;
    private readonly float[] _heads;
    private readonly float[] _constants;

    /// <summary>Takes over weights.</summary>
    /// <param name="options">Its shape.</param>
    /// <param name="layer">W and b.</param>
    /// <param name="shared">u and then c of the output that all actions share.</param>
    /// <param name="heads">u of every action, [action][unit]; changed where actions share an output as well.</param>
    /// <param name="constants">c of every action; likewise.</param>
    public FrozenNetwork(NeuralOptions options, FrozenLayer layer, float[] shared, float[] heads, float[] constants)
    {
        (_options, _units, _layer, _shared, _heads, _constants) = (options, options.Hidden, layer, shared, heads, constants);
        if (!options.SharedHead)
            return;
        // u_a·h + u·h is (u_a + u)·h, once and for all instead of at every decision.
        for (var head = 0; head < constants.Length; head++)
        {
            DenseKernels.AddScaled(1, shared.AsSpan(0, _units), heads.AsSpan(head * _units, _units));
            constants[head] += shared[_units];
        }
    }

    /// <summary>Variances of u_a alone, 1/(λ + Σ of squared derivatives), [action][unit]; null without widths.</summary>
    public float[]? HeadVariances { get; init; }

    /// <summary>Variances of c_a alone.</summary>
    public float[]? ConstantVariances { get; init; }

    /// <summary>Variances of W and b, each weight by itself; null unless widths are of all weights.</summary>
    public FrozenLayer? LayerVariances { get; init; }

    /// <inheritdoc/>
    public void AddTo(in EncodedQuery query, Span<float> means, Span<float> variances)
    {
        var length = Math.Max(1, query.Lines) * _units;
        var rented = ArrayPool<float>.Shared.Rent(2 * length + _units + query.Candidates);
        var hidden = rented.AsSpan(0, length);
        var sums = rented.AsSpan(length, length);
        var context = rented.AsSpan(2 * length, _units);
        var outputs = rented.AsSpan(2 * length + _units, query.Candidates);
        _layer.Fill(query, context, hidden);
        DenseKernels.Rectify(hidden);
        Outputs(query, hidden, outputs);
        for (var k = 0; k < outputs.Length; k++)
            means[k] += _options.Loss == NeuralLoss.Log ? NeuralNetwork.Logistic(outputs[k]) : StableMath.ClipEstimate(outputs[k]);
        if (HeadVariances is not null)
            AddHeadVariances(query, hidden, variances);
        if (LayerVariances is not null)
        {
            LayerVariances.Fill(query.Squares, context, sums);
            AddLayerVariances(query, hidden, sums, variances);
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    private void Outputs(in EncodedQuery query, ReadOnlySpan<float> hidden, Span<float> outputs)
    {
        if (query.HasActions)
            PairKernels.Dots(_heads, query.Heads, _units, hidden, _units, outputs);
        else
            DenseKernels.Dots(_heads, query.Heads, _units, hidden, outputs);
        for (var k = 0; k < outputs.Length; k++)
        {
            var head = query.Heads[k];
            outputs[k] = head >= 0 ? outputs[k] + _constants[head] : _shared[_units] + DenseKernels.Dot(_shared.AsSpan(0, _units), Line(query, hidden, k));
        }
    }

    private void AddHeadVariances(in EncodedQuery query, ReadOnlySpan<float> hidden, Span<float> variances)
    {
        PairKernels.AddSquares(HeadVariances, query.Heads, _units, hidden, query.HasActions ? _units : 0, variances);
        for (var k = 0; k < variances.Length; k++)
        {
            var head = query.Heads[k];
            var line = Line(query, hidden, k);
            variances[k] += head >= 0 ? ConstantVariances![head] : 1 + DenseKernels.Dot(line, line);
        }
    }

    /// <summary>Σ over the active units of (∂f/∂h)² times the variance of the sum that goes into the unit.</summary>
    private void AddLayerVariances(in EncodedQuery query, ReadOnlySpan<float> hidden, ReadOnlySpan<float> sums, Span<float> variances)
    {
        PairKernels.AddActiveSquares(_heads, query.Heads, _units, hidden, sums, query.HasActions ? _units : 0, variances);
        var only = 0;
        for (var k = 0; k < variances.Length; k++)
        {
            if (query.Heads[k] < 0)
                PairKernels.AddActiveSquares(_shared, new ReadOnlySpan<int>(ref only), _units, Line(query, hidden, k), Line(query, sums, k), 0, variances.Slice(k, 1));
        }
    }

    private ReadOnlySpan<float> Line(in EncodedQuery query, ReadOnlySpan<float> lines, int candidate) =>
        lines.Slice(query.HasActions ? candidate * _units : 0, _units);
}
