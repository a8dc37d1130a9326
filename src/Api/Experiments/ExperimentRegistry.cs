using System.Collections.Frozen;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Experiments;

/// <summary>
/// All experiments of this process: one immutable dictionary, swapped whole. What this process changed itself is visible at once; what others
/// changed arrives through the store.
/// </summary>
public sealed class ExperimentRegistry(RuntimeParts parts)
{
    private readonly Lock _writing = new();
    private volatile FrozenDictionary<string, ExperimentRuntime> _all = FrozenDictionary<string, ExperimentRuntime>.Empty;
    private volatile TaskCompletionSource _changed = NewSignal();
    private long _localChanges;

    /// <summary>All experiments by name.</summary>
    public FrozenDictionary<string, ExperimentRuntime> All => _all;

    /// <summary>Whether the store was read at least once.</summary>
    public bool Loaded { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Whether the store could not be read when last tried.</summary>
    public bool StoreAway { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>Completes when <see cref="All"/> changes next. Take it before reading <see cref="All"/>.</summary>
    public Task Changed => _changed.Task;

    /// <summary>Local changes so far; a list read from the store before the last of them is out of date.</summary>
    public long LocalChanges => Interlocked.Read(ref _localChanges);

    /// <summary>The experiment of a name, or null.</summary>
    public ExperimentRuntime? Find(string name) => _all.GetValueOrDefault(name);

    /// <summary>Applies what this process has just stored.</summary>
    public ExperimentRuntime Put(Experiment experiment)
    {
        lock (_writing)
        {
            Interlocked.Increment(ref _localChanges);
            var runtime = new ExperimentRuntime(experiment, parts, Find(experiment.Name));
            Swap(new Dictionary<string, ExperimentRuntime>(_all) { [experiment.Name] = runtime });
            return runtime;
        }
    }

    /// <summary>Applies a deletion that this process has just stored.</summary>
    public void Remove(string name)
    {
        lock (_writing)
        {
            Interlocked.Increment(ref _localChanges);
            var next = new Dictionary<string, ExperimentRuntime>(_all);
            if (next.Remove(name))
                Swap(next);
            parts.Metrics.Forget(name);
            parts.Catalogues.Of(name).Forget();
        }
    }

    /// <summary>Applies what the store holds.</summary>
    /// <param name="stored">All experiments of the store.</param>
    /// <param name="readAfter"><see cref="LocalChanges"/> before the store was read; the list is ignored when it has moved since.</param>
    /// <returns>False when the list was out of date.</returns>
    public bool Apply(IReadOnlyList<Experiment> stored, long readAfter)
    {
        lock (_writing)
        {
            if (readAfter != LocalChanges)
                return false;
            var next = new Dictionary<string, ExperimentRuntime>(StringComparer.Ordinal);
            var changed = false;
            foreach (var experiment in stored)
            {
                var known = Find(experiment.Name);
                var same = known is not null && IsSame(known.Experiment, experiment);
                next[experiment.Name] = same ? known! : new ExperimentRuntime(experiment, parts, known);
                changed |= !same;
                if (!same)
                    parts.Log.ExperimentChanged(experiment.Name, known is null ? "loaded" : "redefined");
            }
            foreach (var name in _all.Keys)
            {
                if (next.ContainsKey(name))
                    continue;
                changed = true;
                parts.Metrics.Forget(name);
                parts.Catalogues.Of(name).Forget();
                parts.Log.ExperimentChanged(name, "removed");
            }
            if (changed)
                Swap(next);
            Loaded = true;
            return true;
        }
    }

    private void Swap(Dictionary<string, ExperimentRuntime> next)
    {
        _all = next.ToFrozenDictionary(StringComparer.Ordinal);
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    private static bool IsSame(Experiment a, Experiment b) =>
        a.CreatedAt == b.CreatedAt && a.Graph == b.Graph && a.Definition.Json == b.Definition.Json;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
