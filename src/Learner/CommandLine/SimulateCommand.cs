using System.CommandLine;
using Recsys.Bandits.Policies;

namespace Recsys.Learner.CommandLine;

/// <summary><c>simulate</c>: the verbs that try a policy on data or a world of their own, nothing else running.</summary>
public static class SimulateCommand
{
    /// <summary>The verb with its worlds.</summary>
    public static Command Create() => new(
        "simulate",
        $"Try a policy on data, through the same code that serves and learns. Nothing else has to run. Policies: {PolicyCatalog.KnownNames}.")
    {
        new SimulateClassificationCommand(),
        new SimulateCatalogueCommand(),
        new SimulateWorldCommand(),
        new SimulateStreamCommand(),
    };
}
