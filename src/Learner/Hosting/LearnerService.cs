using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Telemetry;
using Recsys.Learner.Training;

namespace Recsys.Learner.Hosting;

/// <summary>Runs one training loop per experiment, and starts and stops them as experiments come, change and go.</summary>
public sealed class LearnerService(IExperimentStore experiments, IEventSource source, LearnerOutlets outlets) : BackgroundService
{
    private static readonly TimeSpan RestartAfter = TimeSpan.FromSeconds(1);
    private readonly Dictionary<string, Running> _running = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long seen = -1;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                try
                {
                    var wanted = await experiments.ListAsync(stoppingToken).ConfigureAwait(false);
                    await FollowAsync(wanted).ConfigureAwait(false);
                }
                catch (StoreUnavailableException problem)
                {
                    outlets.Log.ExperimentsAway(problem.Message);
                }
                seen = await experiments.WaitForChangeAsync(seen, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        await FollowAsync([]).ConfigureAwait(false);
    }

    private async Task FollowAsync(IReadOnlyList<Experiment> wanted)
    {
        foreach (var (name, running) in _running.ToList())
        {
            var now = wanted.FirstOrDefault(e => e.Name == name);
            if (now is not null && SameLearning(now, running.Experiment))
                continue;
            await running.StopAsync().ConfigureAwait(false);
            _running.Remove(name);
            outlets.Log.LoopStopped(name);
        }
        foreach (var experiment in wanted)
        {
            if (!_running.ContainsKey(experiment.Name))
                _running[experiment.Name] = Start(experiment);
        }
    }

    private static bool SameLearning(Experiment a, Experiment b) =>
        a.Definition.Generation == b.Definition.Generation && a.CreatedAt == b.CreatedAt && a.Definition.Mode == b.Definition.Mode
        && a.Definition.Reward == b.Definition.Reward;

    private Running Start(Experiment experiment)
    {
        outlets.Log.LoopStarted(experiment.Name, experiment.Definition.Policy.Kind);
        var stopping = new CancellationTokenSource();
        // A thread of its own: the loop blocks on the log and on its stores by design.
        var task = Task.Factory.StartNew(() => Run(experiment, stopping.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return new Running(experiment, task, stopping);
    }

    private void Run(Experiment experiment, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                source.Consume(experiment.Name, new TrainingLoop(experiment, outlets), stopping);
            }
            catch (Exception problem) when (!stopping.IsCancellationRequested)
            {
                outlets.Log.LoopFailed(problem, experiment.Name, RestartAfter.TotalSeconds);
                stopping.WaitHandle.WaitOne(RestartAfter);
            }
        }
    }

    private sealed record Running(Experiment Experiment, Task Task, CancellationTokenSource Stopping)
    {
        public async Task StopAsync()
        {
            await Stopping.CancelAsync().ConfigureAwait(false);
            await Task.ConfigureAwait(false);
            Stopping.Dispose();
        }
    }
}
