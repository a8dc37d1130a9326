namespace Recsys.Bandits.Memory;

/// <summary>
/// What one cell has seen, as sums over samples in fixed point: integers add in any order to the same bits. The triple (n, Sy, Sb) of ReLoop2, section 4.
/// </summary>
/// <param name="Count">n: samples.</param>
/// <param name="Reward">Sy: their rewards, normalised to [0, 1], in units of 1 / <see cref="Scale"/>.</param>
/// <param name="Prediction">Sb: what was predicted for them when they were served, in [0, 1], in units of 1 / <see cref="Scale"/>.</param>
public readonly record struct MemoryCell(long Count, long Reward, long Prediction)
{
    /// <summary>Units of fixed point: 2²⁰ resolves a prediction to a millionth, and leaves 2⁴³ samples before an integer could overflow.</summary>
    public const long Scale = 1 << 20;

    /// <summary>Most samples: 2⁴² of them, a million a second for half a year within one bucket of time.</summary>
    public const long CountMax = 1L << 42;

    /// <summary>What one sample adds.</summary>
    /// <param name="reward">In [0, 1].</param>
    /// <param name="prediction">Finite; outside [0, 1] only by estimation error, and clipped to it.</param>
    /// <exception cref="ArgumentException">The reward is outside, or the prediction is not finite.</exception>
    public static MemoryCell Of(double reward, double prediction)
    {
        if (!(reward >= 0 && reward <= 1))
            throw new ArgumentOutOfRangeException(nameof(reward), reward, "A reward that is remembered is normalised to [0, 1].");
        if (!double.IsFinite(prediction))
            throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "A prediction that is remembered is finite.");
        return new MemoryCell(1, (long)Math.Round(reward * Scale), (long)Math.Round(Math.Clamp(prediction, 0, 1) * Scale));
    }

    /// <summary>Whether these can be sums over samples: at least none and at most <see cref="CountMax"/>, each sum at most their number.</summary>
    public bool IsPossible => Count is >= 0 and <= CountMax && Reward >= 0 && Reward <= Count * Scale && Prediction >= 0 && Prediction <= Count * Scale;

    /// <summary>Adds two sums.</summary>
    public static MemoryCell operator +(MemoryCell left, MemoryCell right) =>
        new(left.Count + right.Count, left.Reward + right.Reward, left.Prediction + right.Prediction);

    /// <summary>What one sum has over another.</summary>
    public static MemoryCell operator -(MemoryCell left, MemoryCell right) =>
        new(left.Count - right.Count, left.Reward - right.Reward, left.Prediction - right.Prediction);
}
