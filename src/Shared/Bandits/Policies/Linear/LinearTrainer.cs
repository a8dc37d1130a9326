using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// Learns a linear model from one partition. The same for every linear kind: they differ in how they explore, which the learner does not see. No
/// importance weights: each action is a regression of its own, and which rows it gets does not bias it (Foster and Rakhlin 2020).
/// </summary>
internal sealed class LinearTrainer(LinearOptions options) : IPolicyTrainer
{
    private LinearState _state = new(options);

    /// <inheritdoc/>
    public long Interactions => _state.Interactions;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A vector has another length than the schema says; nothing is learned.</exception>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            Check(interaction.Context.Dense.Length, options.Features.ContextVector, "context");
            Check(interaction.ActionFeatures.Dense.Length, options.Features.ActionVector, "action");
        }
        foreach (var interaction in batch)
            _state.Learn(interaction);
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output) => LinearShard.Write(_state, output);

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => LinearShard.Write(_state, output);

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var state = new LinearState(options);
        LinearShard.Parse(input.ToArray(), options).AddTo(state);
        if (!state.Spilled && state.SpillWhenTooLarge())
            throw new SnapshotFormatException("Linear state is damaged: its blocks are larger than the configuration allows.");
        _state = state;
    }

    private static void Check(int actual, int expected, string what)
    {
        if (actual != expected)
            throw new ArgumentException($"The {what} vector has {actual} elements, the schema says {expected}.");
    }
}
