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
        foreach (var network in state.Networks)
            Write(network, options, writer);
    }

    /// <summary>Reads what <see cref="Write(NeuralState, NeuralOptions, IBufferWriter{byte})"/> wrote.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static FrozenEnsemble<FrozenNetwork> Read(ReadOnlySpan<byte> input, NeuralOptions options)
    {
        var reader = new StateReader(input, "A published network");
        var interactions = reader.Long(0, long.MaxValue);
        var since = reader.Long(0, interactions);
        var (shift, scale) = (reader.Floats(options.Dense), reader.Floats(options.Dense));
        var rowIds = reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax);
        var keys = reader.ArrayUpTo<ulong>(options.ActionsMax);
        var (rows, heads) = (Numbers(reader, rowIds), Numbers(reader, keys));
        var networks = new FrozenNetwork[interactions == 0 ? 0 : options.Networks];
        var inputs = new FrozenInputs(options, shift, scale, rows, heads);
        for (var i = 0; i < options.Networks; i++)
        {
            var network = Read(ref reader, inputs, options);
            if (i < networks.Length)
                networks[i] = network;
        }
        reader.End();
        return new FrozenEnsemble<FrozenNetwork>(inputs, networks, interactions, since);
    }

    private static void Write(NeuralNetwork network, NeuralOptions options, StateWriter writer)
    {
        writer.Write(network.Layer.Served);
        writer.Write(network.Bias.Served);
        writer.Write(network.Shared.Served);
        foreach (var row in network.Rows)
            writer.Write(row.Served);
        foreach (var head in network.Heads)
            writer.Write(head.Served);
        if (options.Widths == WidthForm.None)
            return;
        foreach (var head in network.Heads)
            writer.Write<float>(head.Precision);
        if (options.Widths == WidthForm.Head)
            return;
        writer.Write<float>(network.Layer.Precision);
        writer.Write<float>(network.Bias.Precision);
        foreach (var row in network.Rows)
            writer.Write<float>(row.Precision);
    }

    private static FrozenNetwork Read(ref StateReader reader, FrozenInputs inputs, NeuralOptions options)
    {
        var units = options.Hidden;
        var (layer, bias, shared) = (reader.Floats((long)options.Dense * units), reader.Floats(units), reader.Floats(units + 1));
        var rows = Blocks(ref reader, inputs.Rows, units);
        var (heads, constants) = Heads(ref reader, inputs.Heads, units);
        var (headVariances, constantVariances) = options.Widths == WidthForm.None ? (null, null) : Heads(ref reader, inputs.Heads, units);
        Invert(headVariances, reader);
        Invert(constantVariances, reader);
        foreach (var weights in (ReadOnlySpan<float[]>)[layer, bias, shared, rows, heads, constants])
            reader.Require(Weights.IsUsable(weights), "a weight is beyond all bounds");
        return new FrozenNetwork(options, new FrozenLayer(units, layer, bias, rows), shared, heads, constants)
        {
            HeadVariances = headVariances,
            ConstantVariances = constantVariances,
            LayerVariances = options.Widths != WidthForm.Full
                ? null
                : new FrozenLayer(units, Variances(ref reader, 1, options.Dense * units), Variances(ref reader, 1, units), Variances(ref reader, inputs.Rows, units)),
        };
    }

    private static float[] Blocks(ref StateReader reader, int count, int length)
    {
        var all = new float[count * length];
        for (var i = 0; i < count; i++)
            reader.Floats(length).CopyTo(all, i * length);
        return all;
    }

    /// <summary>Blocks of one number for each unit and a constant, taken apart.</summary>
    private static (float[] Units, float[] Constants) Heads(ref StateReader reader, int count, int units)
    {
        var (all, constants) = (new float[count * units], new float[count]);
        for (var i = 0; i < count; i++)
        {
            var head = reader.Floats(units + 1);
            head.AsSpan(0, units).CopyTo(all.AsSpan(i * units));
            constants[i] = head[units];
        }
        return (all, constants);
    }

    private static float[] Variances(ref StateReader reader, int count, int length)
    {
        var all = Blocks(ref reader, count, length);
        Invert(all, reader);
        return all;
    }

    /// <summary>Turns sums S of squared derivatives into variances 1/(λ + S), λ = 1.</summary>
    private static void Invert(float[]? squares, in StateReader reader)
    {
        for (var i = 0; i < squares?.Length; i++)
        {
            reader.Require(squares[i] >= 0, "a sum of squares is negative");
            squares[i] = 1 / (1 + squares[i]);
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
