using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The network of one partition as it serves. Immutable once made.</summary>
internal sealed class FrozenNetwork(
    NeuralOptions options,
    long interactions,
    long since,
    float[] shift,
    float[] scale,
    float[] layer,
    float[] bias,
    float[] shared,
    Dictionary<ulong, int> rowOf,
    float[] rows,
    Dictionary<ulong, int> headOf,
    float[] heads)
{
    private readonly int _units = options.Hidden;

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; } = interactions;

    /// <summary>Interactions since the world last moved.</summary>
    public long Since { get; } = since;

    /// <summary>Variances of the heads' weights, [action][unit, constant]; null without widths.</summary>
    public float[]? HeadVariances { get; set; }

    /// <summary>Variances of W; null unless widths are of all weights.</summary>
    public float[]? LayerVariances { get; set; }

    /// <summary>Variances of b.</summary>
    public float[]? BiasVariances { get; set; }

    /// <summary>Variances of the hashed inputs' weights.</summary>
    public float[]? RowVariances { get; set; }

    /// <summary>Estimates all candidates.</summary>
    /// <param name="query">K candidates.</param>
    /// <param name="means">Length K: expected normalised reward.</param>
    /// <param name="variances">Length K: squared widths; 0 without.</param>
    public void Estimate(in DecisionQuery query, Span<float> means, Span<float> variances)
    {
        var candidates = query.Candidates;
        var contextOnly = options.Features.ActionVector == 0 && !HasHashedFeatures(candidates);
        var lines = contextOnly ? 1 : candidates.Length;
        var rented = ArrayPool<float>.Shared.Rent(options.Dense + (2 + 2 * lines) * _units);
        var buffer = rented.AsSpan();
        var inputs = buffer[..options.Dense];
        // Sums that enter the units, and the variances of those sums per squared derivative.
        var context = buffer.Slice(options.Dense, _units);
        var spread = buffer.Slice(options.Dense + _units, _units);
        var hidden = buffer.Slice(options.Dense + 2 * _units, lines * _units);
        var spreads = buffer.Slice(options.Dense + (2 + lines) * _units, lines * _units);
        AddContext(query.Context, inputs, context, spread);
        for (var k = 0; k < lines; k++)
        {
            var line = hidden.Slice(k * _units, _units);
            context.CopyTo(line);
            if (LayerVariances is not null)
                spread.CopyTo(spreads[(k * _units)..]);
            if (!contextOnly)
                AddAction(candidates[k].Features, inputs, line, spreads.Slice(k * _units, _units));
        }
        DenseKernels.Rectify(hidden);
        for (var k = 0; k < candidates.Length; k++)
        {
            var line = contextOnly ? 0 : k * _units;
            (means[k], variances[k]) = Output(candidates[k].Key, hidden.Slice(line, _units), spreads.Slice(line, _units));
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    private void AddContext(FeatureSet context, Span<float> inputs, Span<float> sums, Span<float> spread)
    {
        bias.CopyTo(sums);
        var dense = options.Features.ContextVector;
        AddDense(context.Dense.Span, 0, inputs[..dense], sums);
        if (LayerVariances is not null)
        {
            BiasVariances.CopyTo(spread);
            AddDenseSpread(0, inputs[..dense], spread);
        }
        foreach (var feature in context.Sparse.Span)
            AddHashed(NetworkInputs.ContextId(feature.Hash, options.Features), feature.Value, sums, spread);
    }

    private void AddAction(FeatureSet action, Span<float> inputs, Span<float> sums, Span<float> spread)
    {
        var start = options.Features.ContextVector;
        AddDense(action.Dense.Span, start, inputs[start..], sums);
        if (LayerVariances is not null)
            AddDenseSpread(start, inputs[start..], spread);
        foreach (var feature in action.Sparse.Span)
            AddHashed(NetworkInputs.ActionId(feature.Hash, options.Features), feature.Value, sums, spread);
    }

    private void AddDense(ReadOnlySpan<float> vector, int start, Span<float> inputs, Span<float> sums)
    {
        FeatureScaler.Apply(vector, shift.AsSpan(start, vector.Length), scale.AsSpan(start, vector.Length), inputs);
        DenseKernels.MultiplyAdd(inputs, inputs.Length, 1, 1, vector.Length, layer.AsSpan(start * _units, vector.Length * _units), _units, sums);
    }

    private void AddDenseSpread(int start, Span<float> inputs, Span<float> spread)
    {
        for (var i = 0; i < inputs.Length; i++)
            DenseKernels.AddScaled(inputs[i] * inputs[i], LayerVariances.AsSpan((start + i) * _units, _units), spread);
    }

    private void AddHashed(ulong id, float value, Span<float> sums, Span<float> spread)
    {
        value = NetworkInputs.Value(value);
        // What nobody has learned about says nothing.
        if (value == 0 || !rowOf.TryGetValue(id, out var row))
            return;
        DenseKernels.AddScaled(value, rows.AsSpan(row * _units, _units), sums);
        if (RowVariances is not null)
            DenseKernels.AddScaled(value * value, RowVariances.AsSpan(row * _units, _units), spread);
    }

    private (float Mean, float Variance) Output(ActionKey key, ReadOnlySpan<float> hidden, ReadOnlySpan<float> spread)
    {
        var known = headOf.TryGetValue(key.Value, out var head);
        var own = known ? heads.AsSpan(head * (_units + 1), _units + 1) : default;
        float output = 0;
        if (known)
            output = own[_units] + DenseKernels.Dot(own[.._units], hidden);
        if (options.SharedHead || !known)
            output += shared[_units] + DenseKernels.Dot(shared.AsSpan(0, _units), hidden);
        var mean = options.Loss == NeuralLoss.Log ? NeuralNetwork.Logistic(output) : StableMath.ClipEstimate(output);
        if (HeadVariances is null)
            return (mean, 0);
        float variance;
        if (known)
        {
            var variances = HeadVariances.AsSpan(head * (_units + 1), _units + 1);
            variance = variances[_units] + Squares(hidden, variances);
        }
        else
        {
            variance = 1 + DenseKernels.Dot(hidden, hidden);
        }
        return (mean, variance + Behind(own, hidden, spread));
    }

    /// <summary>The part of the variance that comes from the weights behind the hidden units.</summary>
    private float Behind(ReadOnlySpan<float> own, ReadOnlySpan<float> hidden, ReadOnlySpan<float> spread)
    {
        if (LayerVariances is null)
            return 0;
        float variance = 0;
        for (var j = 0; j < _units; j++)
        {
            if (hidden[j] <= 0)
                continue;
            var derivative = (own.IsEmpty ? 0 : own[j]) + (options.SharedHead || own.IsEmpty ? shared[j] : 0);
            variance += derivative * derivative * spread[j];
        }
        return variance;
    }

    private static float Squares(ReadOnlySpan<float> hidden, ReadOnlySpan<float> variances)
    {
        float sum = 0;
        for (var j = 0; j < hidden.Length; j++)
            sum += hidden[j] * hidden[j] * variances[j];
        return sum;
    }

    private static bool HasHashedFeatures(ReadOnlySpan<Candidate> candidates)
    {
        foreach (ref readonly var candidate in candidates)
        {
            if (!candidate.Features.Sparse.IsEmpty)
                return true;
        }
        return false;
    }
}
