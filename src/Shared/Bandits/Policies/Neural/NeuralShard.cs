using System.Buffers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>What serving needs of one partition's networks.</summary>
internal static class NeuralShard
{
    /// <summary>Writes the served weights of a state.</summary>
    public static void Write(NeuralState state, NeuralOptions options, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        var inputs = state.Inputs;
        writer.Write(state.Interactions);
        writer.Write(options.WatchesDrift ? state.Drift.Since : state.Interactions);
        writer.Write<float>(inputs.Scaler.Shift);
        writer.Write<float>(inputs.Scaler.Scale);
        writer.Write<ulong>(inputs.RowIds.ToArray());
        writer.Write<ulong>(inputs.HeadKeys.ToArray());
        var networks = state.Networks;
        writer.Write(networks.Layer.Served);
        writer.Write(networks.Bias.Served);
        writer.Write(networks.Shared.Served);
        foreach (var row in networks.Rows)
            writer.Write(row.Served);
        foreach (var head in networks.Heads)
            writer.Write(head.Served);
        if (options.Widths == WidthForm.None)
            return;
        foreach (var head in networks.Heads)
            writer.Write<float>(head.Precision);
        if (options.Widths == WidthForm.Head)
            return;
        writer.Write<float>(networks.Layer.Precision);
        writer.Write<float>(networks.Bias.Precision);
        foreach (var row in networks.Rows)
            writer.Write<float>(row.Precision);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static FrozenNetworks Read(ReadOnlySpan<byte> input, NeuralOptions options)
    {
        var reader = new StateReader(input, "A published network");
        var interactions = reader.Long(0, long.MaxValue);
        var since = reader.Long(0, interactions);
        var (shift, scale) = (reader.Floats(options.Dense), reader.Floats(options.Dense));
        var rowIds = reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax);
        var keys = reader.ArrayUpTo<ulong>(options.ActionsMax);
        var inputs = new FrozenInputs(options, shift, scale, Numbers(reader, rowIds), Numbers(reader, keys));
        var width = options.Width;
        var (layer, bias, shared) = (reader.Floats((long)options.Dense * width), reader.Floats(width), reader.Floats(width + options.Networks));
        var rows = Blocks(ref reader, inputs.Rows, width);
        var (heads, constants) = Heads(ref reader, inputs.Heads, options);
        var (headPrecisions, constantPrecisions) = options.Widths == WidthForm.None ? (null, null) : Heads(ref reader, inputs.Heads, options);
        AddPrior(headPrecisions, reader);
        AddPrior(constantPrecisions, reader);
        var behind = options.Widths != WidthForm.Full
            ? null
            : new LayerVariances(width, Variances(ref reader, 1, options.Dense * width), Variances(ref reader, 1, width), Variances(ref reader, inputs.Rows, width));
        foreach (var weights in (ReadOnlySpan<float[]>)[layer, bias, shared, rows, heads, constants])
            reader.Require(Weights.IsUsable(weights), "a weight is beyond all bounds");
        reader.End();
        return new FrozenNetworks(inputs, new FrozenLayer(width, layer, bias, rows), shared, heads, constants)
        {
            Interactions = interactions,
            Since = since,
            HeadPrecisions = headPrecisions,
            ConstantPrecisions = constantPrecisions,
            Behind = behind,
        };
    }

    private static float[] Blocks(ref StateReader reader, int count, int length)
    {
        var all = new float[count * length];
        for (var i = 0; i < count; i++)
            reader.Floats(length).CopyTo(all, i * length);
        return all;
    }

    /// <summary>Blocks of one number for each unit and a constant of each network, taken apart: [network][action][unit], so that a network reads on.</summary>
    private static (float[] Units, float[] Constants) Heads(ref StateReader reader, int count, NeuralOptions options)
    {
        var (units, width) = (options.Hidden, options.Width);
        var (all, constants) = (new float[count * width], new float[count * options.Networks]);
        for (var i = 0; i < count; i++)
        {
            var head = reader.Floats(width + options.Networks);
            for (var network = 0; network < options.Networks; network++)
            {
                head.AsSpan(network * units, units).CopyTo(all.AsSpan((network * count + i) * units));
                constants[network * count + i] = head[width + network];
            }
        }
        return (all, constants);
    }

    private static float[] Variances(ref StateReader reader, int count, int length)
    {
        var all = Blocks(ref reader, count, length);
        AddPrior(all, reader);
        for (var i = 0; i < all.Length; i++)
            all[i] = 1 / all[i];
        return all;
    }

    /// <summary>λ + Σ of squared derivatives, λ = 1.</summary>
    private static void AddPrior(float[]? squares, in StateReader reader)
    {
        for (var i = 0; i < squares?.Length; i++)
        {
            reader.Require(squares[i] >= 0, "a sum of squares is negative");
            squares[i] += 1;
        }
    }

    /// <summary>The place of every id.</summary>
    /// <exception cref="SnapshotFormatException">One is there twice.</exception>
    public static Dictionary<ulong, int> Numbers(in StateReader reader, ulong[] ids)
    {
        var numbers = new Dictionary<ulong, int>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
            reader.Require(numbers.TryAdd(ids[i], i), "two blocks have one name");
        return numbers;
    }
}
