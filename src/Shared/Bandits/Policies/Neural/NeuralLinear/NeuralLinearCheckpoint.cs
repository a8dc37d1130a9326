using System.Buffers;
using Recsys.Bandits.Policies.Linear;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>The whole state as bytes: that of the networks with its length, then the head trunks and their sums.</summary>
internal static class NeuralLinearCheckpoint
{
    /// <summary>Writes a state.</summary>
    public static void Write(NeuralState state, HeadState[] heads, long since, IBufferWriter<byte> output)
    {
        var network = new ArrayBufferWriter<byte>();
        NeuralCheckpoint.Write(state, network);
        var writer = new StateWriter(output);
        writer.Write(network.WrittenSpan);
        writer.Write(since);
        foreach (var head in heads)
        {
            WriteTrunk(head.Trunk, writer);
            foreach (var block in head.Sums.Blocks)
                WriteSums(block, writer);
        }
    }

    /// <summary>Reads a state.</summary>
    /// <param name="options">The configuration that it was learned with.</param>
    /// <param name="network">Untrained; takes the state of the networks.</param>
    /// <param name="input">All bytes.</param>
    /// <exception cref="SnapshotFormatException">The bytes are no state.</exception>
    public static (HeadState[] Heads, long Since) Read(NeuralLinearOptions options, NeuralTrainer network, ReadOnlySpan<byte> input)
    {
        var reader = new StateReader(input, "Neural-linear state");
        network.ReadCheckpoint(reader.ArrayUpTo<byte>(int.MaxValue));
        var inputs = network.State.Inputs;
        var since = reader.Long(0, network.Interactions);
        var heads = new HeadState[options.Trunk.Networks];
        for (var member = 0; member < heads.Length; member++)
        {
            var head = new HeadState(options, ReadTrunk(ref reader, inputs.RowIds.Count, options.Trunk));
            reader.Require(member == 0 || head.Trunk.RowCount == heads[0].Trunk.RowCount, "its trunks are of different times");
            head.Sums.Cover(inputs.HeadKeys);
            foreach (var block in head.Sums.Blocks)
                ReadSums(ref reader, block);
            heads[member] = head;
        }
        reader.End();
        return (heads, since);
    }

    /// <summary>Writes a trunk.</summary>
    public static void WriteTrunk(HeadTrunk trunk, StateWriter writer)
    {
        foreach (var array in (float[][])[trunk.Shift, trunk.Scale, trunk.Layer, trunk.Bias, trunk.Rows])
            writer.Write<float>(array);
    }

    /// <summary>Reads a trunk.</summary>
    /// <exception cref="SnapshotFormatException">There is none, or it knows more hashed inputs than there are.</exception>
    public static HeadTrunk ReadTrunk(ref StateReader reader, int rowsMax, NeuralOptions options)
    {
        var (shift, scale) = (reader.Floats(options.Dense), reader.Floats(options.Dense));
        var (layer, bias) = (reader.Floats((long)options.Dense * options.Hidden), reader.Floats(options.Hidden));
        var rows = reader.ArrayUpTo<float>((long)rowsMax * options.Hidden);
        reader.Require(rows.Length % options.Hidden == 0, "a hashed input has not all of its weights");
        foreach (var weight in rows)
            reader.Require(float.IsFinite(weight), "a number is not finite");
        return new HeadTrunk(options, shift, scale, layer, bias, rows);
    }

    /// <summary>Writes sums.</summary>
    public static void WriteSums(RidgeSums sums, StateWriter writer)
    {
        writer.Write<double>(sums.Gram);
        writer.Write<double>(sums.Moments);
    }

    /// <summary>Reads sums.</summary>
    /// <exception cref="SnapshotFormatException">There are none, or no interactions lead to them.</exception>
    public static void ReadSums(ref StateReader reader, RidgeSums sums)
    {
        reader.Array<double>(sums.Gram.Length).CopyTo(sums.Gram);
        reader.Array<double>(sums.Moments.Length).CopyTo(sums.Moments);
        foreach (var sum in sums.Gram)
            reader.Require(double.IsFinite(sum), "a sum is not finite");
        foreach (var sum in sums.Moments)
            reader.Require(double.IsFinite(sum), "a sum is not finite");
        // The first feature is 1: a count, and a sum of rewards between 0 and 1.
        reader.Require(sums.Moments[0] >= 0 && sums.Moments[0] <= sums.Gram[0], "a reward sum does not belong to its count");
    }
}
