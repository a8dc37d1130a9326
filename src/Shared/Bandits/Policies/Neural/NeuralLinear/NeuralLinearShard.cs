using System.Buffers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>What serving needs of one partition: the head trunks, and the sums of the actions that have any.</summary>
internal static class NeuralLinearShard
{
    /// <summary>Writes the parameters of a state.</summary>
    public static void Write(NeuralState state, HeadState[] heads, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Write(state.Interactions);
        writer.Write<ulong>(state.Inputs.RowIds[..heads[0].Trunk.RowCount].ToArray());
        // All networks count the same interactions.
        var known = heads[0].Sums.Own.Where(static sums => sums.Gram[0] > 0).Select(static sums => sums.Key).ToHashSet();
        writer.Write<ulong>(heads[0].Sums.Own.Select(static sums => sums.Key).Where(known.Contains).ToArray());
        foreach (var head in heads)
        {
            NeuralLinearCheckpoint.WriteTrunk(head.Trunk, writer);
            foreach (var sums in head.Sums.Blocks.Except(head.Sums.Own.Where(sums => !known.Contains(sums.Key))))
                NeuralLinearCheckpoint.WriteSums(sums, writer);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote, and solves what has changed.</summary>
    /// <param name="input">All bytes.</param>
    /// <param name="options">The configuration that they were learned with.</param>
    /// <param name="previous">The same partition before, from which unchanged solutions are shared; or null.</param>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static FrozenEnsemble Read(ReadOnlySpan<byte> input, NeuralLinearOptions options, FrozenEnsemble? previous)
    {
        var reader = new StateReader(input, "A published neural-linear policy");
        var interactions = reader.Long(0, long.MaxValue);
        var rowIds = reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax);
        var keys = reader.ArrayUpTo<ulong>(options.Trunk.ActionsMax);
        var (rows, actions) = (NeuralShard.Numbers(reader, rowIds), NeuralShard.Numbers(reader, keys));
        var members = new FrozenHeads[options.Trunk.Networks];
        FrozenInputs? inputs = null;
        for (var member = 0; member < members.Length; member++)
        {
            var trunk = NeuralLinearCheckpoint.ReadTrunk(ref reader, rowIds.Length, options.Trunk);
            reader.Require(trunk.RowCount == rowIds.Length, "a hashed input has no weights");
            var sums = new HeadSums(options);
            sums.Cover([.. keys]);
            foreach (var block in sums.Blocks)
                NeuralLinearCheckpoint.ReadSums(ref reader, block);
            // Taken at the same time, all trunks scale alike.
            inputs ??= new FrozenInputs(options.Trunk, trunk.Shift, trunk.Scale, rows, actions);
            members[member] = new FrozenHeads(options, trunk, sums, previous?.Members[member]);
        }
        reader.End();
        return new FrozenEnsemble(inputs!, members, interactions);
    }
}
