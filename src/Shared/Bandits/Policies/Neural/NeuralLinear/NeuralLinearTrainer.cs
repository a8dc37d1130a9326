using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// Learns networks as <see cref="NeuralTrainer"/> does, and ridge regressions of the reward on the last hidden layer of a frozen copy of
/// each. The copies are replaced after a number of interactions and at a drift alarm; the sums are then made anew from what is replayed, and
/// in between every interaction is added to them.
/// </summary>
internal sealed class NeuralLinearTrainer : INetworkTrainer, IKeySource
{
    private readonly NeuralLinearOptions _options;
    private NeuralTrainer _network;

    /// <summary>An untrained trainer.</summary>
    public NeuralLinearTrainer(NeuralLinearOptions options)
    {
        _options = options;
        _network = new NeuralTrainer(options.Trunk, Follow);
        Heads = Take();
    }

    /// <inheritdoc/>
    public long Interactions => _network.Interactions;

    /// <inheritdoc/>
    public double PrequentialLoss => _network.PrequentialLoss;

    /// <inheritdoc/>
    public long DriftAlarms => _network.DriftAlarms;

    /// <inheritdoc/>
    public long RefusedInputs => _network.RefusedInputs;

    /// <inheritdoc/>
    public long NetworkRestarts => _network.NetworkRestarts;

    /// <inheritdoc/>
    public void WriteKeys(StateWriter writer, KeySpace space) => _network.WriteKeys(writer, space);

    /// <summary>The network's state, for tests.</summary>
    internal NeuralState State => _network.State;

    /// <summary>What is published, for each network.</summary>
    internal HeadState[] Heads { get; private set; }

    /// <summary>Interactions added since the trunks were taken.</summary>
    internal long Since { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The network refuses the batch; nothing is learned.</exception>
    public void Learn(ReadOnlySpan<Interaction> batch) => _network.Learn(batch);

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output) => NeuralLinearShard.Write(_network.State, Heads, output);

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => NeuralLinearCheckpoint.Write(_network.State, Heads, Since, output);

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var network = new NeuralTrainer(_options.Trunk, Follow);
        (Heads, Since) = NeuralLinearCheckpoint.Read(_options, network, input);
        _network = network;
    }

    /// <summary>After every interaction: the heads learn it too, or begin anew with the trunks as they are now.</summary>
    private void Follow()
    {
        var state = _network.State;
        var moved = _options.Trunk.WatchesDrift && state.Drift.IsAlarm;
        Since++;
        if (moved || Since >= _options.Interval(state.Ring.Count))
        {
            (Heads, Since) = (Take(), 0);
            return;
        }
        foreach (var head in Heads)
            head.Add(state);
    }

    private HeadState[] Take() => [.. Enumerable.Range(0, _options.Trunk.Networks).Select(member => HeadState.Take(_network.State, member, _options))];
}
