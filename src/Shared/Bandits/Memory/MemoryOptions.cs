using Recsys.Bandits.Randomness;

namespace Recsys.Bandits.Memory;

/// <summary>What an error memory holds and how much it is believed. Pure data.</summary>
/// <param name="Shape">K and L.</param>
/// <param name="Seed">Of the projections; vectors hashed with another one are in other cells.</param>
/// <param name="Keys">What makes decisions similar.</param>
/// <param name="Window">Samples of a partition after which what came before begins to fade; all of it is gone after twice as many.</param>
/// <param name="RenewAfter">Samples after which a partition settles on new vectors, at most; it does so earlier at first.</param>
/// <param name="Lambda">λ in [0, 1]: how far the remembered error is made good at most; 0 leaves predictions as they are, bit for bit. Paper: 0.4 to 0.9.</param>
/// <param name="Gamma">γ in [0, 1]: 1 draws predictions to what was seen nearby; 0 adds the error that was made nearby. Paper: 1.</param>
/// <param name="Evidence">n₀, at least 0: so many samples nearby are believed half. Null learns it, <see cref="TrustLearner"/>; the paper believes one as much as a thousand.</param>
/// <param name="Readout">How cells become an estimate.</param>
/// <param name="Temperature">τ of <see cref="MemoryReadout.Attention"/>, at least <see cref="TemperatureMin"/>. Paper: 0.1.</param>
/// <param name="Reset">Any number; another one forgets everything.</param>
public sealed record MemoryOptions(
    MemoryShape Shape,
    ulong Seed = 1,
    MemoryKeys Keys = MemoryKeys.Auto,
    int Window = MemoryOptions.WindowDefault,
    int RenewAfter = MemoryOptions.WindowDefault,
    double Lambda = 1,
    double Gamma = 1,
    double? Evidence = null,
    MemoryReadout Readout = MemoryReadout.Ratio,
    double Temperature = 0.1,
    long Reset = 0)
{
    /// <summary>Least temperature: below, the densest array has all the weight as it is.</summary>
    public const double TemperatureMin = 1e-3;

    /// <summary>Greatest temperature: above, every array has the same weight as it is.</summary>
    public const double TemperatureMax = 1e3;

    /// <summary>Greatest n₀.</summary>
    public const double EvidenceMax = 1e9;

    /// <summary>Samples of a window when nothing is said.</summary>
    public const int WindowDefault = 1000;

    /// <summary>Most samples of a window.</summary>
    public const int WindowMax = 1_000_000_000;

    /// <summary>K and L when nothing is said.</summary>
    public static MemoryShape ShapeDefault => new(64, 12);

    /// <summary>All defaults.</summary>
    public static MemoryOptions Default { get; } = new(ShapeDefault);

    /// <summary>Tells memories apart that cannot be read together: what decides in which cell a sample is.</summary>
    /// <param name="policy">Fingerprint of the policy whose predictions are corrected.</param>
    public ulong Lineage(ulong policy)
    {
        var mixed = SplitMix64.Mix(policy ^ SplitMix64.Mix((ulong)Reset));
        mixed = SplitMix64.Mix(mixed ^ Seed);
        return SplitMix64.Mix(mixed ^ (ulong)((Shape.Arrays << 8 | Shape.Bits) << 4 | (int)Keys));
    }

    /// <summary>Says what is wrong with the numbers, if anything.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not finite or out of its range.</exception>
    public void Validate()
    {
        Shape.Validate();
        Within(Lambda, 0, 1, nameof(Lambda));
        Within(Gamma, 0, 1, nameof(Gamma));
        if (Evidence is { } evidence)
            Within(evidence, 0, EvidenceMax, nameof(Evidence));
        Within(Window, 1, WindowMax, nameof(Window));
        Within(RenewAfter, 1, WindowMax, nameof(RenewAfter));
        if (!Enum.IsDefined(Keys))
            throw new ArgumentOutOfRangeException(nameof(Keys), Keys, "There are no such keys.");
        Within(Temperature, TemperatureMin, TemperatureMax, nameof(Temperature));
        if (!Enum.IsDefined(Readout))
            throw new ArgumentOutOfRangeException(nameof(Readout), Readout, "There is no such readout.");
    }

    private static void Within(double value, double minimum, double maximum, string name)
    {
        if (!(value >= minimum && value <= maximum))
            throw new ArgumentOutOfRangeException(name, value, $"Not in [{minimum}, {maximum}].");
    }
}
