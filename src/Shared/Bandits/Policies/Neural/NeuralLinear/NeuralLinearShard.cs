using System.Buffers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>What serving needs of one partition: a head trunk, and the sums of the actions that have any.</summary>
internal static class NeuralLinearShard
{
    /// <summary>Writes the parameters of a state.</summary>
    public static void Write(NeuralState state, HeadState head, NeuralLinearOptions options, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Write(state.Interactions);
        writer.Write<ulong>(state.Inputs.RowIds[..head.Trunk.RowCount].ToArray());
        NeuralLinearCheckpoint.WriteTrunk(head.Trunk, writer);
        var known = head.Sums.Own.Where(static sums => sums.Gram[0] > 0).ToList();
        writer.Write<ulong>(known.Select(static sums => sums.Key).ToArray());
        NeuralLinearCheckpoint.WriteSums(head.Sums.Others, writer);
        if (head.Sums.All is not null)
            NeuralLinearCheckpoint.WriteSums(head.Sums.All, writer);
        foreach (var sums in known)
            NeuralLinearCheckpoint.WriteSums(sums, writer);
    }

    /// <summary>Reads what <see cref="Write"/> wrote, and solves what has changed.</summary>
    /// <param name="input">All bytes.</param>
    /// <param name="options">The configuration that they were learned with.</param>
    /// <param name="previous">The same partition before, from which unchanged solutions are shared; or null.</param>
    /// <exception cref="SnapshotFormatException">The bytes are something else.</exception>
    public static FrozenHeads Read(ReadOnlySpan<byte> input, NeuralLinearOptions options, FrozenHeads? previous)
    {
        var reader = new StateReader(input, "A published neural-linear policy");
        var interactions = reader.Long(0, long.MaxValue);
        var rowIds = reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax);
        var trunk = NeuralLinearCheckpoint.ReadTrunk(ref reader, rowIds.Length, options.Trunk);
        reader.Require(trunk.RowCount == rowIds.Length, "a hashed input has no weights");
        var keys = reader.ArrayUpTo<ulong>(options.Trunk.ActionsMax);
        var sums = new HeadSums(options);
        sums.Cover([.. keys]);
        foreach (var block in sums.Blocks)
            NeuralLinearCheckpoint.ReadSums(ref reader, block);
        reader.End();
        var inputs = new FrozenInputs(options.Trunk, trunk.Shift, trunk.Scale, Numbers(reader, rowIds), Numbers(reader, keys));
        return new FrozenHeads(options, inputs, trunk, sums, interactions, previous);
    }

    private static Dictionary<ulong, int> Numbers(in StateReader reader, ulong[] ids)
    {
        var numbers = new Dictionary<ulong, int>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
            reader.Require(numbers.TryAdd(ids[i], i), "two blocks have one name");
        return numbers;
    }
}
