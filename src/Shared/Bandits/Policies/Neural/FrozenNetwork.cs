using System.Buffers;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>One network as it serves: see <see cref="NeuralNetwork"/>. Immutable once made.</summary>
/// <param name="options">Its shape.</param>
/// <param name="layer">W of the dense inputs, [input][unit].</param>
/// <param name="bias">b.</param>
/// <param name="shared">u and then c of the output that all actions share.</param>
/// <param name="rows">W of the hashed inputs, [row][unit].</param>
/// <param name="heads">u of every action, [action][unit].</param>
/// <param name="constants">c of every action.</param>
internal sealed class FrozenNetwork(NeuralOptions options, float[] layer, float[] bias, float[] shared, float[] rows, float[] heads, float[] constants)
    : IFrozenMember
{
    private readonly int _units = options.Hidden;

    /// <summary>Precisions of <c>heads</c>, λ + Σ of squared derivatives; null without widths.</summary>
    public float[]? HeadPrecisions { get; init; }

    /// <summary>Precisions of <c>constants</c>.</summary>
    public float[]? ConstantPrecisions { get; init; }

    /// <summary>What the weights behind the hidden units add to widths; null unless widths are of all weights.</summary>
    public LayerVariances? Behind { get; init; }

    /// <inheritdoc/>
    public void AddTo(in EncodedQuery query, Span<float> means, Span<float> variances)
    {
        var lines = Math.Max(1, query.Lines);
        var rented = ArrayPool<float>.Shared.Rent((1 + lines) * _units + query.Candidates);
        var hidden = rented.AsSpan(0, lines * _units);
        var context = rented.AsSpan(lines * _units, _units);
        var outputs = rented.AsSpan((1 + lines) * _units, query.Candidates);
        Fill(query, context, hidden);
        DenseKernels.Rectify(hidden);
        Outputs(query, hidden, outputs);
        for (var k = 0; k < outputs.Length; k++)
            means[k] += options.Loss == NeuralLoss.Log ? NeuralNetwork.Logistic(outputs[k]) : StableMath.ClipEstimate(outputs[k]);
        if (HeadPrecisions is not null)
            AddVariances(query, hidden, variances);
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>The sums that go into the hidden units: once for the context, then for every action what it adds.</summary>
    public void Fill(in EncodedQuery query, Span<float> context, Span<float> hidden)
    {
        bias.CopyTo(context);
        var split = query.ContextLength * _units;
        DenseKernels.MultiplyAdd(query.Context, query.ContextLength, 1, 1, query.ContextLength, layer.AsSpan(0, split), _units, context);
        AddHashed(query, 0, context);
        for (var line = 0; line * _units < hidden.Length; line++)
            context.CopyTo(hidden[(line * _units)..]);
        if (!query.HasActions)
            return;
        DenseKernels.MultiplyAdd(query.Actions, query.ActionLength, 1, query.Lines, query.ActionLength, layer.AsSpan(split), _units, hidden);
        for (var k = 0; k < query.Lines; k++)
            AddHashed(query, 1 + k, hidden.Slice(k * _units, _units));
    }

    private void AddHashed(in EncodedQuery query, int line, Span<float> sums)
    {
        var numbers = query.Rows(line);
        if (!numbers.IsEmpty)
            DenseKernels.AddRows(query.Values(line), numbers, rows, _units, sums);
    }

    private void Outputs(in EncodedQuery query, ReadOnlySpan<float> hidden, Span<float> outputs)
    {
        outputs.Clear();
        if (!query.HasActions)
            DenseKernels.Dots(heads, query.Heads, _units, hidden, outputs);
        var common = shared[_units] + (query.HasActions ? 0 : DenseKernels.Dot(shared.AsSpan(0, _units), hidden));
        for (var k = 0; k < outputs.Length; k++)
        {
            var head = query.Heads[k];
            if (query.HasActions)
            {
                var line = hidden.Slice(k * _units, _units);
                if (head >= 0)
                    outputs[k] = DenseKernels.Dot(heads.AsSpan(head * _units, _units), line);
                if (head < 0 || options.SharedHead)
                    outputs[k] += DenseKernels.Dot(shared.AsSpan(0, _units), line);
            }
            if (head >= 0)
                outputs[k] += constants[head];
            if (head < 0 || options.SharedHead)
                outputs[k] += common;
        }
    }

    private void AddVariances(in EncodedQuery query, ReadOnlySpan<float> hidden, Span<float> variances)
    {
        for (var k = 0; k < variances.Length; k++)
        {
            var head = query.Heads[k];
            var line = query.HasActions ? hidden.Slice(k * _units, _units) : hidden;
            variances[k] += head >= 0
                ? 1 / ConstantPrecisions![head] + DenseKernels.WeightedSquares(line, HeadPrecisions.AsSpan(head * _units, _units))
                : 1 + DenseKernels.Dot(line, line);
        }
        if (Behind is not null)
            AddVariancesBehind(query, hidden, Behind, variances);
    }

    /// <summary>Σ over the active units of (∂f/∂h)² times the variance of the sum that goes into the unit.</summary>
    private void AddVariancesBehind(in EncodedQuery query, ReadOnlySpan<float> hidden, LayerVariances behind, Span<float> variances)
    {
        var rented = ArrayPool<float>.Shared.Rent(3 * _units);
        var context = rented.AsSpan(0, _units);
        var precisions = rented.AsSpan(_units, _units);
        var derivatives = rented.AsSpan(2 * _units, _units);
        behind.OfContext(query, context);
        for (var k = 0; k < variances.Length; k++)
        {
            var head = query.Heads[k];
            if (k == 0 || query.HasActions)
            {
                context.CopyTo(precisions);
                if (query.HasActions)
                    behind.AddAction(query, k, precisions);
                var line = query.HasActions ? hidden.Slice(k * _units, _units) : hidden;
                for (var j = 0; j < _units; j++)
                    precisions[j] = line[j] > 0 ? 1 / precisions[j] : float.PositiveInfinity;
            }
            derivatives.Clear();
            if (head >= 0)
                heads.AsSpan(head * _units, _units).CopyTo(derivatives);
            if (head < 0 || options.SharedHead)
                DenseKernels.AddScaled(1, shared.AsSpan(0, _units), derivatives);
            variances[k] += DenseKernels.WeightedSquares(derivatives, precisions);
        }
        ArrayPool<float>.Shared.Return(rented);
    }
}

/// <summary>Variances of the weights before the hidden units, each by itself.</summary>
/// <param name="options">Shapes.</param>
/// <param name="layer">Of W of the dense inputs, [input][unit], above 0.</param>
/// <param name="bias">Of b.</param>
/// <param name="rows">Of W of the hashed inputs, [row][unit].</param>
internal sealed class LayerVariances(NeuralOptions options, float[] layer, float[] bias, float[] rows)
{
    private readonly int _units = options.Hidden;

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
                DenseKernels.AddScaled(inputs[i] * inputs[i], layer.AsSpan((start + i) * _units, _units), variances);
        }
    }

    private void AddHashed(in EncodedQuery query, int line, Span<float> variances)
    {
        var numbers = query.Rows(line);
        var values = query.Values(line);
        for (var i = 0; i < numbers.Length; i++)
            DenseKernels.AddScaled(values[i] * values[i], rows.AsSpan(numbers[i] * _units, _units), variances);
    }
}
