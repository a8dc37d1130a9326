using Recsys.Bandits.Randomness;

namespace Recsys.Learner.Simulation;

/// <summary>
/// The randomness of a simulated world (order of rows, arriving users, coin flips): <see cref="SplitMix64"/>, so that a seed gives the
/// same run on every machine and runtime. Decisions themselves draw from their decision id, as in serving.
/// </summary>
public sealed class SeededRandom(ulong seed)
{
    private SplitMix64 _bits = new(seed);

    /// <summary>An independent generator for one purpose: worlds with the same seed share it whatever the policy consumes.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="purpose">Distinguishes the uses of one seed.</param>
    public static SeededRandom For(long seed, ulong purpose)
    {
        var mixer = new SeededRandom((ulong)seed ^ (purpose * 0xD1B54A32D192ED03));
        return new SeededRandom(mixer.NextBits());
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits() => _bits.Next();

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextUniform() => _bits.NextUniform();

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
