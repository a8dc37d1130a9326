using Recsys.Bandits.Features;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.Simulation;

/// <summary>What was asked for does not exist or is out of range; the message is meant for the person who asked.</summary>
public sealed class SimulationOptionsException : Exception
{
    /// <summary>Says what is wrong.</summary>
    public SimulationOptionsException(string message) : base(message) { }

    /// <summary>Says what is wrong and what revealed it.</summary>
    public SimulationOptionsException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Required by the framework; prefer the constructor with a message.</summary>
    public SimulationOptionsException() { }
}

/// <summary>From the words of a command line to a complete specification.</summary>
public static class PolicyOptions
{
    /// <summary>Looks up the kind and checks its parameters. Rewards are in [0, 1] and there is no propensity floor beyond the policy's own.</summary>
    /// <exception cref="SimulationOptionsException">Unknown kind or refused parameters, all of them in one message.</exception>
    public static PolicySpec Configure(string policy, IEnumerable<KeyValuePair<string, string>> parameters, FeatureSchema features)
    {
        if (!PolicyCatalog.Kinds.TryGetValue(policy, out var kind))
            throw new SimulationOptionsException($"Unknown policy '{policy}'. Known: {PolicyCatalog.KnownNames}.");
        var errors = new List<string>();
        var spec = PolicyCatalog.Configure(kind, parameters, features, RewardRange.Unit, minimumPropensity: 0, errors);
        return errors.Count == 0 ? spec : throw new SimulationOptionsException(string.Join(' ', errors));
    }
}
