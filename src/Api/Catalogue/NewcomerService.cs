using System.Diagnostics;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;

namespace Recsys.Api.Catalogue;

/// <summary>
/// Lets newcomers graduate and retire: every five seconds, or fifty times what the last look took, so that it never costs more than a fiftieth of a core. Every replica
/// decides for itself from the same statistics, again after a restart and with every new graph.
/// </summary>
public sealed class NewcomerService(ExperimentRegistry registry, CatalogueIndex index, TimeProvider clock, ILogger<NewcomerService> log) : BackgroundService
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var pause = PauseMin;
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var started = Stopwatch.GetTimestamp();
            foreach (var runtime in registry.All.Values)
            {
                try
                {
                    Look(runtime);
                }
                catch (Exception problem)
                {
                    log.NewcomersFailed(problem, runtime.Name);
                }
            }
            var took = 50 * Stopwatch.GetElapsedTime(started);
            pause = took > PauseMin ? took : PauseMin;
        }
    }

    private void Look(ExperimentRuntime runtime)
    {
        var leaving = NewcomerPass.Leaving(runtime, clock.GetUtcNow().ToUnixTimeMilliseconds());
        if (leaving.Count == 0)
            return;
        runtime.Catalogue.Dismiss(leaving);
        var graduated = leaving.Count(static l => l.Value.Length > 0);
        runtime.Metrics.Graduated.Inc(graduated);
        runtime.Metrics.Retired.Inc(leaving.Count - graduated);
        log.NewcomersLeft(runtime.Name, graduated, leaving.Count - graduated);
        // Counted and logged before anybody can see it served.
        index.Signal();
    }
}
