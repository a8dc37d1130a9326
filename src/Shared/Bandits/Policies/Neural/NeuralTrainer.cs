using System.Buffers;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Policies.Neural.Optimizers;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>
/// Learns a network from one partition by online gradient descent: every interaction is one step, on a minibatch of itself and of others drawn from the replay ring. The
/// cost of an interaction is that of the minibatch, however long the history is. No importance weights: the network is a regression, and which actions it gets to see does
/// not bias it (Foster and Rakhlin 2020).
/// </summary>
internal sealed class NeuralTrainer : INetworkTrainer, IKeySource
{
    private static readonly DriftSignal DriftSignal = new();
    private static readonly ShiftingRate RateRule = new();
    private readonly NeuralOptions _options;
    private readonly Action? _learned;
    private readonly Example[] _batch;
    private NeuralState _state;

    /// <summary>An untrained trainer.</summary>
    /// <param name="options">Its configuration.</param>
    /// <param name="learned">Told after every interaction, for what is built on the network; or null.</param>
    public NeuralTrainer(NeuralOptions options, Action? learned = null)
    {
        _options = options;
        _learned = learned;
        _state = new NeuralState(options);
        _batch = new Example[options.Networks * options.Batch];
    }

    /// <inheritdoc/>
    public long Interactions => _state.Interactions;

    /// <inheritdoc/>
    public double PrequentialLoss => _state.Losses.Recent;

    /// <inheritdoc/>
    public long DriftAlarms => _state.Drift.Alarms;

    /// <inheritdoc/>
    public long RefusedInputs => _state.Inputs.Refused;

    /// <inheritdoc/>
    public long NetworkRestarts => _state.Networks.Restarts;

    /// <summary>The state, for what is built on the networks and for tests.</summary>
    internal NeuralState State => _state;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A vector has another length than the schema says, or a reward is no number; nothing is learned.</exception>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            Check(interaction.Context.Dense.Length, _options.Features.ContextVector, "context");
            Check(interaction.ActionFeatures.Dense.Length, _options.Features.ActionVector, "action");
            if (float.IsNaN(interaction.Reward))
                throw new ArgumentException("A reward is not a number.");
        }
        foreach (var interaction in batch)
        {
            Learn(interaction);
            _learned?.Invoke();
        }
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output) => NeuralShard.Write(_state, _options, output);

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => NeuralCheckpoint.Write(_state, output);

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input) => _state = NeuralCheckpoint.Read(_options, input);

    /// <inheritdoc/>
    public void WriteKeys(StateWriter writer, KeySpace space) => HiddenKeys.Write(writer, space, _state, _options);

    private void Learn(Interaction interaction)
    {
        var ring = _state.Ring;
        var example = _state.Inputs.Encode(interaction);
        _state.Inputs.Scaler.Observe(example.Dense);
        ring.Add(example);
        _state.Interactions++;
        var rate = _options.ShiftingRate ? (float)(_options.Rate * RateRule.Share(_state.Losses)) : _options.Rate;
        var networks = _state.Networks;
        networks.Cover();
        var expected = networks.Foresee(example);
        if (_state.Interactions % _options.StepEvery == 0)
        {
            var count = Math.Min(Math.Min(networks.BatchSize, ring.Count), NeuralOptions.RowsOf(example.Rows.Length));
            for (var i = 0; i < _options.Networks * count; i++)
            {
                // All that came since the last step, and others.
                var row = i % count;
                _batch[i] = ring[row < _options.StepEvery ? row : Drawn(i, ring.Count)];
            }
            networks.Learn(_batch.AsSpan(0, _options.Networks * count), rate);
        }
        var loss = Loss(expected, example.Reward);
        _state.Losses = RateRule.Observe(_state.Losses, loss);
        if (!_options.WatchesDrift)
            return;
        _state.Drift = DriftSignal.Observe(_state.Drift, loss);
        // What the signal has seen of the new world is about what its fast mean remembers.
        if (_state.Drift.IsAlarm)
            ring.Truncate(DriftSignal.FastMemory);
    }

    /// <summary>An age in the ring, a function of how much was learned and not of who asks.</summary>
    private int Drawn(int row, int count) =>
        Math.Min(count - 1, (int)(InitialWeights.Uniform((ulong)_state.Interactions, row) * count));

    /// <summary>Of what the ensemble expected, before it learned.</summary>
    private double Loss(double expected, double reward)
    {
        if (_options.Loss == NeuralLoss.Square)
        {
            var error = StableMath.ClipEstimate(expected) - reward;
            return 0.5 * error * error;
        }
        // No single surprise may weigh more than all else.
        var likely = Math.Clamp(StableMath.ClipEstimate(expected), 1e-4, 1 - 1e-4);
        return -reward * Math.Log(likely) - (1 - reward) * Math.Log(1 - likely);
    }

    private static void Check(int actual, int expected, string what)
    {
        if (actual != expected)
            throw new ArgumentException($"The {what} vector has {actual} elements, the schema says {expected}.");
    }
}
