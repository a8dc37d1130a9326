using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Telemetry;
using Recsys.Learner.Training;

namespace Recsys.Learner.Hosting;

/// <summary>The thread of one experiment's training loop: it blocks on the log and on its stores by design, and starts again after a crash.</summary>
internal sealed class ExperimentThread : IDisposable
{
    private static readonly TimeSpan RestartAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RestartAfterMax = TimeSpan.FromSeconds(30);

    private readonly IEventSource _source;
    private readonly LearnerOutlets _outlets;
    private readonly TrainingLoop _loop;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Starts learning.</summary>
    public ExperimentThread(IEventSource source, Experiment experiment, LearnerOutlets outlets)
    {
        _source = source;
        _outlets = outlets;
        Experiment = experiment;
        _loop = new TrainingLoop(experiment, outlets, Pause);
        Ended = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>What it learns.</summary>
    public Experiment Experiment { get; private set; }

    /// <summary>Completes when everything is saved and the thread has ended; never fails.</summary>
    public Task Ended { get; }

    /// <summary>Takes a changed definition of the same generation.</summary>
    public void Follow(Experiment experiment)
    {
        Experiment = experiment;
        _loop.Follow(experiment);
    }

    /// <summary>Ends it; wait for <see cref="Ended"/>.</summary>
    /// <param name="discard">Write nothing more.</param>
    public void Stop(bool discard)
    {
        if (discard)
            _loop.Discard();
        _stopping.Cancel();
    }

    /// <summary>After <see cref="Ended"/> only.</summary>
    public void Dispose() => _stopping.Dispose();

    private bool Pause(TimeSpan duration) => !_stopping.Token.WaitHandle.WaitOne(duration);

    private void Run()
    {
        var backoff = new Backoff(RestartAfter, RestartAfterMax);
        while (!_stopping.IsCancellationRequested)
        {
            var started = _outlets.Time.GetTimestamp();
            try
            {
                _loop.Run(_source, _stopping.Token);
            }
            catch (Exception problem)
            {
                if (_stopping.IsCancellationRequested)
                {
                    _outlets.Log.StopFailed(problem, Experiment.Name);
                    return;
                }
                if (_outlets.Time.GetElapsedTime(started) > RestartAfterMax)
                    backoff.Succeeded();
                backoff.Failed(0);
                _outlets.Metrics.Restarted(Experiment.Name);
                _outlets.Log.LoopFailed(problem, Experiment.Name, backoff.Pause.TotalSeconds);
                Pause(backoff.Pause);
            }
        }
    }
}
