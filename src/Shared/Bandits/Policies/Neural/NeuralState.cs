using Recsys.Bandits.Policies.Neural.Optimizers;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>Everything that one partition has taught: what a checkpoint holds.</summary>
internal sealed class NeuralState
{
    /// <summary>A state that has seen nothing.</summary>
    public NeuralState(NeuralOptions options)
    {
        Inputs = new InputTable(options);
        Networks = new NeuralEnsemble(options, Inputs);
        Ring = new ReplayRing(options.Replay);
    }

    /// <summary>Interactions learned.</summary>
    public long Interactions { get; set; }

    /// <summary>Scales and numbers of the inputs.</summary>
    public InputTable Inputs { get; }

    /// <summary>The ensemble.</summary>
    public NeuralEnsemble Networks { get; }

    /// <summary>What is replayed.</summary>
    public ReplayRing Ring { get; }

    /// <summary>What the learning rate goes by.</summary>
    public LossLevel Losses { get; set; }

    /// <summary>Whether the world has moved.</summary>
    public DriftState Drift { get; set; }
}
