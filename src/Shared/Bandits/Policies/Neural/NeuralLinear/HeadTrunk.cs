using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// One version of the network below its output, with the scaling of its inputs: everything that the features of a head depend on.
/// Immutable. Hashed inputs that came later have no weights in it and say nothing.
/// </summary>
/// <param name="options">Its shape.</param>
/// <param name="shift">Of every dense input.</param>
/// <param name="scale">Of every dense input.</param>
/// <param name="layer">W of the dense inputs, [input][unit].</param>
/// <param name="bias">b.</param>
/// <param name="rows">W of the hashed inputs that it knows, which are the first ones of the table, [row][unit].</param>
internal sealed class HeadTrunk(NeuralOptions options, float[] shift, float[] scale, float[] layer, float[] bias, float[] rows)
{
    /// <summary>Of every dense input.</summary>
    public float[] Shift { get; } = shift;

    /// <summary>Of every dense input.</summary>
    public float[] Scale { get; } = scale;

    /// <summary>W of the dense inputs.</summary>
    public float[] Layer { get; } = layer;

    /// <summary>b.</summary>
    public float[] Bias { get; } = bias;

    /// <summary>W of the hashed inputs.</summary>
    public float[] Rows { get; } = rows;

    /// <summary>Hashed inputs that it knows.</summary>
    public int RowCount => Rows.Length / options.Hidden;

    /// <summary>A copy of the trunk as it is served now.</summary>
    /// <param name="state">What was learned.</param>
    /// <param name="member">Number of the network.</param>
    /// <param name="options">Its shape.</param>
    public static HeadTrunk Of(NeuralState state, int member, NeuralOptions options)
    {
        var (networks, units, first) = (state.Networks, options.Hidden, member * options.Hidden);
        var layer = new float[options.Dense * units];
        for (var i = 0; i < options.Dense; i++)
            networks.Layer.Served.Slice(i * options.Width + first, units).CopyTo(layer.AsSpan(i * units));
        var rows = new float[networks.Rows.Count * units];
        for (var i = 0; i < networks.Rows.Count; i++)
            networks.Rows[i].Served.Slice(first, units).CopyTo(rows.AsSpan(i * units));
        var scaler = state.Inputs.Scaler;
        return new HeadTrunk(options, [.. scaler.Shift], [.. scaler.Scale], layer, networks.Bias.Served.Slice(first, units).ToArray(), rows);
    }

    /// <summary>Computes hidden units.</summary>
    /// <param name="examples">B of them.</param>
    /// <param name="inputs">Length B·D, overwritten.</param>
    /// <param name="hidden">Length B·H, written: [example][unit].</param>
    public void Forward(ReadOnlySpan<Example> examples, Span<float> inputs, Span<float> hidden)
    {
        var (dense, units) = (options.Dense, options.Hidden);
        for (var i = 0; i < examples.Length; i++)
        {
            var example = examples[i];
            FeatureScaler.Apply(example.Dense, Shift, Scale, inputs.Slice(i * dense, dense));
            var sums = hidden.Slice(i * units, units);
            Bias.CopyTo(sums);
            for (var j = 0; j < example.Rows.Length; j++)
            {
                if (example.Rows[j] < RowCount)
                    DenseKernels.AddScaled(example.Values[j], Rows.AsSpan(example.Rows[j] * units, units), sums);
            }
        }
        hidden = hidden[..(examples.Length * units)];
        DenseKernels.MultiplyAdd(inputs, dense, 1, examples.Length, dense, Layer, units, hidden);
        DenseKernels.Rectify(hidden);
    }
}
