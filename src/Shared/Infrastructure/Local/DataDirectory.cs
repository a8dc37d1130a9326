namespace Recsys.Infrastructure.Local;

/// <summary>The data directory cannot be had.</summary>
public sealed class DataDirectoryException(string message, Exception inner) : IOException(message, inner);

/// <summary>
/// The one directory that holds all state of the embedded mode, held by one process at a time: <c>log/</c> event log, <c>experiments/</c>
/// definitions, <c>graphs/</c> plans of their graphs, <c>snapshots/</c> published parameters, <c>memory/</c> published
/// shards of error memories, <c>checkpoints/</c> training state.
/// </summary>
public sealed class DataDirectory : IDisposable
{
    private readonly FileStream _lock;

    /// <summary>Creates the directory where needed and takes possession of it.</summary>
    /// <exception cref="DataDirectoryException">Another process has it, or it cannot be written to; the message says what to do.</exception>
    public DataDirectory(string path)
    {
        Root = Path.GetFullPath(path);
        try
        {
            foreach (var part in (string[])[Log, Experiments, Graphs, Snapshots, Memory, Checkpoints])
                Directory.CreateDirectory(part);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException($"The data directory '{Root}' cannot be used: {problem.Message} Name another with Embedded__DataDirectory.", problem);
        }
        try
        {
            // An advisory lock of the operating system: it goes with the process, however that ends, so no stale lock ever needs removing.
            _lock = new FileStream(Path.Combine(Root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException problem)
        {
            throw new DataDirectoryException(
                $"Another process is using the data directory '{Root}'. Stop it, or give this one a directory of its own with Embedded__DataDirectory.", problem);
        }
        catch (UnauthorizedAccessException problem)
        {
            throw new DataDirectoryException($"The data directory '{Root}' cannot be used: {problem.Message} Name another with Embedded__DataDirectory.", problem);
        }
        foreach (var part in (string[])[Experiments, Graphs, Snapshots, Memory, Checkpoints])
        {
            foreach (var leftover in Directory.EnumerateFiles(part, "*" + AtomicFile.TemporaryExtension, SearchOption.AllDirectories))
                File.Delete(leftover);
        }
    }

    /// <summary>Absolute path.</summary>
    public string Root { get; }

    internal string Log => Path.Combine(Root, "log");

    internal string Experiments => Path.Combine(Root, "experiments");

    internal string Graphs => Path.Combine(Root, "graphs");

    internal string Snapshots => Path.Combine(Root, "snapshots");

    internal string Memory => Path.Combine(Root, "memory");

    internal string Checkpoints => Path.Combine(Root, "checkpoints");

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>Names become paths, so only those of the contract may pass.</summary>
    /// <exception cref="ArgumentException">It does not match <c>[a-z0-9][a-z0-9-]{0,62}</c>.</exception>
    internal static string CheckName(string experiment)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        var valid = experiment.Length is > 0 and <= 63 && experiment[0] != '-';
        foreach (var c in experiment)
            valid &= c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-';
        return valid ? experiment : throw new ArgumentException($"'{experiment}' is not the name of an experiment.", nameof(experiment));
    }
}
