namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>What all rules share: arguments are checked, bad gradients refused, and then it goes tensor by tensor.</summary>
public abstract class UpdateRule : IUpdateRule
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract int Slots { get; }

    /// <inheritdoc/>
    public virtual int Scalars => 0;

    /// <inheritdoc/>
    public abstract float DefaultRate { get; }

    /// <inheritdoc/>
    public bool Step(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float pull = 0, double norm = double.NaN)
    {
        if (!float.IsFinite(rate) || rate < 0)
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A learning rate is finite and not negative.");
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        foreach (var tensor in tensors)
        {
            if (tensor.Memory.Length != Slots || tensor.Scalars.Length != Scalars)
                throw new ArgumentException(
                    $"A tensor has {tensor.Memory.Length} slots and {tensor.Scalars.Length} scalars; {Name} needs {Slots} and {Scalars}.",
                    nameof(tensors));
        }
        if (!(norm <= Gradients.Largest) && !Gradients.AreUsable(tensors))
            return false;
        Observe(tensors);
        Update(tensors, rate, step, Pull.Kept(rate, pull));
        return true;
    }

    /// <summary>Looks at all gradients together, before any weight moves. Most rules have no need to.</summary>
    private protected virtual void Observe(ReadOnlySpan<ParameterTensor> tensors)
    {
    }

    /// <summary>Moves the tensors, each after its pull.</summary>
    /// <param name="tensors">Any number.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="step">From 1.</param>
    /// <param name="kept">Factor of the pull, which the first <see cref="Sweep"/> over a tensor goes by.</param>
    private protected abstract void Update(ReadOnlySpan<ParameterTensor> tensors, float rate, long step, float kept);

    /// <summary>1 − β^t, what an average with retention β that began at 0 has seen of its input after t steps.</summary>
    /// <remarks>Once β^t is below half a unit in the last place of 1, that is 1: a power for every tensor costs more than most of them do to move.</remarks>
    private protected static float Seen(float beta, long step) => step * (1 - beta) > 20 ? 1 : (float)(1 - Math.Pow(beta, step));

    private protected static float Retention(float beta, string name) =>
        beta is >= 0 and < 1 ? beta : throw new ArgumentOutOfRangeException(name, beta, "A retention is in [0, 1).");

    private protected static float Discount(float value, string name) =>
        value is > 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, "Must be in (0, 1].");

    private protected static float Positive(float value, string name) =>
        value > 0 ? value : throw new ArgumentOutOfRangeException(name, value, "Must be above 0.");
}
