using System.Diagnostics;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>
/// Keeps graphs up to date off the request path. Changed items enter the graph that serves: at once after a quiet time, then no more often than every 50 ms or, up to half a
/// second, ten times the last update, so that a bulk load costs little and an item waits less than a second. A new plan is built beside that, one at a time because of the
/// memory it takes.
/// </summary>
public sealed class GraphBuilderService(CatalogueIndex index, ExperimentRegistry registry, TimeProvider clock, ILogger<GraphBuilderService> log) : BackgroundService
{
    private static readonly TimeSpan QuietMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan QuietMax = TimeSpan.FromMilliseconds(500);

    private volatile bool _building;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await index.WaitAsync(stoppingToken);
                var started = Stopwatch.GetTimestamp();
                foreach (var (name, catalogue) in index.All)
                {
                    if (!_building && catalogue.NeedsBuild && IsWhole(name))
                    {
                        _building = true;
                        _ = Task.Run(() => BuildAside(name, catalogue), CancellationToken.None);
                    }
                    if (catalogue.NeedsUpdate)
                        Run(name, catalogue, full: false);
                }
                var pause = 10 * Stopwatch.GetElapsedTime(started);
                await Task.Delay(pause < QuietMin ? QuietMin : pause > QuietMax ? QuietMax : pause, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping; a build that is under way ends with the process.
        }
    }

    /// <summary>Items that are still to be read would make a graph for nothing, unless requests bring their own.</summary>
    private bool IsWhole(string name) =>
        index.CaughtUp || registry.Find(name)?.Experiment.Definition.Candidates == CandidateSource.Request;

    private void Run(string name, ExperimentCatalogue catalogue, bool full)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var swap = full ? catalogue.Build() : catalogue.Update();
            if (swap is not null && registry.Find(name) is { } runtime)
                Report(runtime, swap, full, Stopwatch.GetElapsedTime(started));
        }
        catch (Exception problem)
        {
            log.GraphFailed(problem, name);
        }
    }

    private void BuildAside(string name, ExperimentCatalogue catalogue)
    {
        Run(name, catalogue, full: true);
        _building = false;
        // Whatever waited for this one, and whatever changed meanwhile.
        index.Signal();
    }

    private void Report(ExperimentRuntime runtime, GraphSwap swap, bool full, TimeSpan took)
    {
        var (metrics, now) = (runtime.Metrics, clock.GetUtcNow().ToUnixTimeMilliseconds());
        (full ? metrics.GraphBuild : metrics.GraphUpdate).Observe(took.TotalSeconds);
        metrics.GraphVersion.Set(swap.Graph.Version);
        metrics.GraphEdges.Set(swap.Graph.Edges);
        metrics.Items.Set(swap.Catalogued);
        foreach (var available in swap.Arrivals)
            metrics.CorpusLatency.Observe(Math.Max(0, now - available) / 1000.0);
        // Where candidates come with the request there is no graph to speak of.
        if (full && (swap.Graph.Version > 0 || swap.Graph.ItemCount > 0))
            log.GraphServing(runtime.Name, swap.Graph.Version, (long)took.TotalMilliseconds, swap.Graph.Clusters, swap.Graph.Edges, swap.Graph.ItemCount);
    }
}
