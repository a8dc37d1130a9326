using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Local;

/// <summary>The journals of a data directory: one per experiment, the items, the dead letters. Opens them when first used and closes them together.</summary>
public sealed class JournalSet : IDisposable
{
    private readonly ConcurrentDictionary<string, Journal> _experiments = new(StringComparer.Ordinal);
    private readonly Lazy<Journal> _items;
    private readonly Lazy<Journal> _deadLetters;
    private readonly Lock _gate = new();
    private readonly DataDirectory _data;
    private readonly JournalOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<JournalSet> _log;
    private bool _disposed;

    /// <summary>Journals of a data directory.</summary>
    public JournalSet(DataDirectory data, JournalOptions options, TimeProvider time, ILogger<JournalSet> log)
    {
        (_data, _options, _time, _log) = (data, options, time, log);
        _items = new Lazy<Journal>(() =>
        {
            JournalCompaction.Run(PathOf(EventTopics.Items), _options, _time, _log);
            return Journal.Open(PathOf(EventTopics.Items), _options, _time, _log, retains: false);
        });
        _deadLetters = new Lazy<Journal>(() => Journal.Open(PathOf(EventTopics.DeadLetters), _options, _time, _log));
    }

    /// <summary>Catalogue items of all experiments.</summary>
    public Journal Items => _items.Value;

    /// <summary>Events that could not be understood.</summary>
    public Journal DeadLetters => _deadLetters.Value;

    internal ILogger Log => _log;

    /// <summary>The journal of an experiment, created if there is none.</summary>
    /// <exception cref="JournalCorruptException">It is damaged.</exception>
    public Journal Open(string experiment)
    {
        if (_experiments.TryGetValue(experiment, out var open))
            return open;
        DataDirectory.CheckName(experiment);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_experiments.TryGetValue(experiment, out open))
            {
                open = Journal.Open(PathOf(EventTopics.Events(experiment)), _options, _time, _log);
                _experiments[experiment] = open;
            }
            return open;
        }
    }

    /// <summary>
    /// The journal of an experiment, or null when there is none and no such experiment is stored: a straggler must not bring the log of a deleted one back.
    /// </summary>
    public Journal? Find(string experiment)
    {
        if (_experiments.TryGetValue(experiment, out var open))
            return open;
        DataDirectory.CheckName(experiment);
        return Directory.Exists(PathOf(EventTopics.Events(experiment))) || File.Exists(LocalExperimentStore.PathOf(_data, experiment)) ? Open(experiment) : null;
    }

    /// <summary>Tells the readers of an experiment's journal to stop and deletes it, and removes the experiment's items.</summary>
    public void Forget(string experiment)
    {
        ForgetItems(experiment);
        lock (_gate)
        {
            if (_experiments.TryRemove(experiment, out var open))
                open.Forget();
            else if (Directory.Exists(PathOf(EventTopics.Events(DataDirectory.CheckName(experiment)))))
                Directory.Delete(PathOf(EventTopics.Events(experiment)), recursive: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var journal in _experiments.Values)
                journal.Dispose();
            if (_items.IsValueCreated)
                _items.Value.Dispose();
            if (_deadLetters.IsValueCreated)
                _deadLetters.Value.Dispose();
        }
    }

    private void ForgetItems(string experiment)
    {
        var prefix = Encoding.UTF8.GetBytes(EventTopics.ItemKey(experiment, ""));
        var present = new HashSet<string>(StringComparer.Ordinal);
        using (var reader = Items.Read(0))
        {
            while (reader.TryRead(out var record))
            {
                if (!record.Key.Span.StartsWith(prefix))
                    continue;
                var key = Encoding.UTF8.GetString(record.Key.Span);
                if (record.IsRemoval)
                    present.Remove(key);
                else
                    present.Add(key);
            }
        }
        var removals = new List<Task>();
        foreach (var key in present)
            removals.Add(Items.AppendAsync(JournalHeaders.Json, Encoding.UTF8.GetBytes(key), default, isRemoval: true, CancellationToken.None));
        Task.WhenAll(removals).GetAwaiter().GetResult();
    }

    private string PathOf(string topic) => Path.Combine(_data.Log, topic);
}
