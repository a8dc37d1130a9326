using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>Takes the settings of a world out of the pairs of <c>--set</c>, which hold the policy's parameters too.</summary>
internal static class SettingPairs
{
    /// <summary>Reads them.</summary>
    /// <param name="declared">The settings with defaults and ranges.</param>
    /// <param name="pairs">Settings and the policy's own parameters together.</param>
    /// <param name="rest">The pairs that are no setting.</param>
    /// <returns>The value of every setting, as <see cref="Hyperparameter.Canonical"/> writes it.</returns>
    /// <exception cref="SimulationOptionsException">A value is out of range; all of them are named.</exception>
    public static Dictionary<string, string> Take(
        IReadOnlyList<Hyperparameter> declared, IReadOnlyList<KeyValuePair<string, string>> pairs, out IReadOnlyList<KeyValuePair<string, string>> rest)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        var values = declared.ToDictionary(static h => h.Name, static h => h.Default, StringComparer.Ordinal);
        var others = new List<KeyValuePair<string, string>>();
        var errors = new List<string>();
        foreach (var (name, value) in pairs)
        {
            if (declared.FirstOrDefault(h => h.Name == name) is not { } setting)
                others.Add(KeyValuePair.Create(name, value));
            else if (setting.Check(value) is { } problem)
                errors.Add(problem);
            else
                values[name] = setting.Canonical(value);
        }
        if (errors.Count > 0)
            throw new SimulationOptionsException(string.Join(' ', errors));
        rest = others;
        return values;
    }
}
