using Recsys.Bandits.Randomness;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>Where weights begin: normal numbers that are a function of what they are for, so that every partition begins with the same network.</summary>
internal static class InitialWeights
{
    /// <summary>Draws weights.</summary>
    /// <param name="id">Of the block that they are for.</param>
    /// <param name="deviation">Standard deviation.</param>
    /// <param name="weights">Written.</param>
    public static void Draw(ulong id, double deviation, Span<float> weights)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            // Box and Muller, the cosine half.
            var (one, two) = (Uniform(id, 2 * i), Uniform(id, 2 * i + 1));
            weights[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(one)) * Math.Cos(2 * Math.PI * two));
        }
    }

    /// <summary>A number in (0, 1], the same for the same arguments.</summary>
    public static double Uniform(ulong id, long index) => ((SplitMix64.Mix(id + 0x9E3779B97F4A7C15 * ((ulong)index + 1)) >> 11) + 1) * (1.0 / (1UL << 53));
}
