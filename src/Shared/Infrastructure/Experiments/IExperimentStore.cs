namespace Recsys.Infrastructure.Experiments;

/// <summary>Where experiments are kept: Redis in a cluster, a file when embedded. Small and rarely written; every process holds all of them.</summary>
public interface IExperimentStore
{
    /// <summary>All experiments, ordered by name.</summary>
    Task<IReadOnlyList<Experiment>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Creates or replaces one.</summary>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    Task PutAsync(Experiment experiment, CancellationToken cancellationToken);

    /// <summary>Forgets one with everything learned under its name. True when it existed.</summary>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    Task<bool> DeleteAsync(string name, CancellationToken cancellationToken);

    /// <summary>Completes when something may have changed since <paramref name="seen"/>, or after a quarter of a second; returns the current revision.</summary>
    /// <param name="seen">The revision that the caller has read, -1 at first.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task<long> WaitForChangeAsync(long seen, CancellationToken cancellationToken);
}

/// <summary>A store or log cannot be reached now. The caller keeps what it has and tries again.</summary>
public sealed class StoreUnavailableException : Exception
{
    /// <summary>Says which store and what to do.</summary>
    public StoreUnavailableException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Says which store and what to do.</summary>
    public StoreUnavailableException(string message) : base(message) { }

    /// <summary>Required by the framework; prefer the constructors with a message.</summary>
    public StoreUnavailableException() { }
}
