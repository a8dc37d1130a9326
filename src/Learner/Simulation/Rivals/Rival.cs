using Recsys.Bandits.Features;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation.Rivals;

/// <summary>
/// A policy to compare with that is simulated and never served: it keeps its state to itself, has no byte form, and merges with nothing. See
/// <see cref="RivalCatalog"/>.
/// </summary>
/// <param name="Name">As in <c>--policy</c>; no served kind has it.</param>
/// <param name="Summary">One line for people.</param>
/// <param name="Hyperparameters">Its parameters with defaults and ranges.</param>
/// <param name="Create">Makes an untrained one from complete, valid values of its parameters.</param>
/// <param name="ReadsVectors">Whether it needs the vectors of user and items.</param>
/// <param name="EstimatesRewards">Whether its means are estimates of rewards.</param>
public sealed record Rival(
    string Name,
    string Summary,
    IReadOnlyList<Hyperparameter> Hyperparameters,
    Func<RivalParameters, FeatureSchema, ISimulatedPolicy> Create,
    bool ReadsVectors = false,
    bool EstimatesRewards = true);

/// <summary>Values of a rival's parameters.</summary>
/// <param name="values">Every one of them, canonically spelt.</param>
public sealed class RivalParameters(IReadOnlyDictionary<string, string> values)
{
    /// <summary>A numeric value.</summary>
    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public double Number(string name) => double.Parse(values[name], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>One of the declared choices.</summary>
    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public string Choice(string name) => values[name];
}
