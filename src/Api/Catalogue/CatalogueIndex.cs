using System.Collections.Concurrent;

namespace Recsys.Api.Catalogue;

/// <summary>The catalogues of all experiments by name. A catalogue may be known before its experiment, because the log of items is read independently.</summary>
public sealed class CatalogueIndex : IDisposable
{
    private readonly ConcurrentDictionary<string, ExperimentCatalogue> _all = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _dirty = new(0);

    /// <summary>Whether the log of items was read to its end once.</summary>
    public bool CaughtUp { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>All catalogues.</summary>
    public IEnumerable<KeyValuePair<string, ExperimentCatalogue>> All => _all;

    /// <summary>The catalogue of an experiment, made when there is none yet.</summary>
    public ExperimentCatalogue Of(string experiment) => _all.GetOrAdd(experiment, static _ => new ExperimentCatalogue());

    /// <summary>Something changed: some graph is due.</summary>
    public void Signal()
    {
        if (_dirty.CurrentCount == 0)
            _dirty.Release();
    }

    /// <summary>Waits for a signal.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => _dirty.WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _dirty.Dispose();
}
