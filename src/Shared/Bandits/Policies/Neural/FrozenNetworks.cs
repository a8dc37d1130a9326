using System.Buffers;
using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The networks of one partition as they serve, side by side: see <see cref="NeuralEnsemble"/>. Immutable once made.</summary>
/// <param name="inputs">What they share.</param>
/// <param name="layer">From the inputs to the hidden units of all networks.</param>
/// <param name="shared">u of the output that all actions share, of all networks, and then c of each.</param>
/// <param name="heads">u of every action, [network][action][unit].</param>
/// <param name="constants">c of every action, [network][action].</param>
internal sealed class FrozenNetworks(FrozenInputs inputs, FrozenLayer layer, float[] shared, float[] heads, float[] constants) : IFrozenPartition
{
    private readonly NeuralOptions _options = inputs.Options;
    private readonly int _units = inputs.Options.Hidden;

    /// <inheritdoc/>
    public required long Interactions { get; init; }

    /// <summary>Interactions since the world last moved.</summary>
    public required long Since { get; init; }

    /// <summary>Precisions of <c>heads</c>, λ + Σ of squared derivatives; null without widths.</summary>
    public float[]? HeadPrecisions { get; init; }

    /// <summary>Precisions of <c>constants</c>.</summary>
    public float[]? ConstantPrecisions { get; init; }

    /// <summary>What the weights behind the hidden units add to widths; null unless widths are of all weights.</summary>
    public LayerVariances? Behind { get; init; }

    /// <summary>The mean of what the networks expect and of their squared widths; they saw the same, so being several makes them no surer.</summary>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> variances)
    {
        means.Clear();
        variances.Clear();
        var encoded = new EncodedQuery(query, inputs);
        var (width, lines) = (layer.Units, Math.Max(1, encoded.Lines));
        var rented = ArrayPool<float>.Shared.Rent((1 + lines) * width + encoded.Candidates);
        var hidden = rented.AsSpan(0, lines * width);
        layer.Forward(encoded, rented.AsSpan(lines * width, width), hidden);
        var outputs = rented.AsSpan((1 + lines) * width, encoded.Candidates);
        for (var network = 0; network < _options.Networks; network++)
        {
            Outputs(encoded, network, hidden, outputs);
            for (var k = 0; k < outputs.Length; k++)
                means[k] += _options.Loss == NeuralLoss.Log ? NeuralEnsemble.Logistic(outputs[k]) : StableMath.ClipEstimate(outputs[k]);
            if (HeadPrecisions is not null)
                AddVariances(encoded, network, hidden, variances);
        }
        if (Behind is not null)
            AddVariancesBehind(encoded, hidden, Behind, variances);
        ArrayPool<float>.Shared.Return(rented);
        encoded.Return();
        TensorPrimitives.Multiply(means, 1f / _options.Networks, means);
        TensorPrimitives.Multiply(variances, 1f / _options.Networks, variances);
    }

    private ReadOnlySpan<float> SharedOf(int network) => shared.AsSpan(network * _units, _units);

    /// <summary>The heads of a network, [action][unit], or what else there is one of for each of their weights.</summary>
    private ReadOnlySpan<float> Of(int network, float[] each) => each.AsSpan(network * inputs.Heads * _units, inputs.Heads * _units);

    /// <summary>The hidden units of a network for a candidate.</summary>
    private ReadOnlySpan<float> Line(in EncodedQuery query, int network, int candidate, ReadOnlySpan<float> hidden) =>
        hidden.Slice((query.HasActions ? candidate * layer.Units : 0) + network * _units, _units);

    private void Outputs(in EncodedQuery query, int network, ReadOnlySpan<float> hidden, Span<float> outputs)
    {
        outputs.Clear();
        var own = Of(network, heads);
        if (!query.HasActions && inputs.Heads > 0)
            DenseKernels.Dots(own, query.Heads, _units, Line(query, network, 0, hidden), outputs);
        var constant = shared[layer.Units + network];
        var common = constant + (query.HasActions ? 0 : DenseKernels.Dot(SharedOf(network), Line(query, network, 0, hidden)));
        for (var k = 0; k < outputs.Length; k++)
        {
            var head = query.Heads[k];
            var usesShared = head < 0 || _options.SharedHead;
            if (query.HasActions)
            {
                var line = Line(query, network, k, hidden);
                if (head >= 0)
                    outputs[k] = DenseKernels.Dot(own.Slice(head * _units, _units), line);
                if (usesShared)
                    outputs[k] += DenseKernels.Dot(SharedOf(network), line);
            }
            if (head >= 0)
                outputs[k] += constants[network * inputs.Heads + head];
            if (usesShared)
                outputs[k] += common;
        }
    }

    private void AddVariances(in EncodedQuery query, int network, ReadOnlySpan<float> hidden, Span<float> variances)
    {
        var precisions = Of(network, HeadPrecisions!);
        for (var k = 0; k < variances.Length; k++)
        {
            var head = query.Heads[k];
            var line = Line(query, network, k, hidden);
            variances[k] += head >= 0
                ? 1 / ConstantPrecisions![network * inputs.Heads + head] + DenseKernels.WeightedSquares(line, precisions.Slice(head * _units, _units))
                : 1 + DenseKernels.Dot(line, line);
        }
    }

    /// <summary>Σ over the active units of (∂f/∂h)² times the variance of the sum that goes into the unit.</summary>
    private void AddVariancesBehind(in EncodedQuery query, ReadOnlySpan<float> hidden, LayerVariances behind, Span<float> variances)
    {
        var width = layer.Units;
        var rented = ArrayPool<float>.Shared.Rent(3 * width);
        var context = rented.AsSpan(0, width);
        var precisions = rented.AsSpan(width, width);
        var derivatives = rented.AsSpan(2 * width, width);
        behind.OfContext(query, context);
        for (var k = 0; k < variances.Length; k++)
        {
            var head = query.Heads[k];
            if (k == 0 || query.HasActions)
            {
                context.CopyTo(precisions);
                if (query.HasActions)
                    behind.AddAction(query, k, precisions);
                var line = hidden.Slice(query.HasActions ? k * width : 0, width);
                for (var j = 0; j < width; j++)
                    precisions[j] = line[j] > 0 ? 1 / precisions[j] : float.PositiveInfinity;
            }
            derivatives.Clear();
            for (var network = 0; network < _options.Networks && head >= 0; network++)
                Of(network, heads).Slice(head * _units, _units).CopyTo(derivatives[(network * _units)..]);
            if (head < 0 || _options.SharedHead)
                DenseKernels.AddScaled(1, shared.AsSpan(0, width), derivatives);
            variances[k] += DenseKernels.WeightedSquares(derivatives, precisions);
        }
        ArrayPool<float>.Shared.Return(rented);
    }
}

/// <summary>Variances of the weights before the hidden units, each by itself.</summary>
/// <param name="units">U, of all networks side by side.</param>
/// <param name="layer">Of W of the dense inputs, [input][unit], above 0.</param>
/// <param name="bias">Of b.</param>
/// <param name="rows">Of W of the hashed inputs, [row][unit].</param>
internal sealed class LayerVariances(int units, float[] layer, float[] bias, float[] rows)
{
    /// <summary>Variance of the sum that goes into each unit, without the action's part.</summary>
    public void OfContext(in EncodedQuery query, Span<float> variances)
    {
        bias.CopyTo(variances);
        AddDense(query.Context, 0, variances);
        AddHashed(query, 0, variances);
    }

    /// <summary>Adds the part of a candidate.</summary>
    public void AddAction(in EncodedQuery query, int candidate, Span<float> variances)
    {
        AddDense(query.Actions.Slice(candidate * query.ActionLength, query.ActionLength), query.ContextLength, variances);
        AddHashed(query, 1 + candidate, variances);
    }

    private void AddDense(ReadOnlySpan<float> inputs, int start, Span<float> variances)
    {
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i] != 0)
                DenseKernels.AddScaled(inputs[i] * inputs[i], layer.AsSpan((start + i) * units, units), variances);
        }
    }

    private void AddHashed(in EncodedQuery query, int line, Span<float> variances)
    {
        var numbers = query.Rows(line);
        var values = query.Values(line);
        for (var i = 0; i < numbers.Length; i++)
            DenseKernels.AddScaled(values[i] * values[i], rows.AsSpan(numbers[i] * units, units), variances);
    }
}
