using System.Globalization;
using Recsys.Bandits.Memory;

namespace Recsys.Learner.Simulation;

/// <summary>From the words of a command line to an error memory.</summary>
public static class MemorySettings
{
    /// <summary>What names may be set, for help.</summary>
    public const string Names = "arrays, bits, seed, keys, window, renewAfter, lambda, gamma, evidence, readout, temperature";

    /// <summary>The defaults, and what is said otherwise.</summary>
    /// <exception cref="SimulationOptionsException">A name or a value is refused.</exception>
    public static MemoryOptions Configure(IEnumerable<KeyValuePair<string, string>> settings)
    {
        var options = MemoryOptions.Default;
        foreach (var (name, value) in settings)
        {
            options = name switch
            {
                "arrays" => options with { Shape = options.Shape with { Arrays = Whole(name, value) } },
                "bits" => options with { Shape = options.Shape with { Bits = Whole(name, value) } },
                "seed" => options with { Seed = (ulong)Whole(name, value) },
                "keys" => options with { Keys = Word<MemoryKeys>(name, value) },
                "window" => options with { Window = Whole(name, value) },
                "renewAfter" => options with { RenewAfter = Whole(name, value) },
                "lambda" => options with { Lambda = Number(name, value) },
                "gamma" => options with { Gamma = Number(name, value) },
                "evidence" => options with { Evidence = Number(name, value) },
                "readout" => options with { Readout = Word<MemoryReadout>(name, value) },
                "temperature" => options with { Temperature = Number(name, value) },
                _ => throw new SimulationOptionsException($"The error memory has no '{name}'. Known: {Names}."),
            };
        }
        try
        {
            options.Validate();
        }
        catch (ArgumentOutOfRangeException problem)
        {
            throw new SimulationOptionsException($"The error memory cannot be like that: {problem.Message}", problem);
        }
        return options;
    }

    private static int Whole(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SimulationOptionsException($"'{name}' of the error memory is a whole number, not '{value}'.");

    private static double Number(string name, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SimulationOptionsException($"'{name}' of the error memory is a number, not '{value}'.");

    private static T Word<T>(string name, string value) where T : struct, Enum =>
        Enum.TryParse<T>(value, ignoreCase: true, out var word) && !int.TryParse(value, out _)
            ? word
            : throw new SimulationOptionsException($"'{name}' of the error memory is one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}, not '{value}'.");
}
