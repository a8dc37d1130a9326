using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Recsys.Learner.Simulation.Rivals;

namespace Recsys.Learner.CommandLine;

/// <summary>What the simulations of Online Matching have in common on the command line, whatever world they run in.</summary>
/// <param name="policy">Kind when none is given; null asks for one.</param>
/// <param name="rounds">Decisions when no number is given.</param>
/// <param name="batch">Interactions learned together when no number is given.</param>
internal sealed class MatchingOptions(string? policy, long rounds, int batch)
{
    private readonly Option<string> _policy = SimulationOptions.PolicyOrRival(policy);
    private readonly Option<long> _rounds = SimulationOptions.Rounds(rounds);
    private readonly Option<long> _seed = SimulationOptions.Seed();
    private readonly Option<int> _delay = SimulationOptions.Delay();
    private readonly Option<int> _batch = SimulationOptions.Batch(batch);
    private readonly Option<string[]> _set = SimulationOptions.Set();
    private readonly Option<string?> _curve = SimulationOptions.Curve("attained");
    private readonly Option<bool> _json = SimulationOptions.Json();

    /// <summary>The options in the order of the help.</summary>
    public IEnumerable<Option> All => [_policy, _rounds, _seed, _delay, _batch, _set, _curve, _json];

    /// <summary>The pairs of <c>--set</c>: settings of the world and the policy's own.</summary>
    public List<KeyValuePair<string, string>> Pairs(ParseResult parsed) => SimulationOptions.Pairs(parsed.GetValue(_set));

    /// <summary>What the policy is given, once it is known which one runs.</summary>
    public CatalogueContext Context(ParseResult parsed, CatalogueContext chosen) => RivalCatalog.ContextOf(parsed.GetRequiredValue(_policy), chosen);

    /// <summary>What to simulate.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="parameters">The policy's own pairs.</param>
    public CatalogueOptions Read(ParseResult parsed, IReadOnlyList<KeyValuePair<string, string>> parameters) => new(
        parsed.GetRequiredValue(_policy), parsed.GetValue(_rounds), parsed.GetValue(_seed), parsed.GetValue(_delay), parsed.GetValue(_batch), parameters);

    /// <summary>Runs the rounds under a progress bar, prints the result, and writes the curve if there is a file for it.</summary>
    public int Report(ParseResult parsed, ICatalogueWorld world, CatalogueOptions options, CancellationToken cancellation)
    {
        var curve = new List<CurvePoint>(CurvePoint.Most);
        // Opened first: a file that cannot be written should not cost a run.
        using var file = parsed.GetValue(_curve) is { } path ? File.CreateText(path) : null;
        var result = ProgressReporter.Run(
            parsed.InvocationConfiguration.Error, $"simulate {options.Policy}", options.Rounds, progress => CatalogueSimulation.Run(world, options, progress, curve, cancellation));
        file?.Write(CurveFile.Text("attained", curve));
        Write(parsed, result, SimulationJsonContext.Default.CatalogueResult);
        return 0;
    }

    /// <summary>Prints a result as asked: one JSON object, or a table.</summary>
    public void Write<T>(ParseResult parsed, T result, JsonTypeInfo<T> shape)
    {
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(_json))
            ResultWriter.WriteJson(output, result, shape);
        else
            ResultWriter.WriteTable(output, result, shape);
    }
}
