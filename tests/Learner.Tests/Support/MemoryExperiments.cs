using Recsys.Infrastructure.Experiments;

namespace Recsys.Learner.Tests.Support;

/// <summary>Experiments in memory; a change is seen at once, and the store can be away.</summary>
public sealed class MemoryExperiments : IExperimentStore
{
    private readonly Lock _gate = new();
    private List<Experiment> _all = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _revision;

    /// <summary>Thrown by the next look, once.</summary>
    public Exception? Problem { get; set; }

    /// <summary>Completes when the failing look has been taken.</summary>
    public TaskCompletionSource Failed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Set(params Experiment[] experiments)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _all = [.. experiments];
            _revision++;
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.SetResult();
    }

    public Task<IReadOnlyList<Experiment>> ListAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult<IReadOnlyList<Experiment>>(_all);
    }

    public async Task<long> WaitForChangeAsync(long seen, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (Problem is { } problem)
                {
                    Problem = null;
                    Failed.SetResult();
                    throw problem;
                }
                if (_revision != seen)
                    return _revision;
                changed = _changed.Task;
            }
            await changed.WaitAsync(cancellationToken);
        }
    }

    public Task PutAsync(Experiment experiment, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> DeleteAsync(string name, CancellationToken cancellationToken) => throw new NotSupportedException();
}
