using System.Buffers;
using Recsys.Bandits.Policies.Neural.Optimizers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The whole state as bytes: after a restart learning goes on to the bit.</summary>
internal static class NeuralCheckpoint
{
    /// <summary>Writes a state.</summary>
    public static void Write(NeuralState state, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        var network = state.Network;
        writer.Write(state.Interactions);
        writer.Write(network.Step);
        var losses = state.Losses;
        writer.Write(losses.Batches);
        foreach (var number in (ReadOnlySpan<double>)[losses.Recent, losses.Latest, losses.Variance, losses.Floor, losses.Distance])
            writer.Write(number);
        state.Drift.Write(writer);
        writer.Write(network.Scaler.Count);
        writer.Write<double>(network.Scaler.State);
        // The scale lags behind the statistics by a few observations.
        writer.Write<float>(network.Scaler.Shift);
        writer.Write<float>(network.Scaler.Scale);
        writer.Write<ulong>(network.RowIds.ToArray());
        writer.Write<ulong>(network.HeadKeys.ToArray());
        foreach (var weights in All(network))
        {
            writer.Write(weights.Steps);
            foreach (var array in weights.Arrays())
                writer.Write<float>(array);
        }
        writer.Write((long)state.Ring.Count);
        for (var age = state.Ring.Count - 1; age >= 0; age--)
        {
            var example = state.Ring[age];
            writer.Write<float>(example.Dense);
            writer.Write<int>(example.Rows);
            writer.Write<float>(example.Values);
            writer.Write((long)example.Head);
            writer.Write(example.Reward);
        }
    }

    /// <summary>Reads a state.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are none.</exception>
    public static NeuralState Read(NeuralOptions options, ReadOnlySpan<byte> input)
    {
        var reader = new StateReader(input, "Neural state");
        var state = new NeuralState(options);
        var network = state.Network;
        state.Interactions = reader.Long(0, long.MaxValue);
        network.Step = reader.Long(0, long.MaxValue);
        state.Losses = new LossLevel(reader.Long(0, long.MaxValue), reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite());
        state.Drift.Read(ref reader);
        network.Scaler.Count = reader.Long(0, long.MaxValue);
        reader.Array<double>(network.Scaler.State.Length).CopyTo(network.Scaler.State, 0);
        foreach (var number in network.Scaler.State)
            reader.Require(double.IsFinite(number), "a statistic of an input is not finite");
        reader.Floats(options.Dense).CopyTo(network.Scaler.Shift, 0);
        reader.Floats(options.Dense).CopyTo(network.Scaler.Scale, 0);
        Restore(network, isHead: false, reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax), ref reader);
        Restore(network, isHead: true, reader.ArrayUpTo<ulong>(options.ActionsMax), ref reader);
        foreach (var weights in All(network))
        {
            weights.Steps = reader.Long(0, long.MaxValue);
            foreach (var array in weights.Arrays())
                reader.Floats(array.Length).CopyTo(array, 0);
        }
        var examples = reader.Long(0, options.Replay);
        for (var i = 0L; i < examples; i++)
            state.Ring.Add(ReadExample(options, network, ref reader));
        reader.End();
        return state;
    }

    private static Example ReadExample(NeuralOptions options, NeuralNetwork network, ref StateReader reader)
    {
        var dense = reader.Array<float>(options.Dense);
        var rows = reader.ArrayUpTo<int>(network.Rows.Count == 0 ? 0 : int.MaxValue);
        foreach (var row in rows)
            reader.Require(row >= 0 && row < network.Rows.Count, "an example has an input that there is not");
        var values = reader.Floats(rows.Length);
        var head = (int)reader.Long(-1, network.Heads.Count - 1);
        var reward = reader.Finite();
        reader.Require(reward is >= 0 and <= 1, "a reward is not between 0 and 1");
        return new Example(dense, rows, values, head, (float)reward);
    }

    private static void Restore(NeuralNetwork network, bool isHead, ulong[] ids, ref StateReader reader)
    {
        reader.Require(ids.Distinct().Count() == ids.Length, "two blocks have one name");
        foreach (var id in ids)
            network.Restore(isHead, id);
    }

    private static IEnumerable<Weights> All(NeuralNetwork network) => [network.Layer, network.Bias, network.Shared, .. network.Rows, .. network.Heads];
}
