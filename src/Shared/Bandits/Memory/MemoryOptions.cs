namespace Recsys.Bandits.Memory;

/// <summary>How much an error memory holds and how much it is believed. Pure data.</summary>
/// <param name="Shape">K and L.</param>
/// <param name="Seed">Of the projections; vectors hashed with another one are in other cells.</param>
/// <param name="Lambda">λ in [0, 1]: how far the remembered error is made good; 0 leaves predictions as they are, bit for bit. Paper: 0.4 to 0.9.</param>
/// <param name="Gamma">γ in [0, 1]: 1 draws predictions to what was seen nearby; 0 adds the error that was made nearby. Paper: 1.</param>
/// <param name="Evidence">n₀, at least 0: so many samples nearby are believed half. Ours; the paper believes one as much as a thousand.</param>
/// <param name="Readout">How cells become an estimate.</param>
/// <param name="Temperature">τ of <see cref="MemoryReadout.Attention"/>, at least <see cref="TemperatureMin"/>. Paper: 0.1.</param>
public sealed record MemoryOptions(
    MemoryShape Shape,
    ulong Seed = 1,
    double Lambda = 0.5,
    double Gamma = 1,
    double Evidence = 20,
    MemoryReadout Readout = MemoryReadout.Ratio,
    double Temperature = 0.1)
{
    /// <summary>Least temperature: below, the densest array has all the weight as it is.</summary>
    public const double TemperatureMin = 1e-3;

    /// <summary>Says what is wrong with the numbers, if anything.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not finite or out of its range.</exception>
    public void Validate()
    {
        Shape.Validate();
        Within(Lambda, 0, 1, nameof(Lambda));
        Within(Gamma, 0, 1, nameof(Gamma));
        Within(Evidence, 0, 1e9, nameof(Evidence));
        Within(Temperature, TemperatureMin, 1e3, nameof(Temperature));
        if (!Enum.IsDefined(Readout))
            throw new ArgumentOutOfRangeException(nameof(Readout), Readout, "There is no such readout.");
    }

    private static void Within(double value, double minimum, double maximum, string name)
    {
        if (!(value >= minimum && value <= maximum))
            throw new ArgumentOutOfRangeException(name, value, $"Not in [{minimum}, {maximum}].");
    }
}
