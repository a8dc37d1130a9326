using System.CommandLine;
using Recsys.Learner.Simulation.Catalogue;

namespace Recsys.Learner.CommandLine;

/// <summary><c>simulate world</c>: see contract section 4.</summary>
internal sealed class SimulateWorldCommand : Command, IExplainedCommand
{
    private readonly MatchingOptions _options = new("diag-lin-ucb", rounds: 150_000, batch: 25);
    private readonly Option<bool> _probe = new("--probe")
    {
        Description = "Run no rounds: print what each estimate says of an item that pays everybody the same, divided by what it pays, for the given clustersPerUser, "
            + "clusterTemperature and seed.",
    };

    /// <summary>The command.</summary>
    public SimulateWorldCommand()
        : base("world", "The Online Matching loop in a synthetic world whose truth is known: what delay and exploration cost.")
    {
        foreach (var option in _options.All)
            Add(option);
        Add(_probe);
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
        var settings = ToyWorldSettings.Parse(_options.Pairs(parsed), out var parameters);
        settings = settings with { Context = _options.Context(parsed, settings.Context) };
        var options = _options.Read(parsed, parameters);
        CatalogueSimulation.Check(options, settings.Features);
        if (parsed.GetValue(_probe))
        {
            var probe = ConstantRewardProbe.Run(settings.ClustersPerUser, settings.Temperature, options.Seed);
            _options.Write(parsed, probe, SimulationJsonContext.Default.ConstantRewardProbe);
            return 0;
        }
        return _options.Report(parsed, new ToyWorld(settings, options.Seed, options.Rounds), options, cancellation);
    }
}
