namespace Recsys.Api.Experiments;

/// <summary>
/// One change to stored experiments at a time in this process. A definition and its centroids are stored as one value, so whoever changes one of them
/// must read the other, and whether the experiment is still there, after everybody before has finished.
/// </summary>
public sealed class ExperimentChanges : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Waits for its turn, which ends when the result is disposed. Read the request's body before: a slow client must not keep others waiting.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        return new Turn(_one);
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private sealed class Turn(SemaphoreSlim one) : IDisposable
    {
        private int _ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
                one.Release();
        }
    }
}
