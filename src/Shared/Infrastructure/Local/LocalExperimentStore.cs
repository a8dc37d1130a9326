using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// Experiments as one JSON file each, and a file per version of a graph plan. Deleting one also deletes its log, parameters, checkpoints and plans.
/// </summary>
public sealed class LocalExperimentStore : IExperimentStore, IGraphStore
{
    private const string Extension = ".json";

    // An experiment whose deletion has begun. The file stays until everything else is gone, so an interrupted deletion is finished at the next start.
    private const string DeletedExtension = ".deleted";

    private const string GraphExtension = ".graph";

    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly DataDirectory _data;
    private readonly JournalSet _journals;
    private readonly LocalSnapshotStore _snapshots;
    private readonly LocalSnapshotStore _memory;
    private readonly LocalCheckpointStore _checkpoints;
    private readonly ILogger<LocalExperimentStore> _log;
    private readonly SortedDictionary<string, Experiment> _experiments = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _revision;

    /// <summary>Loads every stored experiment. One that cannot be read is logged and left out; its file stays.</summary>
    public LocalExperimentStore(
        DataDirectory data,
        JournalSet journals,
        LocalSnapshotStore snapshots,
        [FromKeyedServices(SnapshotChannel.Memory)] LocalSnapshotStore memory,
        LocalCheckpointStore checkpoints,
        ILogger<LocalExperimentStore> log)
    {
        ArgumentNullException.ThrowIfNull(data);
        (_data, _journals, _snapshots, _memory, _checkpoints, _log) = (data, journals, snapshots, memory, checkpoints, log);
        foreach (var path in Directory.EnumerateFiles(data.Experiments, "*" + DeletedExtension))
            FinishDeletion(Path.GetFileNameWithoutExtension(path));
        foreach (var path in Directory.EnumerateFiles(data.Experiments, "*" + Extension))
        {
            if (Read(path) is { } experiment)
                _experiments[experiment.Name] = experiment;
        }
        // A crash between storing a plan and moving to it leaves a file that nobody refers to.
        foreach (var experiment in _experiments.Values)
            Guarded(() => RemoveGraphs(experiment.Name, experiment.Graph));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<Experiment>> ListAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult<IReadOnlyList<Experiment>>([.. _experiments.Values]);
    }

    /// <inheritdoc/>
    public Task PutAsync(Experiment experiment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        DataDirectory.CheckName(experiment.Name);
        lock (_gate)
        {
            // Whoever puts a definition may not have heard of the latest plan; the higher version stays.
            if (_experiments.TryGetValue(experiment.Name, out var there) && there.CreatedAt == experiment.CreatedAt && there.Graph.Version > experiment.Graph.Version)
                experiment = experiment with { Graph = there.Graph };
            Guarded(() => AtomicFile.Write(PathOf(_data, experiment.Name), Write(experiment)));
            _experiments[experiment.Name] = experiment;
        }
        Changed();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        DataDirectory.CheckName(name);
        lock (_gate)
        {
            if (!File.Exists(PathOf(_data, name)))
                return Task.FromResult(false);
            Guarded(() =>
            {
                File.Move(PathOf(_data, name), DeletedPathOf(name), overwrite: true);
                AtomicFile.SyncDirectory(_data.Experiments);
            });
            _experiments.Remove(name);
            FinishDeletion(name);
        }
        Changed();
        return Task.FromResult(true);
    }

    /// <inheritdoc/>
    /// <remarks>The plan before stays until the next one.</remarks>
    public Task<bool> PutAsync(Experiment experiment, ReadOnlyMemory<byte> plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        var name = DataDirectory.CheckName(experiment.Name);
        lock (_gate)
        {
            if (!_experiments.TryGetValue(name, out var there) || there.CreatedAt != experiment.CreatedAt
                || (there.Graph.Version >= experiment.Graph.Version && there.Graph != experiment.Graph))
                return Task.FromResult(false);
            var moved = there with { Graph = experiment.Graph };
            Guarded(() =>
            {
                AtomicFile.Write(GraphPathOf(name, experiment.Graph), plan);
                AtomicFile.Write(PathOf(_data, name), Write(moved));
                RemoveGraphs(name, there.Graph, experiment.Graph);
            });
            _experiments[name] = moved;
        }
        Changed();
        return Task.FromResult(true);
    }

    /// <inheritdoc/>
    public async Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, GraphHead head, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(head);
        try
        {
            return await File.ReadAllBytesAsync(GraphPathOf(DataDirectory.CheckName(experiment), head), cancellationToken).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailableException($"The graph of '{experiment}' cannot be read from '{_data.Graphs}': {problem.Message}", problem);
        }
    }

    /// <inheritdoc/>
    public async Task<long> WaitForChangeAsync(long seen, CancellationToken cancellationToken)
    {
        Task changed;
        lock (_gate)
        {
            if (_revision != seen)
                return _revision;
            changed = _changed.Task;
        }
        try
        {
            await changed.WaitAsync(LookAgainAfter, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Nothing changed: the caller looks again by agreement.
        }
        lock (_gate)
            return _revision;
    }

    internal static string PathOf(DataDirectory data, string name) => Path.Combine(data.Experiments, name + Extension);

    private string DeletedPathOf(string name) => Path.Combine(_data.Experiments, name + DeletedExtension);

    private string GraphPathOf(string name, GraphHead head) =>
        Path.Combine(_data.Graphs, string.Create(CultureInfo.InvariantCulture, $"{name}.{head.Version}-{head.Checksum:x16}{GraphExtension}"));

    private void RemoveGraphs(string name, params ReadOnlySpan<GraphHead> except)
    {
        var kept = new List<string>();
        foreach (var head in except)
            kept.Add(GraphPathOf(name, head));
        // A name has no dots, so this finds no other experiment's.
        foreach (var path in Directory.EnumerateFiles(_data.Graphs, $"{name}.*{GraphExtension}"))
        {
            if (!kept.Contains(path))
                File.Delete(path);
        }
    }

    private void FinishDeletion(string name)
    {
        try
        {
            RemoveGraphs(name);
            _journals.Forget(name);
            var lastEpoch = _checkpoints.Forget(name);
            _snapshots.Forget(name, lastEpoch);
            _memory.Forget(name, lastEpoch);
            File.Delete(DeletedPathOf(name));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or StoreUnavailableException or JournalCorruptException)
        {
            LocalLog.DeletionUnfinished(_log, problem, name);
        }
    }

    private Experiment? Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            var errors = new List<KeyValuePair<string, string>>();
            var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(root.GetProperty("definition").GetRawText()), errors);
            if (definition is not null)
            {
                var graph = root.TryGetProperty("graph", out var head)
                    ? GraphHead.Parse(head.GetString() ?? "") ?? throw new FormatException("What it says about its graph is damaged.")
                    : GraphHead.Unversioned(root.TryGetProperty("centroids", out var old) ? old.GetArrayLength() : 0);
                return new Experiment(
                    DataDirectory.CheckName(Path.GetFileNameWithoutExtension(path)), definition, root.GetProperty("createdAt").GetInt64(), graph);
            }
            LocalLog.ExperimentSkipped(_log, path, string.Join(" ", errors.Select(static e => $"{e.Key}: {e.Value}")));
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            LocalLog.ExperimentSkipped(_log, path, problem.Message);
        }
        return null;
    }

    private static ReadOnlyMemory<byte> Write(Experiment experiment)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("createdAt", experiment.CreatedAt);
            json.WritePropertyName("definition");
            json.WriteRawValue(experiment.Definition.Json);
            json.WriteString("graph", experiment.Graph.ToString());
            json.WriteEndObject();
        }
        return bytes.WrittenMemory;
    }

    private void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailableException($"Experiments cannot be written to '{_data.Experiments}': {problem.Message}", problem);
        }
    }

    private void Changed()
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _revision++;
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        changed.SetResult();
    }
}
