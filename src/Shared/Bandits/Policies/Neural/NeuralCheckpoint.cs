using System.Buffers;
using Recsys.Bandits.Policies.Neural.Optimizers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>The whole state as bytes: after a restart learning goes on to the bit.</summary>
internal static class NeuralCheckpoint
{
    /// <summary>Counts go on from here without an overflow.</summary>
    private const long CountMax = long.MaxValue / 2;

    /// <summary>Above all losses that there are; powers of it are still numbers.</summary>
    private const double LossMax = 1e9;

    /// <summary>Writes a state.</summary>
    public static void Write(NeuralState state, IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        var inputs = state.Inputs;
        writer.Write(state.Interactions);
        var losses = state.Losses;
        writer.Write(losses.Batches);
        foreach (var number in (ReadOnlySpan<double>)[losses.Recent, losses.Latest, losses.Variance, losses.Floor, losses.Distance])
            writer.Write(number);
        var drift = state.Drift;
        foreach (var number in (ReadOnlySpan<long>)[drift.Alarms, drift.Since, drift.Seen])
            writer.Write(number);
        foreach (var number in (ReadOnlySpan<double>)[drift.Fast, drift.Slow, drift.Variance, drift.Third, drift.Block, drift.LastBlock, drift.Between])
            writer.Write(number);
        writer.Write(inputs.Scaler.Count);
        writer.Write<double>(inputs.Scaler.State);
        // The scale lags behind the statistics by a few observations.
        writer.Write<float>(inputs.Scaler.Shift);
        writer.Write<float>(inputs.Scaler.Scale);
        writer.Write<ulong>(inputs.RowIds.ToArray());
        writer.Write<ulong>(inputs.HeadKeys.ToArray());
        writer.Write(inputs.Refused);
        writer.Write(state.Networks.Step);
        writer.Write(state.Networks.Restarts);
        foreach (var weights in state.Networks.All)
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
        var inputs = state.Inputs;
        state.Interactions = reader.Long(0, CountMax);
        state.Losses = new LossLevel(
            reader.Long(0, CountMax), Loss(ref reader), Loss(ref reader), Loss(ref reader), Loss(ref reader), Loss(ref reader));
        state.Drift = new DriftState(
            reader.Long(), reader.Long(), reader.Long(), reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite());
        reader.Require(state.Drift.IsValid && state.Drift.Since <= state.Interactions, "no losses lead to its drift signal");
        var scaler = inputs.Scaler;
        scaler.Count = reader.Long(0, CountMax);
        reader.Array<double>(scaler.State.Length).CopyTo(scaler.State, 0);
        reader.Require(scaler.IsValid, "no inputs lead to its statistics");
        reader.Floats(options.Dense).CopyTo(scaler.Shift, 0);
        reader.Floats(options.Dense).CopyTo(scaler.Scale, 0);
        foreach (var id in reader.ArrayUpTo<ulong>(NeuralOptions.HashedInputsMax))
            reader.Require(inputs.TryRestoreRow(id), "two inputs have one name");
        foreach (var key in reader.ArrayUpTo<ulong>(options.ActionsMax))
            reader.Require(inputs.TryRestoreHead(key), "two actions have one key");
        inputs.Refused = reader.Long(0, CountMax);
        var networks = state.Networks;
        networks.Cover();
        networks.Step = reader.Long(0, CountMax);
        networks.Restarts = reader.Long(0, CountMax);
        foreach (var weights in networks.All)
        {
            weights.Steps = reader.Long(0, CountMax);
            foreach (var array in weights.Arrays())
                reader.Floats(array.Length).CopyTo(array, 0);
            reader.Require(weights.AreUsable && Weights.IsUsable(weights.Tensor.Initial), "a weight is beyond all bounds");
            foreach (var sum in weights.Precision)
                reader.Require(sum >= 0, "a sum of squares is negative");
        }
        var examples = reader.Long(0, options.Replay);
        for (var i = 0L; i < examples; i++)
            state.Ring.Add(ReadExample(options, inputs, ref reader));
        reader.End();
        return state;
    }

    private static double Loss(ref StateReader reader)
    {
        var loss = reader.Finite();
        reader.Require(loss is >= 0 and <= LossMax, $"{loss} is no loss");
        return loss;
    }

    private static Example ReadExample(NeuralOptions options, InputTable inputs, ref StateReader reader)
    {
        var dense = reader.Array<float>(options.Dense);
        var rows = reader.ArrayUpTo<int>(inputs.RowIds.Count == 0 ? 0 : int.MaxValue);
        foreach (var row in rows)
            reader.Require(row >= 0 && row < inputs.RowIds.Count, "an example has an input that there is not");
        var values = reader.Floats(rows.Length);
        var head = (int)reader.Long(-1, inputs.HeadKeys.Count - 1);
        var reward = reader.Finite();
        reader.Require(reward is >= 0 and <= 1, "a reward is not between 0 and 1");
        return new Example(dense, rows, values, head, (float)reward);
    }
}
