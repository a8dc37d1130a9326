using System.Diagnostics;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;

namespace Recsys.Api.Catalogue;

/// <summary>
/// Rebuilds graphs off the request path: at once after a quiet time, then no more often than every 50 ms or ten times the last build, so that a bulk load
/// costs a tenth of one core.
/// </summary>
public sealed class GraphBuilderService(CatalogueIndex index, ExperimentRegistry registry, TimeProvider clock, ILogger<GraphBuilderService> log) : BackgroundService
{
    private static readonly TimeSpan QuietMin = TimeSpan.FromMilliseconds(50);

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
                    if (!catalogue.IsDirty)
                        continue;
                    try
                    {
                        catalogue.Build();
                        registry.Find(name)?.Metrics.Items.Set(catalogue.Count);
                    }
                    catch (Exception problem)
                    {
                        log.GraphFailed(problem, name);
                    }
                }
                var pause = 10 * Stopwatch.GetElapsedTime(started);
                await Task.Delay(pause > QuietMin ? pause : QuietMin, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
