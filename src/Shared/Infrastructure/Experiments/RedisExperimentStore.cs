using System.Text;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Snapshots;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Experiments;

/// <summary>
/// Experiments in Redis: one hash per experiment, one hash of their names with the revision, and a blob per version of a graph plan.
/// </summary>
/// <remarks>
/// A Redis that restarts without its data says so by its store id. Every process then puts back, where absent, what it knew: serving and learning go on
/// as before. The plans of their graphs come back from whoever has one in memory. A change within a quarter of a second before the loss may be undone by a process that had not heard of it. The revision follows
/// the clock, so that it goes on rising after such a restart.
/// </remarks>
public sealed class RedisExperimentStore(RedisConnection redis, ILogger<RedisExperimentStore> log) : IExperimentStore, IGraphStore
{
    // Fields of the index that are no experiments; a name cannot start with '#'.
    private const string StoreField = "#store";
    private const string RevisionField = "#revision";

    // ARGV: name, id for a new store, "1" to add or "0" to remove, channel. Returns whether the name was there.
    private const string IndexScript = """
        redis.call('HSETNX', KEYS[1], '#store', ARGV[2])
        local known = redis.call('HEXISTS', KEYS[1], ARGV[1])
        if ARGV[3] == '1' then redis.call('HSET', KEYS[1], ARGV[1], '1') else redis.call('HDEL', KEYS[1], ARGV[1]) end
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
        local revision = string.format('%.0f', math.max(now, tonumber(redis.call('HGET', KEYS[1], '#revision') or '0') + 1))
        redis.call('HSET', KEYS[1], '#revision', revision)
        redis.call('PUBLISH', ARGV[4], revision)
        return known
        """;

    // ARGV: "1" to replace or "0" to keep what is there, json, createdAt, graph, prefix, milliseconds that a replaced plan stays. Returns whether it wrote. Whoever puts
    // a definition may not have heard of the latest plan; the higher version stays.
    private const string PutScript = """
        if ARGV[1] == '0' and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
        local graph = ARGV[4]
        local there = redis.call('HMGET', KEYS[1], 'graph', 'createdAt')
        local v, c = string.match(there[1] or '', '^(%d+),(%x+),')
        if v then
          if there[2] == ARGV[3] and tonumber(v) > tonumber(string.match(graph, '^%d+')) then
            graph = there[1]
          elseif there[1] ~= graph then
            redis.call('PEXPIRE', ARGV[5] .. 'graph:' .. v .. '-' .. c, ARGV[6])
          end
        end
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'json', ARGV[2], 'createdAt', ARGV[3], 'graph', graph)
        return 1
        """;

    // ARGV: createdAt, graph, prefix, milliseconds that the replaced plan stays. 1 moved, 0 refused, -1 the blob is gone. The same head again succeeds: the answer
    // to the first attempt may have been lost.
    private const string MoveGraphScript = """
        local there = redis.call('HMGET', KEYS[1], 'graph', 'createdAt')
        if there[2] ~= ARGV[1] then return 0 end
        local v, c = string.match(there[1] or '', '^(%d+),(%x+),')
        if v and there[1] ~= ARGV[2] and tonumber(v) >= tonumber(string.match(ARGV[2], '^%d+')) then return 0 end
        if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
        redis.call('PERSIST', KEYS[2])
        redis.call('HSET', KEYS[1], 'graph', ARGV[2])
        if v and there[1] ~= ARGV[2] then redis.call('PEXPIRE', ARGV[3] .. 'graph:' .. v .. '-' .. c, ARGV[4]) end
        return 1
        """;

    // Everything of the experiment, in one step. The epochs stay for an hour, raised by one: a learner that has not yet heard of the deletion is
    // refused from now on and cannot bring anything back. Names are built from what the hashes say; they share the slot of the declared keys. Keys: definition,
    // epochs, and the heads of each channel; arguments: what the names of everything start with, then those of each channel.
    private const string ForgetScript = """
        local partitions = {}
        for _, p in ipairs(redis.call('HKEYS', KEYS[2])) do partitions[p] = true end
        for c = 3, #KEYS do
          for _, p in ipairs(redis.call('HKEYS', KEYS[c])) do partitions[p] = true end
        end
        for p in pairs(partitions) do
          for c = 3, #KEYS do
            local prefix = ARGV[c - 1]
            local e, i, b = string.match(redis.call('HGET', KEYS[c], p) or '', '^(%d+),(%d+),%-?%d+,?(%d*)')
            if e then
              local name, piece = prefix .. 'params:' .. p .. ':' .. e .. '-' .. (b ~= '' and b or i), 0
              redis.call('DEL', name)
              repeat piece = piece + 1 until redis.call('DEL', name .. ':' .. piece) == 0
            end
            redis.call('DEL', prefix .. 'deltas:' .. p)
          end
          redis.call('DEL', ARGV[1] .. 'checkpoint:' .. p)
          redis.call('HINCRBY', KEYS[2], p, 1)
        end
        redis.call('EXPIRE', KEYS[2], 3600)
        for c = 3, #KEYS do redis.call('DEL', KEYS[c]) end
        local v, c = string.match(redis.call('HGET', KEYS[1], 'graph') or '', '^(%d+),(%x+),')
        if v then redis.call('DEL', ARGV[1] .. 'graph:' .. v .. '-' .. c) end
        return redis.call('DEL', KEYS[1])
        """;

    private static readonly SnapshotChannel[] Channels = Enum.GetValues<SnapshotChannel>();

    private static readonly RedisValue[] DefinitionFields = ["json", "createdAt", "graph", "centroids"];

    // Said once for each bad definition, not at every change of any experiment; forgotten when there are suspiciously many.
    private const int RefusedMax = 1000;

    private readonly RedisBells _bells = new(redis);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Experiment> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);

    // The serving plan of each experiment, for a Redis that has lost it. Only processes that serve graphs ever fetch one.
    private readonly Dictionary<string, (GraphHead Head, ReadOnlyMemory<byte> Blob)> _plans = new(StringComparer.Ordinal);
    private string? _store;
    private long _revision;

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    public async Task<IReadOnlyList<Experiment>> ListAsync(CancellationToken cancellationToken)
    {
        var index = await IndexAsync(cancellationToken).ConfigureAwait(false);
        if (IsAnother(index))
            index = await PutBackAsync(index, cancellationToken).ConfigureAwait(false);
        var reads = index.Names.Select(name => RedisConnection.TryAsync(
            () => redis.Blobs.HashGetAsync(RedisKeys.Definition(name), DefinitionFields), cancellationToken)).ToList();
        var found = await Task.WhenAll(reads).ConfigureAwait(false);
        var experiments = new List<Experiment>(found.Length);
        for (var i = 0; i < found.Length; i++)
        {
            if (Read(index.Names[i], found[i]) is { } experiment)
                experiments.Add(experiment);
        }
        Remember(index, experiments);
        return experiments;
    }

    /// <inheritdoc/>
    public async Task PutAsync(Experiment experiment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        await WriteAsync(experiment, replace: true, cancellationToken).ConfigureAwait(false);
        lock (_lock)
            _known[experiment.Name] = experiment;
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(name);
        var existed = (bool)await RedisConnection.TryAsync(
            async () =>
            {
                var listed = await IndexAsync(name, add: false).ConfigureAwait(false);
                var stored = await redis.Commands.ScriptEvaluateAsync(
                    ForgetScript,
                    [RedisKeys.Definition(name), RedisKeys.Epochs(name), .. Channels.Select(c => RedisKeys.Current(name, c))],
                    [RedisKeys.Prefix(name), .. Channels.Select(c => (RedisValue)RedisKeys.Prefix(name, c))],
                    CommandFlags.NoScriptCache).ConfigureAwait(false);
                return listed || (bool)stored;
            },
            cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            _known.Remove(name);
            _plans.Remove(name);
        }
        return existed;
    }

    /// <inheritdoc/>
    public async Task<bool> PutAsync(Experiment experiment, ReadOnlyMemory<byte> plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        var (name, head) = (experiment.Name, experiment.Graph);
        var moved = await RedisConnection.TryAsync(
            async () =>
            {
                var key = RedisKeys.Graph(name, head);
                // On trial until the head points to it: it goes away by itself if the script refuses or this process dies here.
                await redis.Blobs.StringSetAsync(key, plan, redis.Options.ReplacedParametersKept, When.NotExists).ConfigureAwait(false);
                var outcome = (int)await redis.Commands.ScriptEvaluateAsync(
                    MoveGraphScript,
                    [RedisKeys.Definition(name), key],
                    [experiment.CreatedAt, head.ToString(), RedisKeys.Prefix(name), KeptMilliseconds],
                    CommandFlags.NoScriptCache).ConfigureAwait(false);
                if (outcome < 0)
                    throw new StoreUnavailableException("Redis lost the graph while it was stored; put it again.");
                if (outcome > 0)
                    await IndexAsync(name, add: true).ConfigureAwait(false);
                return outcome > 0;
            },
            cancellationToken).ConfigureAwait(false);
        if (moved)
            Remember(experiment, plan);
        return moved;
    }

    /// <inheritdoc/>
    public async Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, GraphHead head, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(head);
        var blob = (byte[]?)await RedisConnection.TryAsync(
            () => redis.Blobs.StringGetAsync(RedisKeys.Graph(experiment, head)), cancellationToken).ConfigureAwait(false);
        if (blob is null)
            return null;
        lock (_lock)
        {
            if (GraphPlanCodec.IsIntact(blob, head.Checksum))
                _plans[experiment] = (head, blob);
        }
        return blob;
    }

    /// <inheritdoc/>
    public async Task<long> WaitForChangeAsync(long seen, CancellationToken cancellationToken)
    {
        var now = await RevisionAsync(seen, cancellationToken).ConfigureAwait(false);
        if (now != seen)
            return now;
        await _bells.WaitAsync(RedisKeys.ExperimentsBell, cancellationToken).ConfigureAwait(false);
        return await RevisionAsync(seen, cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> RevisionAsync(long seen, CancellationToken cancellationToken)
    {
        try
        {
            // An empty store has revision 0, which differs from anything that was seen of a filled one, so the caller lists and heals it.
            var revision = await RedisConnection.TryAsync(
                () => redis.Commands.HashGetAsync(RedisKeys.Experiments, RevisionField), cancellationToken).ConfigureAwait(false);
            return revision.TryParse(out long value) ? value : 0;
        }
        catch (StoreUnavailableException)
        {
            // Nothing is known to have changed. The wait below keeps this from becoming a busy loop.
            return seen;
        }
    }

    private async Task<Index> IndexAsync(CancellationToken cancellationToken)
    {
        var fields = await RedisConnection.TryAsync(() => redis.Commands.HashGetAllAsync(RedisKeys.Experiments), cancellationToken).ConfigureAwait(false);
        string? store = null;
        var revision = 0L;
        var names = new List<string>(fields.Length);
        foreach (var field in fields)
        {
            if (field.Name == StoreField)
                store = field.Value;
            else if (field.Name == RevisionField)
                revision = field.Value.TryParse(out long value) ? value : 0;
            else
                names.Add(field.Name.ToString());
        }
        names.Sort(StringComparer.Ordinal);
        return new Index(store, revision, names);
    }

    /// <summary>Whether the store has lost its data since it was last read.</summary>
    private bool IsAnother(Index index)
    {
        lock (_lock)
            return _store is not null && (_store != index.Store || index.Revision < _revision);
    }

    /// <summary>Puts back, where absent, what this process knows.</summary>
    private async Task<Index> PutBackAsync(Index index, CancellationToken cancellationToken)
    {
        List<Experiment> forgotten;
        List<(string Name, GraphHead Head, ReadOnlyMemory<byte> Blob)> plans;
        lock (_lock)
        {
            forgotten = [.. _known.Values.Where(experiment => !index.Names.Contains(experiment.Name))];
            plans = [.. _plans.Select(static plan => (plan.Key, plan.Value.Head, plan.Value.Blob))];
        }
        // The plans first: whoever hears of an experiment looks for its plan at once. Somebody who has none may have put back the experiment already.
        foreach (var (name, head, blob) in plans)
        {
            await RedisConnection.TryAsync(
                () => redis.Blobs.StringSetAsync(RedisKeys.Graph(name, head), blob, redis.Options.ReplacedParametersKept, When.NotExists), cancellationToken).ConfigureAwait(false);
        }
        var count = 0;
        foreach (var experiment in forgotten)
            count += await WriteAsync(experiment, replace: false, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        if (forgotten.Count > 0)
            log.ExperimentsPutBack(count);
        foreach (var (name, head, _) in plans)
        {
            // What no experiment refers to goes away by itself.
            await RedisConnection.TryAsync(
                () => redis.Commands.ScriptEvaluateAsync(
                    "if redis.call('HGET', KEYS[1], 'graph') == ARGV[1] then return redis.call('PERSIST', KEYS[2]) else return 0 end",
                    [RedisKeys.Definition(name), RedisKeys.Graph(name, head)], [head.ToString()], CommandFlags.NoScriptCache),
                cancellationToken).ConfigureAwait(false);
        }
        return await IndexAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Remember(Experiment experiment, ReadOnlyMemory<byte> plan)
    {
        lock (_lock)
        {
            _plans[experiment.Name] = (experiment.Graph, plan);
            if (_known.TryGetValue(experiment.Name, out var known))
                _known[experiment.Name] = known with { Graph = experiment.Graph };
        }
    }

    private void Remember(Index index, List<Experiment> experiments)
    {
        lock (_lock)
        {
            (_store, _revision) = (index.Store ?? _store, index.Revision);
            _known.Clear();
            foreach (var experiment in experiments)
                _known[experiment.Name] = experiment;
            foreach (var name in _plans.Keys.Where(name => !_known.TryGetValue(name, out var known) || !known.Graph.HasPlan).ToList())
                _plans.Remove(name);
        }
    }

    private long KeptMilliseconds => (long)redis.Options.ReplacedParametersKept.TotalMilliseconds;

    private Task<bool> WriteAsync(Experiment experiment, bool replace, CancellationToken cancellationToken) => RedisConnection.TryAsync(
        async () =>
        {
            var wrote = (bool)await redis.Blobs.ScriptEvaluateAsync(
                PutScript,
                [RedisKeys.Definition(experiment.Name)],
                [
                    replace ? "1" : "0", experiment.Definition.Json, experiment.CreatedAt, experiment.Graph.ToString(), RedisKeys.Prefix(experiment.Name), KeptMilliseconds,
                ],
                CommandFlags.NoScriptCache).ConfigureAwait(false);
            // Listed only once it is there. If this fails the caller hears of it and writes again.
            await IndexAsync(experiment.Name, add: true).ConfigureAwait(false);
            return wrote;
        },
        cancellationToken);

    private async Task<bool> IndexAsync(string name, bool add) => (bool)await redis.Commands.ScriptEvaluateAsync(
        IndexScript,
        [RedisKeys.Experiments],
        [name, Guid.NewGuid().ToString("N"), add ? "1" : "0", RedisKeys.ExperimentsBell],
        CommandFlags.NoScriptCache).ConfigureAwait(false);

    private Experiment? Read(string name, RedisValue[] fields)
    {
        // Deleted between the list and the look.
        if (fields[0].IsNull)
            return null;
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(fields[0].ToString()), errors);
        if (definition is null)
            return Refuse(name, string.Join(" ", errors.Select(static e => $"{e.Key}: {e.Value}")));
        if (!fields[1].TryParse(out long createdAt))
            return Refuse(name, "it has no creation time.");
        return fields[2].IsNull ? new Experiment(name, definition, createdAt, GraphHead.Unversioned((byte[]?)fields[3] is { Length: >= 4 } old ? BitConverter.ToInt32(old) : 0))
            : GraphHead.Parse(fields[2].ToString()) is { } head ? new Experiment(name, definition, createdAt, head)
            : Refuse(name, "what it says about its graph is damaged.");
    }

    private Experiment? Refuse(string name, string reason)
    {
        bool first;
        lock (_lock)
        {
            if (_refused.Count >= RefusedMax)
                _refused.Clear();
            first = _refused.Add($"{name}: {reason}");
        }
        if (first)
            log.ExperimentRefused(name, reason);
        return null;
    }

    private sealed record Index(string? Store, long Revision, List<string> Names);
}
