using System.Buffers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>What serving needs of one partition's network.</summary>
internal static class NeuralShard
{
    /// <summary>Writes the served weights of a state.</summary>
    public static void Write(NeuralState state, NeuralOptions options, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        var network = state.Network;
        writer.Write(state.Interactions);
        writer.Write(state.Drift.Since);
        writer.Write<float>(network.Scaler.Shift);
        writer.Write<float>(network.Scaler.Scale);
        writer.Write(network.Layer.Served);
        writer.Write(network.Bias.Served);
        writer.Write(network.Shared.Served);
        writer.Write<ulong>(network.RowIds.ToArray());
        foreach (var row in network.Rows)
            writer.Write(row.Served);
        writer.Write<ulong>(network.HeadKeys.ToArray());
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

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static FrozenNetwork Read(ReadOnlySpan<byte> input, NeuralOptions options)
    {
        var reader = new StateReader(input, "A published network");
        var units = options.Hidden;
        var interactions = reader.Long(0, long.MaxValue);
        var since = reader.Long(0, interactions);
        var (shift, scale) = (reader.Floats(options.Dense), reader.Floats(options.Dense));
        var (layer, bias, shared) = (reader.Floats((long)options.Dense * units), reader.Floats(units), reader.Floats(units + 1));
        var rowIds = reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax);
        var rows = Blocks(ref reader, rowIds.Length, units);
        var keys = reader.ArrayUpTo<ulong>(options.ActionsMax);
        var heads = Blocks(ref reader, keys.Length, units + 1);
        var network = new FrozenNetwork(options, interactions, since, shift, scale, layer, bias, shared, Numbers(ref reader, rowIds), rows, Numbers(ref reader, keys), heads);
        if (options.Widths != WidthForm.None)
            network.HeadVariances = Variances(ref reader, keys.Length, units + 1);
        if (options.Widths == WidthForm.Full)
        {
            network.LayerVariances = Variances(ref reader, 1, options.Dense * units);
            network.BiasVariances = Variances(ref reader, 1, units);
            network.RowVariances = Variances(ref reader, rowIds.Length, units);
        }
        reader.End();
        return network;
    }

    private static float[] Blocks(ref StateReader reader, int count, int length)
    {
        var all = new float[count * length];
        for (var i = 0; i < count; i++)
            reader.Floats(length).CopyTo(all, i * length);
        return all;
    }

    /// <summary>1/(λ + Σ of squared derivatives), λ = 1.</summary>
    private static float[] Variances(ref StateReader reader, int count, int length)
    {
        var all = Blocks(ref reader, count, length);
        for (var i = 0; i < all.Length; i++)
        {
            reader.Require(all[i] >= 0, "a sum of squares is negative");
            all[i] = 1 / (1 + all[i]);
        }
        return all;
    }

    private static Dictionary<ulong, int> Numbers(ref StateReader reader, ulong[] ids)
    {
        var numbers = new Dictionary<ulong, int>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
            reader.Require(numbers.TryAdd(ids[i], i), "two blocks have one name");
        return numbers;
    }
}
