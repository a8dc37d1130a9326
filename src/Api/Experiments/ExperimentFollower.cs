using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Experiments;

/// <summary>Brings the changes that other processes make to experiments into the registry.</summary>
public sealed class ExperimentFollower(IExperimentStore store, ExperimentRegistry registry, TimeProvider clock, ILogger<ExperimentFollower> log) : BackgroundService
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        long seen = -1;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // The revision is taken before the list, so that a change in between is seen in the next round.
                seen = await store.WaitForChangeAsync(seen, stoppingToken);
                var before = registry.LocalChanges;
                registry.Apply(await store.ListAsync(stoppingToken), before);
                registry.StoreAway = false;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem)
            {
                if (!registry.StoreAway)
                {
                    if (problem is StoreUnavailableException)
                        log.ExperimentsAway(problem.Message);
                    else
                        log.FollowExperimentsFailed(problem);
                }
                registry.StoreAway = true;
                await Task.Delay(RetryAfter, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
