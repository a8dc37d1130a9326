using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>Everything that one partition has taught: what a checkpoint holds.</summary>
internal sealed class NeuralState(NeuralOptions options)
{
    /// <summary>Interactions learned.</summary>
    public long Interactions { get; set; }

    /// <summary>The weights.</summary>
    public NeuralNetwork Network { get; } = new(options);

    /// <summary>What is replayed.</summary>
    public ReplayRing Ring { get; } = new(options.Replay);

    /// <summary>What the learning rate goes by.</summary>
    public LossLevel Losses { get; set; }

    /// <summary>Whether the world has moved.</summary>
    public DriftSignal Drift { get; } = new();
}
