using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The last hidden layer of the first network of an ensemble, as it stood when the keys were made, less the mean of what was being replayed then.</summary>
internal sealed class HiddenKeys : FrozenKeys
{
    // Enough for a mean.
    private const int CentredBy = 128;
    private readonly FrozenInputs _inputs;
    private readonly FrozenLayer _layer;
    private readonly float[] _mean;

    private HiddenKeys(KeySpace space, FrozenInputs inputs, FrozenLayer layer, float[] mean) : base(space, mean.Length) => (_inputs, _layer, _mean) = (inputs, layer, mean);

    /// <inheritdoc/>
    public override void Fill(in DecisionQuery query, Span<float> rows)
    {
        var encoded = new EncodedQuery(query, _inputs);
        var rented = System.Buffers.ArrayPool<float>.Shared.Rent(Dimension);
        _layer.Fill(encoded, rented.AsSpan(0, Dimension), rows);
        System.Buffers.ArrayPool<float>.Shared.Return(rented);
        encoded.Return();
        DenseKernels.Rectify(rows);
        for (var row = 0; row < rows.Length; row += Dimension)
            System.Numerics.Tensors.TensorPrimitives.Subtract(rows.Slice(row, Dimension), _mean, rows.Slice(row, Dimension));
    }

    /// <summary>Writes the keys that a trainer's state gives.</summary>
    public static void Write(StateWriter writer, KeySpace space, NeuralState state, NeuralOptions options)
    {
        var (inputs, networks) = (state.Inputs, state.Networks);
        float[] layer = options.PartOf(0, networks.Layer.Served), bias = options.PartOf(0, networks.Bias.Served);
        var rows = new float[inputs.RowIds.Count * options.Hidden];
        for (var row = 0; row < inputs.RowIds.Count; row++)
            options.PartOf(0, networks.Rows[row].Served).CopyTo(rows, row * options.Hidden);
        writer.Write((long)space.Value);
        writer.Write(HiddenForm);
        writer.Write(options.Hidden);
        writer.Write<float>(inputs.Scaler.Shift);
        writer.Write<float>(inputs.Scaler.Scale);
        writer.Write<ulong>(inputs.RowIds.ToArray());
        writer.Write<float>(layer);
        writer.Write<float>(bias);
        writer.Write<float>(rows);
        writer.Write<float>(Mean(state, options, layer, bias, rows));
    }

    /// <summary>Reads the rest of them.</summary>
    public static HiddenKeys Read(ref StateReader reader, PolicySpec spec, KeySpace space)
    {
        reader.Require(spec.Parameters.Values.Any(static v => v.Key == NeuralOptions.HiddenName), "the policy has no hidden layer");
        var options = NeuralOptions.From(spec, WidthForm.None);
        var units = (int)reader.Long(options.Hidden, options.Hidden);
        var (shift, scale) = (reader.Floats(options.Dense), reader.Floats(options.Dense));
        var ids = reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax);
        var numbers = new Dictionary<ulong, int>(ids.Length);
        foreach (var id in ids)
            reader.Require(numbers.TryAdd(id, numbers.Count), "an input has two numbers");
        var (layer, bias, rows, mean) = (reader.Floats((long)options.Dense * units), reader.Floats(units), reader.Floats((long)ids.Length * units), reader.Floats(units));
        foreach (var weights in (ReadOnlySpan<float[]>)[layer, bias, rows, mean])
            reader.Require(Weights.IsUsable(weights), "a weight is beyond all bounds");
        return new HiddenKeys(space, new FrozenInputs(options, shift, scale, numbers, []), new FrozenLayer(units, layer, bias, rows), mean);
    }

    /// <summary>Mean activations of the newest interactions, action by action as they were shown.</summary>
    private static float[] Mean(NeuralState state, NeuralOptions options, float[] layer, float[] bias, float[] rows)
    {
        var (units, count) = (options.Hidden, Math.Min(CentredBy, state.Ring.Count));
        var (mean, hidden, scaled) = (new float[units], new float[units], new float[options.Dense]);
        for (var age = 0; age < count; age++)
        {
            var example = state.Ring[age];
            state.Inputs.Scaler.Apply(example.Dense, scaled);
            bias.CopyTo(hidden, 0);
            DenseKernels.MultiplyAdd(scaled, options.Dense, 1, 1, options.Dense, layer, units, hidden);
            DenseKernels.AddRows(example.Values, example.Rows, rows, units, hidden);
            DenseKernels.Rectify(hidden);
            DenseKernels.AddScaled(1f / count, hidden, mean);
        }
        return mean;
    }
}
