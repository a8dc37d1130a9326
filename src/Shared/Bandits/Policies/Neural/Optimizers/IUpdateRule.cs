namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// How gradients move weights. A rule holds its constants and nothing else: what it remembers is in the tensors, so one instance serves any
/// number of networks, and a checkpoint of the tensors and of the step is a checkpoint of everything. Same inputs give the same bits on the
/// same machine. A step allocates nothing.
/// </summary>
/// <remarks>
/// Weight decay is no part of a rule's formula: <see cref="Pull"/> comes before it. Clipping by the norm of all gradients is
/// <see cref="Gradients.Clip"/>, before it.
/// </remarks>
public interface IUpdateRule
{
    /// <summary>Its name in <see cref="UpdateRules"/>.</summary>
    string Name { get; }

    /// <summary>Numbers it remembers per weight.</summary>
    int Slots { get; }

    /// <summary>Numbers it remembers per tensor.</summary>
    int Scalars { get; }

    /// <summary>A rate to start tuning from: the source's default where it has one.</summary>
    float DefaultRate { get; }

    /// <summary>Moves the values of all tensors by their gradients.</summary>
    /// <param name="tensors">The whole network, in the same order every time; made for this rule.</param>
    /// <param name="rate">Learning rate, finite and not negative. 0 moves nothing and remembers the gradient.</param>
    /// <param name="step">Number of this step, from 1. A refused step keeps its number for the next try.</param>
    /// <param name="pull">
    /// κ of <see cref="Pull.Decoupled"/>, which every tensor goes through just before it moves; not negative. Here and not in a pass of its own, because a network is larger
    /// than the cache that one of its tensors fits into.
    /// </param>
    /// <param name="norm">
    /// ‖g‖ over all tensors, or more, from a caller who has measured it: up to <see cref="Gradients.Largest"/> it vouches for every one of them. Not a number: each is looked at.
    /// </param>
    /// <returns>False if a gradient is not a number, or beyond ± <see cref="Gradients.Largest"/>: then nothing has changed.</returns>
    bool Step(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float pull = 0, double norm = double.NaN);
}
