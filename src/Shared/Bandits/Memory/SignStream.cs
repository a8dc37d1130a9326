namespace Recsys.Bandits.Memory;

/// <summary>SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the fixed pseudo-random numbers that projections and salts are made of.</summary>
/// <param name="seed">Every seed gives another sequence.</param>
internal struct SignStream(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>A bijection of 64 bits in which every bit of the result depends on every bit of the argument.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
