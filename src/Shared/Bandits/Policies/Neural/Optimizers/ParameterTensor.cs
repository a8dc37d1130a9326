namespace Recsys.Bandits.Policies.Neural.Optimizers;

/// <summary>
/// One tensor of a network (a layer's weights, its biases, the heads of all actions) with everything that an update rule remembers about
/// it. Values, slots and scalars of all tensors and the number of the step are the whole state of an optimiser: copy them, and learning
/// goes on to the bit. Owned by one trainer.
/// </summary>
public sealed class ParameterTensor
{
    private readonly float[][] _slots;

    /// <summary>A tensor that a rule has not touched yet.</summary>
    /// <param name="values">θ at the start. Any length, also 0; finite.</param>
    /// <param name="rule">Says how many slots and scalars it needs.</param>
    /// <param name="keepInitial">Whether θ0 = <paramref name="values"/> is remembered, for <see cref="Pull"/> and <see cref="Projection"/>;
    /// otherwise they go by the origin.</param>
    public ParameterTensor(ReadOnlySpan<float> values, IUpdateRule rule, bool keepInitial = false)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Values = values.ToArray();
        Gradient = new float[values.Length];
        Initial = keepInitial ? values.ToArray() : null;
        _slots = new float[rule.Slots][];
        for (var i = 0; i < _slots.Length; i++)
            _slots[i] = new float[values.Length];
        Scalars = new float[rule.Scalars];
    }

    /// <summary>Number of weights; of each of the arrays but <see cref="Scalars"/>.</summary>
    public int Length => Values.Length;

    /// <summary>θ.</summary>
    public float[] Values { get; private set; }

    /// <summary>Mean gradient of the loss over a minibatch. Written by the trainer, read by the rule, cleared by nobody here.</summary>
    public float[] Gradient { get; private set; }

    /// <summary>θ0, the values at initialisation; null stands for the origin.</summary>
    public float[]? Initial { get; private set; }

    /// <summary>What the rule remembers per weight, [slot][weight]; 0 means that the weight has not been seen.</summary>
    public IReadOnlyList<float[]> Slots => _slots;

    /// <summary>What the rule remembers per tensor; 0 at the start.</summary>
    public float[] Scalars { get; }

    internal float[][] Memory => _slots;

    /// <summary>
    /// Makes room for at least <paramref name="length"/> weights. New values, gradients and slots are 0, and so is θ0 of new weights: the
    /// caller writes what it wants into both, or uses <see cref="Append"/>. Every growth copies; a caller with many actions to come grows
    /// in blocks.
    /// </summary>
    public void EnsureLength(int length)
    {
        if (length <= Length)
            return;
        Values = Longer(Values, length);
        Gradient = Longer(Gradient, length);
        Initial = Initial is null ? null : Longer(Initial, length);
        for (var i = 0; i < _slots.Length; i++)
            _slots[i] = Longer(_slots[i], length);
    }

    /// <summary>Adds weights that start at <paramref name="values"/>, which is also their θ0.</summary>
    public void Append(ReadOnlySpan<float> values)
    {
        var start = Length;
        EnsureLength(start + values.Length);
        values.CopyTo(Values.AsSpan(start));
        if (Initial is not null)
            values.CopyTo(Initial.AsSpan(start));
    }

    private static float[] Longer(float[] old, int length)
    {
        var longer = new float[length];
        old.CopyTo(longer, 0);
        return longer;
    }
}
