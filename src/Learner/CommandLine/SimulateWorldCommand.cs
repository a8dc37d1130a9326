using System.CommandLine;
using Recsys.Learner.Simulation.Catalogue;
using Recsys.Learner.Simulation.Rivals;

namespace Recsys.Learner.CommandLine;

/// <summary><c>simulate world</c>: see contract section 4.</summary>
internal sealed class SimulateWorldCommand : Command, IExplainedCommand
{
    private readonly Option<string> _policy = SimulationOptions.PolicyOrRival("diag-lin-ucb");
    private readonly Option<long> _rounds = SimulationOptions.Rounds(150_000);
    private readonly Option<long> _seed = SimulationOptions.Seed();
    private readonly Option<int> _delay = SimulationOptions.Delay();
    private readonly Option<int> _batch = SimulationOptions.Batch(25);
    private readonly Option<string[]> _set = SimulationOptions.Set();
    private readonly Option<string?> _curve = SimulationOptions.Curve();
    private readonly Option<bool> _json = SimulationOptions.Json();

    /// <summary>The command.</summary>
    public SimulateWorldCommand()
        : base("world", "The Online Matching loop in a synthetic world whose truth is known: what delay and exploration cost.")
    {
        foreach (Option option in new Option[] { _policy, _rounds, _seed, _delay, _batch, _set, _curve, _json })
            Add(option);
        // On a pool thread, so that Ctrl+C can cancel it.
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    /// <inheritdoc/>
    public void Explain(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("""
            The world:
              Clusters are random directions. An item is a cluster with noise and has a hidden quality q; the graph knows it through a vector with more
              noise. A user is a cluster with noise too, is shown one item among those of the nearest clusters, and likes it with probability
              sigmoid(-3.2 + 0.9 q + 1.5 <item, user>). With --delay D a reward is learned D rounds late: H = D / clusters / itemsPerCluster
              decisions are made per edge before the first reward counts.

            Result (--json: one object on the last line): as for simulate catalogue.

            Settings of the world (--set name=value):
            """);
        HelpWithParameters.WriteParameters(output, ToyWorldSettings.Declared);
        output.WriteLine();
        HelpWithParameters.WritePolicyParameters(output);
        HelpWithParameters.WriteRivals(output);
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var settings = ToyWorldSettings.Parse(SimulationOptions.Pairs(parsed.GetValue(_set)), out var parameters);
        settings = settings with { Context = RivalCatalog.ContextOf(parsed.GetRequiredValue(_policy), settings.Context) };
        var options = new CatalogueOptions(
            parsed.GetRequiredValue(_policy),
            parsed.GetValue(_rounds),
            parsed.GetValue(_seed),
            parsed.GetValue(_delay),
            parsed.GetValue(_batch),
            parameters);
        CatalogueSimulation.Check(options, settings.Features);
        var world = new ToyWorld(settings, options.Seed);
        return SimulateCatalogueCommand.Report(parsed, world, options, parsed.GetValue(_curve), parsed.GetValue(_json), cancellation);
    }
}
