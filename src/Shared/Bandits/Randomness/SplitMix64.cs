namespace Recsys.Bandits.Randomness;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, fast, and the same numbers for a seed on every machine and runtime, which the generators of the platform
/// do not promise. For what follows from a seed, such as initial weights and projections; not for secrets.
/// </summary>
/// <param name="seed">Any number.</param>
public struct SplitMix64(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextUniform() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>The finaliser: a bijection of 64 bits in which every bit of the result depends on every bit of the argument.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
