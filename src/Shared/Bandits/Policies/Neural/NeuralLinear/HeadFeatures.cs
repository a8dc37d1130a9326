using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural.NeuralLinear;

/// <summary>
/// What the heads regress on: the constant 1, then the hidden units divided by √H, so that λ means the same for any number H of them.
/// </summary>
internal static class HeadFeatures
{
    /// <summary>Makes features of hidden units.</summary>
    /// <param name="hidden">H units, at least 0; what is no number counts as 0.</param>
    /// <param name="features">Length H + 1, written.</param>
    /// <param name="indices">Length H + 1, written: which of them are not 0, ascending.</param>
    /// <returns>How many these are.</returns>
    public static int Write(ReadOnlySpan<float> hidden, Span<float> features, Span<int> indices)
    {
        var scale = 1 / MathF.Sqrt(hidden.Length);
        features[0] = 1;
        indices[0] = 0;
        var count = 1;
        for (var j = 0; j < hidden.Length; j++)
        {
            features[1 + j] = StableMath.ClipFeature(scale * hidden[j]);
            indices[count] = 1 + j;
            count += features[1 + j] != 0 ? 1 : 0;
        }
        return count;
    }
}
