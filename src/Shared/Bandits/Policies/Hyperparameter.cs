using System.Globalization;

namespace Recsys.Bandits.Policies;

/// <summary>One tunable of a policy kind, with what is needed to check and explain it.</summary>
/// <param name="Name">camelCase, as in <c>policy.parameters</c> and <c>--set</c>.</param>
/// <param name="Default">Used when the name is not given, in invariant culture.</param>
/// <param name="Summary">One line for people: meaning, unit, source.</param>
/// <param name="Minimum">Smallest number allowed; ignored for choices.</param>
/// <param name="Maximum">Largest number allowed; ignored for choices.</param>
/// <param name="Integer">Whether only whole numbers are allowed.</param>
/// <param name="Choices">The words allowed, for a parameter that is not a number.</param>
public sealed record Hyperparameter(
    string Name,
    string Default,
    string Summary,
    double Minimum = double.NegativeInfinity,
    double Maximum = double.PositiveInfinity,
    bool Integer = false,
    IReadOnlyList<string>? Choices = null)
{
    /// <summary>The problem with a value, or null when it is allowed.</summary>
    public string? Check(string value)
    {
        if (Choices is not null)
            return Choices.Contains(value, StringComparer.Ordinal) ? null : $"'{Name}' must be one of {string.Join(", ", Choices)}, not '{value}'.";
        if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || !double.IsFinite(number))
            return $"'{Name}' must be a finite number, not '{value}'.";
        if (number < Minimum || number > Maximum)
            return string.Create(CultureInfo.InvariantCulture, $"'{Name}' must be between {Minimum} and {Maximum}, not {value}.");
        return Integer && number != Math.Floor(number) ? $"'{Name}' must be a whole number, not {value}." : null;
    }

    /// <summary>One spelling per value, so that 0.50 and 0.5 have the same fingerprint; adding 0 makes the negative zero a zero.</summary>
    public string Canonical(string value) =>
        Choices is not null ? value : (double.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture) + 0.0).ToString("R", CultureInfo.InvariantCulture);
}

/// <summary>A complete, valid set of hyperparameter values, in the order in which the kind declares them.</summary>
public sealed class HyperparameterSet
{
    private readonly Dictionary<string, string> _byName;

    internal HyperparameterSet(IReadOnlyList<KeyValuePair<string, string>> values)
    {
        Values = values;
        _byName = values.ToDictionary(static v => v.Key, static v => v.Value, StringComparer.Ordinal);
    }

    /// <summary>All values, canonically spelt.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Values { get; }

    /// <summary>A numeric value.</summary>
    /// <exception cref="KeyNotFoundException">The kind declares no such parameter.</exception>
    public double Number(string name) => double.Parse(_byName[name], CultureInfo.InvariantCulture);

    /// <summary>A whole number.</summary>
    /// <exception cref="KeyNotFoundException">The kind declares no such parameter.</exception>
    public int Integer(string name) => (int)Number(name);

    /// <summary>One of the declared choices.</summary>
    /// <exception cref="KeyNotFoundException">The kind declares no such parameter.</exception>
    public string Choice(string name) => _byName[name];
}
