using Recsys.Bandits.Features;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Bandits.Policies.Linear;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Policies.Neural.NeuralLinear;
using Recsys.Bandits.Policies.Uniform;

namespace Recsys.Bandits.Policies;

/// <summary>The one list of policy kinds. Adding a policy is one folder and one line here.</summary>
public static class PolicyCatalog
{
    /// <summary>Every kind, by name.</summary>
    public static IReadOnlyDictionary<string, IPolicyKind> Kinds { get; } = new IPolicyKind[]
    {
        new UniformKind(),
        new DiagLinUcbKind(),
        new EpsilonGreedyKind(),
        new LinUcbKind(),
        new LinearSquareCbKind(),
        new NeuSquareCbKind(),
        new NeuFastCbKind(),
        new NeuralUcbKind(),
        new NeuralTsKind(),
        new NeuralEpsilonGreedyKind(),
        new NeuralLinearKind(),
    }.ToDictionary(static kind => kind.Name, StringComparer.Ordinal);

    /// <summary>Names of the kinds, for messages and help.</summary>
    public static string KnownNames => string.Join(", ", Kinds.Keys);

    /// <summary>The kind of a name.</summary>
    /// <exception cref="ArgumentException">No such kind; the message names the known ones.</exception>
    public static IPolicyKind Find(string name) =>
        Kinds.TryGetValue(name, out var kind) ? kind : throw new ArgumentException($"Unknown policy kind '{name}'. Known: {KnownNames}.", nameof(name));

    /// <summary>Checks parameters against what the kind declares and completes them with its defaults.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="given">Names and values as configured.</param>
    /// <param name="features">Shapes of the encoded features.</param>
    /// <param name="reward">The values that rewards can take.</param>
    /// <param name="minimumPropensity">Floor under every candidate's probability.</param>
    /// <param name="errors">Receives every problem found, one sentence each; nothing when all is well.</param>
    /// <returns>The specification, with the default in place of each refused value.</returns>
    public static PolicySpec Configure(
        IPolicyKind kind,
        IEnumerable<KeyValuePair<string, string>> given,
        FeatureSchema features,
        RewardRange reward,
        double minimumPropensity,
        ICollection<string> errors)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(given);
        ArgumentNullException.ThrowIfNull(errors);
        var accepted = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            var declared = kind.Hyperparameters.FirstOrDefault(h => h.Name == name);
            if (declared is null)
                errors.Add($"'{kind.Name}' has no parameter '{name}'. Known: {string.Join(", ", kind.Hyperparameters.Select(static h => h.Name))}.");
            else if (declared.Check(value) is { } problem)
                errors.Add(problem);
            else
                accepted[name] = declared.Canonical(value);
        }
        var values = kind.Hyperparameters
            .Select(h => KeyValuePair.Create(h.Name, accepted.TryGetValue(h.Name, out var value) ? value : h.Canonical(h.Default)))
            .ToList();
        return new PolicySpec(kind.Name, new HyperparameterSet(values), features, reward, minimumPropensity);
    }
}
