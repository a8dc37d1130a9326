using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Telemetry;
using Recsys.Learner.Training;

namespace Recsys.Learner.Hosting;

/// <summary>Runs one training loop per experiment, and starts and stops them as experiments come, change and go.</summary>
public sealed class LearnerService(IExperimentStore experiments, IEventSource source, LearnerOutlets outlets, LearnerHealth health) : BackgroundService
{
    private readonly Dictionary<string, ExperimentThread> _running = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            long seen = -1;
            var away = false;
            while (!stoppingToken.IsCancellationRequested)
            {
                try
                {
                    // The revision first, the list second: a change in between is then seen once too often, never not at all.
                    seen = await experiments.WaitForChangeAsync(seen, stoppingToken).ConfigureAwait(false);
                    var wanted = await experiments.ListAsync(stoppingToken).ConfigureAwait(false);
                    health.Listed = true;
                    await ReconcileAsync(wanted).ConfigureAwait(false);
                    away = false;
                }
                catch (StoreUnavailableException problem)
                {
                    if (!away)
                        outlets.Log.ExperimentsAway(problem.Message);
                    away = true;
                    await Task.Delay(outlets.Options.RetryInterval, outlets.Time, stoppingToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; what follows drains.
        }
        finally
        {
            health.IsStopping = true;
            // All are told before any is waited for, so that a slow one costs its own time only.
            foreach (var thread in _running.Values)
                thread.Stop(discard: false);
            foreach (var (name, thread) in _running.OrderBy(static r => r.Key, StringComparer.Ordinal))
            {
                await thread.Ended.ConfigureAwait(false);
                thread.Dispose();
                outlets.Log.LoopStopped(name);
            }
            _running.Clear();
        }
    }

    private async Task ReconcileAsync(IReadOnlyList<Experiment> wanted)
    {
        foreach (var (name, thread) in _running.ToList())
        {
            if (wanted.FirstOrDefault(e => e.Name == name) is { } now && SameLearning(now, thread.Experiment))
            {
                thread.Follow(now);
                continue;
            }
            thread.Stop(discard: true);
            await thread.Ended.ConfigureAwait(false);
            thread.Dispose();
            _running.Remove(name);
            outlets.Log.LoopStopped(name);
            if (wanted.All(e => e.Name != name))
                outlets.Metrics.Forget(name);
        }
        foreach (var experiment in wanted)
        {
            if (_running.ContainsKey(experiment.Name))
                continue;
            outlets.Log.LoopStarted(experiment.Name, experiment.Definition.Policy.Kind, experiment.Definition.Generation);
            _running[experiment.Name] = new ExperimentThread(source, experiment, outlets);
        }
        health.Experiments = _running.Count;
    }

    // The reward range is part of the policy's fingerprint, so the generation covers the whole reward rule.
    private static bool SameLearning(Experiment a, Experiment b) =>
        a.Definition.Generation == b.Definition.Generation && a.CreatedAt == b.CreatedAt;
}
