using System.Text.Json;
using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Simulation.Tests.Simulation;

/// <summary>Results of simulations, for comparison.</summary>
internal static class Results
{
    /// <summary>Everything but what a clock said, as text.</summary>
    public static string Repeatable(CatalogueResult result) =>
        JsonSerializer.Serialize(result with { Seconds = 0, LearnedPerSecond = 0, ExactLearnedPerSecond = 0 });
}
