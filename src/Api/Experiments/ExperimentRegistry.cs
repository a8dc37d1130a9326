using System.Collections.Concurrent;
using System.Collections.Frozen;
using Recsys.Api.Catalogue;
using Recsys.Api.Problems;
using Recsys.Api.Snapshots;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Experiments;

/// <summary>The experiments that this process serves: follows the store, and applies this process's own changes at once.</summary>
public sealed class ExperimentRegistry(
    IExperimentStore store, ISnapshotReader snapshots, ApiMetrics metrics, TimeProvider time, ILogger<ExperimentRegistry> log) : BackgroundService
{
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, ItemCatalogue> _catalogues = new(StringComparer.Ordinal);
    private FrozenDictionary<string, ExperimentRuntime> _runtimes = FrozenDictionary<string, ExperimentRuntime>.Empty;

    /// <summary>Whether the experiments have been read once.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>Whether the experiments could be read last time.</summary>
    public bool IsStoreAway { get; private set; }

    /// <summary>All of them, by name.</summary>
    public IEnumerable<ExperimentRuntime> All => _runtimes.Values.OrderBy(static r => r.Experiment.Name, StringComparer.Ordinal);

    /// <summary>One of them.</summary>
    /// <exception cref="ApiProblem">There is no such experiment.</exception>
    public ExperimentRuntime Get(string name) => _runtimes.TryGetValue(name, out var runtime)
        ? runtime
        : throw new ApiProblem(ProblemTypes.UnknownExperiment, $"There is no experiment '{name}'. Create it with PUT /v1/experiments/{{name}}; the body {{}} is a valid definition.");

    /// <summary>One of them, or null.</summary>
    public ExperimentRuntime? Find(string name) => _runtimes.GetValueOrDefault(name);

    /// <summary>The catalogue of an experiment; exists before and after the experiment does.</summary>
    public ItemCatalogue Catalogue(string experiment) => _catalogues.GetOrAdd(experiment, static (name, log) => new ItemCatalogue(name, log), log);

    /// <summary>Serves a definition from now on.</summary>
    public void Apply(Experiment experiment)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        lock (_gate)
        {
            var before = _runtimes.GetValueOrDefault(experiment.Name);
            if (before is not null && before.Experiment.CreatedAt == experiment.CreatedAt && before.Experiment.Definition.Json == experiment.Definition.Json
                && SameCentroids(before.Experiment.Centroids, experiment.Centroids))
                return;
            var keeps = before is not null && before.Experiment.CreatedAt == experiment.CreatedAt
                && before.Experiment.Definition.Generation == experiment.Definition.Generation;
            // A floor acts when serving, so the policy is assembled again even where nothing was learned anew.
            var same = keeps && before!.Experiment.Definition.Policy.MinimumPropensity.Equals(experiment.Definition.Policy.MinimumPropensity);
            var runtime = new ExperimentRuntime(experiment, metrics, Catalogue(experiment.Name)) { Slot = same ? before!.Slot : new PolicySlot() };
            Replace(experiment.Name, runtime, before);
            log.Serving(experiment.Name, experiment.Definition.Policy.Kind);
            _ = Task.Run(() => new SnapshotRefresher(runtime, snapshots, time, log).RunAsync(runtime.Stopping.Token));
        }
    }

    /// <summary>Serves it no longer.</summary>
    public void Forget(string name)
    {
        lock (_gate)
        {
            if (_runtimes.TryGetValue(name, out var before))
                Replace(name, null, before);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long seen = -1;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var revision = await store.WaitForChangeAsync(seen, stoppingToken);
                if (revision != seen)
                {
                    await LoadAsync(stoppingToken);
                    seen = revision;
                }
                IsStoreAway = false;
            }
            catch (StoreUnavailableException problem)
            {
                IsStoreAway = true;
                log.ExperimentsAway(problem.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(500), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Reads the store once.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        var stored = await store.ListAsync(cancellationToken);
        foreach (var gone in _runtimes.Keys.Where(name => stored.All(e => e.Name != name)).ToList())
            Forget(gone);
        foreach (var experiment in stored)
            Apply(experiment);
        IsLoaded = true;
    }

    private void Replace(string name, ExperimentRuntime? now, ExperimentRuntime? before)
    {
        var next = new Dictionary<string, ExperimentRuntime>(_runtimes, StringComparer.Ordinal);
        if (now is null)
            next.Remove(name);
        else
            next[name] = now;
        _runtimes = next.ToFrozenDictionary(StringComparer.Ordinal);
        before?.Stopping.Cancel();
    }

    private static bool SameCentroids(IReadOnlyList<float[]> a, IReadOnlyList<float[]> b) =>
        a.Count == b.Count && a.Zip(b).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second));
}
