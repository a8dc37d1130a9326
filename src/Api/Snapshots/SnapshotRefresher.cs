using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Snapshots;

/// <summary>Runs one refresh loop per experiment, as long as the experiment has that definition.</summary>
public sealed class SnapshotRefresher(ExperimentRegistry registry, ISnapshotReader store, TimeProvider clock, ILogger<SnapshotRefresher> log) : BackgroundService
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);
    private readonly Dictionary<ExperimentRuntime, (CancellationTokenSource Stop, Task Loop)> _loops = [];

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                var changed = registry.Changed;
                await FollowAsync([.. registry.All.Values], stoppingToken);
                await changed.WaitAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            await FollowAsync([], CancellationToken.None);
        }
    }

    private async Task FollowAsync(HashSet<ExperimentRuntime> wanted, CancellationToken stoppingToken)
    {
        foreach (var (runtime, (stop, loop)) in _loops.ToList())
        {
            if (wanted.Contains(runtime))
                continue;
            await stop.CancelAsync();
            await loop;
            stop.Dispose();
            _loops.Remove(runtime);
        }
        foreach (var runtime in wanted)
        {
            if (_loops.ContainsKey(runtime))
                continue;
            var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            _loops[runtime] = (stop, LoopAsync(runtime, stop.Token));
        }
    }

    private async Task LoopAsync(ExperimentRuntime runtime, CancellationToken stopping)
    {
        await Task.Yield();
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await runtime.Refresh.RefreshAsync(stopping);
                if (runtime.StoreAway)
                    log.ParametersBack(runtime.Name);
                runtime.StoreAway = false;
                runtime.ParametersKnown = true;
                runtime.ExportAge(clock.GetUtcNow().ToUnixTimeMilliseconds());
                await store.WaitForChangeAsync(runtime.Name, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem)
            {
                if (!runtime.StoreAway)
                {
                    if (problem is StoreUnavailableException)
                        log.ParametersAway(runtime.Name, problem.Message);
                    else
                        log.RefreshFailed(problem, runtime.Name);
                }
                runtime.StoreAway = true;
                await Task.Delay(RetryAfter, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
