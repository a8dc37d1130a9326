namespace Recsys.Learner.Simulation;

/// <summary>
/// The randomness of a simulated world (order of rows, arriving users, coin flips): SplitMix64 (Steele, Lea and Flood 2014), so that a seed gives the
/// same run on every machine and runtime. Decisions themselves draw from their decision id, as in serving.
/// </summary>
public sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>An independent generator for one purpose: worlds with the same seed share it whatever the policy consumes.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="purpose">Distinguishes the uses of one seed.</param>
    public static SeededRandom For(long seed, ulong purpose)
    {
        var mixer = new SeededRandom((ulong)seed ^ (purpose * 0xD1B54A32D192ED03));
        return new SeededRandom(mixer.NextBits());
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextUniform() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0 … <paramref name="bound"/> − 1; the bias of the multiplication is below bound / 2⁶⁴.</summary>
    public int NextInteger(int bound) => (int)Math.BigMul(NextBits(), (ulong)bound, out _);

    /// <summary>Standard normal, by Box and Muller.</summary>
    public double NextNormal() => Math.Sqrt(-2 * Math.Log(1 - NextUniform())) * Math.Cos(2 * Math.PI * NextUniform());

    /// <summary>Puts the elements in random order (Fisher and Yates).</summary>
    public void Shuffle(Span<int> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = NextInteger(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }
}
