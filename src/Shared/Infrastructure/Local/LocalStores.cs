using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Infrastructure.Local;

/// <summary>Experiments as one file each.</summary>
public sealed partial class LocalExperimentStore(string directory, ILogger<LocalExperimentStore> log) : IExperimentStore
{
    private readonly Lock _gate = new();
    private readonly string _directory = Path.Combine(directory, "experiments");
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _revision;

    /// <inheritdoc/>
    public Task<IReadOnlyList<Experiment>> ListAsync(CancellationToken cancellationToken)
    {
        var experiments = new List<Experiment>();
        lock (_gate)
        {
            if (Directory.Exists(_directory))
            {
                foreach (var path in Directory.EnumerateFiles(_directory, "*.json").Order(StringComparer.Ordinal))
                {
                    if (Read(path) is { } experiment)
                        experiments.Add(experiment);
                }
            }
        }
        return Task.FromResult<IReadOnlyList<Experiment>>(experiments);
    }

    /// <inheritdoc/>
    public Task PutAsync(Experiment experiment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        var stored = new StoredExperiment(experiment.Definition.Json, experiment.CreatedAt, experiment.Centroids);
        lock (_gate)
            LocalFiles.Replace(PathOf(experiment.Name), JsonSerializer.SerializeToUtf8Bytes(stored), durable: true);
        Changed();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        bool existed;
        lock (_gate)
        {
            existed = File.Exists(PathOf(name));
            File.Delete(PathOf(name));
        }
        Changed();
        return Task.FromResult(existed);
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
        await Task.WhenAny(changed, Task.Delay(250, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return _revision;
    }

    private Experiment? Read(string path)
    {
        try
        {
            var stored = JsonSerializer.Deserialize<StoredExperiment>(File.ReadAllBytes(path))!;
            var errors = new List<KeyValuePair<string, string>>();
            var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(stored.Definition), errors);
            if (definition is not null)
                return new Experiment(Path.GetFileNameWithoutExtension(path), definition, stored.CreatedAt, stored.Centroids);
            LogSkipped(path, string.Join(" ", errors.Select(static e => $"{e.Key}: {e.Value}")));
        }
        catch (JsonException problem)
        {
            LogSkipped(path, problem.Message);
        }
        return null;
    }

    private void Changed()
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _revision++;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.SetResult();
    }

    private string PathOf(string name) => Path.Combine(_directory, name + ".json");

    [LoggerMessage(EventId = 3001, Level = LogLevel.Error, Message = "The stored experiment {Path} cannot be read and is left out: {Reason}")]
    private partial void LogSkipped(string path, string reason);

    private sealed record StoredExperiment(string Definition, long CreatedAt, IReadOnlyList<float[]> Centroids);
}

/// <summary>Published parameters in memory, and the newest of each partition in a file so that a restart serves at once.</summary>
public sealed class LocalSnapshotStore(string directory) : ISnapshotWriter, ISnapshotReader
{
    private readonly Lock _gate = new();
    private readonly string _directory = Path.Combine(directory, "snapshots");
    private readonly Dictionary<(string Experiment, int Partition), (ShardHead Head, ReadOnlyMemory<byte> Framed)> _current = [];
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _bells = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        lock (_gate)
        {
            if (Current(experiment, head.Partition) is { } current
                && (head.Epoch < current.Head.Epoch || (head.Epoch == current.Head.Epoch && head.Interactions <= current.Head.Interactions)))
                return SnapshotOutcome.Fenced;
            _current[(experiment, head.Partition)] = (head, framed);
            var bytes = new byte[24 + framed.Length];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, head.Epoch);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), head.Interactions);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), head.AsOf);
            framed.CopyTo(bytes.AsMemory(24));
            // Not made durable: the checkpoint is the truth, this file only spares a restart the wait for it.
            LocalFiles.Replace(PathOf(experiment, head.Partition), bytes, durable: false);
        }
        Ring(experiment);
        return SnapshotOutcome.Published;
    }

    /// <inheritdoc/>
    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        lock (_gate)
        {
            if (Current(experiment, head.Partition) is not { } current || current.Head.Epoch != head.Epoch || current.Head.Interactions != head.Interactions)
                return SnapshotOutcome.Fenced;
            _current[(experiment, head.Partition)] = (head, current.Framed);
        }
        Ring(experiment);
        return SnapshotOutcome.Published;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken)
    {
        var heads = new List<ShardHead>();
        lock (_gate)
        {
            if (Current(experiment, 0) is { } current)
                heads.Add(current.Head);
        }
        return Task.FromResult<IReadOnlyList<ShardHead>>(heads);
    }

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, ShardHead head, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Task.FromResult<ReadOnlyMemory<byte>?>(
                Current(experiment, head.Partition) is { } current && current.Head.Epoch == head.Epoch && current.Head.Interactions == head.Interactions
                    ? current.Framed
                    : null);
        }
    }

    /// <inheritdoc/>
    public async Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken)
    {
        var bell = _bells.GetOrAdd(experiment, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await Task.WhenAny(bell.Task, Task.Delay(250, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private (ShardHead Head, ReadOnlyMemory<byte> Framed)? Current(string experiment, int partition)
    {
        if (_current.TryGetValue((experiment, partition), out var known))
            return known;
        if (LocalFiles.Read(PathOf(experiment, partition)) is not { Length: > 24 } bytes)
            return null;
        var head = new ShardHead(
            partition,
            BinaryPrimitives.ReadInt64LittleEndian(bytes),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)));
        return _current[(experiment, partition)] = (head, bytes.AsMemory(24));
    }

    private void Ring(string experiment)
    {
        if (_bells.TryRemove(experiment, out var bell))
            bell.TrySetResult();
    }

    private string PathOf(string experiment, int partition) => Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{experiment}.{partition}"));
}

/// <summary>One checkpoint file per partition, and its epoch beside it.</summary>
public sealed class LocalCheckpointStore(string directory) : ICheckpointStore
{
    private readonly Lock _gate = new();
    private readonly string _directory = Path.Combine(directory, "checkpoints");

    /// <inheritdoc/>
    public long AcquireEpoch(string experiment, int partition)
    {
        lock (_gate)
        {
            var epoch = Epoch(experiment, partition) + 1;
            LocalFiles.Replace(PathOf(experiment, partition, "epoch"), BitConverter.GetBytes(epoch), durable: true);
            return epoch;
        }
    }

    /// <inheritdoc/>
    public byte[]? Load(string experiment, int partition) => LocalFiles.Read(PathOf(experiment, partition, "state"));

    /// <inheritdoc/>
    public bool Save(string experiment, int partition, long epoch, ReadOnlyMemory<byte> checkpoint)
    {
        lock (_gate)
        {
            if (Epoch(experiment, partition) != epoch)
                return false;
            LocalFiles.Replace(PathOf(experiment, partition, "state"), checkpoint.Span, durable: true);
            return true;
        }
    }

    private long Epoch(string experiment, int partition) =>
        LocalFiles.Read(PathOf(experiment, partition, "epoch")) is { Length: 8 } bytes ? BitConverter.ToInt64(bytes) : 0;

    private string PathOf(string experiment, int partition, string what) =>
        Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{experiment}.{partition}.{what}"));
}
