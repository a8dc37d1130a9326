using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>Fetches the plan that an experiment refers to whenever that is another than the one here. What serves goes on serving until the plan is here and built.</summary>
public sealed class GraphPlanFollower(
    ExperimentRegistry registry, CatalogueIndex index, IGraphStore store, TimeProvider clock, ILogger<GraphPlanFollower> log) : BackgroundService
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(500);

    // A store that has lost a plan gets it back from another process within a second, or not at all.
    private static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(10);

    // Plans that are waited for, and since when.
    private readonly Dictionary<string, (GraphHead Head, DateTimeOffset Since)> _away = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            while (true)
            {
                var changed = registry.Changed;
                var missing = false;
                foreach (var runtime in registry.All.Values)
                {
                    if (runtime.Catalogue.MissingPlan is { } head)
                        missing |= !await FetchAsync(runtime, head, stoppingToken);
                }
                if (missing)
                    await Task.WhenAny(changed, Task.Delay(RetryAfter, clock, stoppingToken));
                else
                    await changed.WaitAsync(stoppingToken);
                stoppingToken.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <returns>Whether that plan needs no further look.</returns>
    private async Task<bool> FetchAsync(ExperimentRuntime runtime, GraphHead head, CancellationToken stoppingToken)
    {
        try
        {
            if (await store.FetchAsync(runtime.Name, head, stoppingToken) is not { } blob)
            {
                return Away(runtime, head, "the store does not have it.") < LostAfter ? false : Refuse(runtime, head, runtime.Metrics.GraphDamaged, "the store has lost it.");
            }
            if (!GraphPlanCodec.IsIntact(blob.Span, head.Checksum))
                return Refuse(runtime, head, runtime.Metrics.GraphDamaged, "its bytes are not those that were stored.");
            var plan = GraphPlanCodec.Read(blob.Span);
            if (plan.Version != head.Version)
                return Refuse(runtime, head, runtime.Metrics.GraphDamaged, $"it says that it is version {plan.Version}.");
            if (plan.Centroids is [var first, ..] && !ClustersRequest.Fits(first.Length, runtime.Experiment.Definition.Features))
                return Refuse(runtime, head, runtime.Metrics.GraphUnfit, $"its centroids have {first.Length} numbers, the definition has other vectors.");
            _away.Remove(runtime.Name);
            runtime.Catalogue.Bring(head, plan);
            index.Signal();
            return true;
        }
        catch (StoreUnavailableException problem)
        {
            Away(runtime, head, problem.Message);
            return false;
        }
        catch (SnapshotFormatException problem)
        {
            return Refuse(runtime, head, runtime.Metrics.GraphDamaged, problem.Message);
        }
    }

    /// <summary>Says once per plan that it is waited for.</summary>
    /// <returns>For how long already.</returns>
    private TimeSpan Away(ExperimentRuntime runtime, GraphHead head, string reason)
    {
        var now = clock.GetUtcNow();
        if (_away.TryGetValue(runtime.Name, out var waited) && waited.Head == head)
            return now - waited.Since;
        log.GraphAway(runtime.Name, head.Version, reason);
        _away[runtime.Name] = (head, now);
        return TimeSpan.Zero;
    }

    private bool Refuse(ExperimentRuntime runtime, GraphHead head, Prometheus.Counter.Child counter, string reason)
    {
        log.GraphRefused(runtime.Name, head.Version, reason);
        counter.Inc();
        _away.Remove(runtime.Name);
        runtime.Catalogue.Refuse(head);
        index.Signal();
        return true;
    }
}
