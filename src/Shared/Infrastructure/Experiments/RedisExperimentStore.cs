using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Experiments;

/// <summary>Experiments in Redis: one hash per experiment, and one hash of their names with the revision.</summary>
/// <remarks>
/// A Redis that restarts without its data says so by its store id. Every process then puts back, where absent, what it knew: serving and learning go on
/// as before. A change within a quarter of a second before the loss may be undone by a process that had not heard of it. The revision follows
/// the clock, so that it goes on rising after such a restart.
/// </remarks>
public sealed class RedisExperimentStore(RedisConnection redis, ILogger<RedisExperimentStore> log) : IExperimentStore
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

    // ARGV: "1" to replace or "0" to keep what is there, json, createdAt, centroids. Returns whether it wrote.
    private const string PutScript = """
        if ARGV[1] == '0' and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'json', ARGV[2], 'createdAt', ARGV[3], 'centroids', ARGV[4])
        return 1
        """;

    // Everything of the experiment, in one step. The epochs stay for an hour, raised by one: a learner that has not yet heard of the deletion is
    // refused from now on and cannot bring anything back. Names are built from what the hashes say; they share the slot of the declared keys.
    private const string ForgetScript = """
        local partitions = {}
        for _, p in ipairs(redis.call('HKEYS', KEYS[2])) do partitions[p] = true end
        for _, p in ipairs(redis.call('HKEYS', KEYS[3])) do partitions[p] = true end
        for p in pairs(partitions) do
          local head = redis.call('HGET', KEYS[3], p)
          local e, i, b = string.match(head or '', '^(%d+),(%d+),%-?%d+,?(%d*)')
          if e then
            local name, piece = ARGV[1] .. 'params:' .. p .. ':' .. e .. '-' .. (b ~= '' and b or i), 0
            redis.call('DEL', name)
            repeat piece = piece + 1 until redis.call('DEL', name .. ':' .. piece) == 0
          end
          redis.call('DEL', ARGV[1] .. 'checkpoint:' .. p, ARGV[1] .. 'deltas:' .. p)
          redis.call('HINCRBY', KEYS[2], p, 1)
        end
        redis.call('EXPIRE', KEYS[2], 3600)
        redis.call('DEL', KEYS[3])
        return redis.call('DEL', KEYS[1])
        """;

    private static readonly RedisValue[] DefinitionFields = ["json", "createdAt", "centroids"];

    // Said once for each bad definition, not at every change of any experiment; forgotten when there are suspiciously many.
    private const int RefusedMax = 1000;

    private readonly RedisBells _bells = new(redis);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Experiment> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
    private string? _store;
    private long _revision;

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    public async Task<IReadOnlyList<Experiment>> ListAsync(CancellationToken cancellationToken)
    {
        var index = await IndexAsync(cancellationToken).ConfigureAwait(false);
        if (HasForgotten(index) is { Count: > 0 } forgotten)
        {
            var count = 0;
            foreach (var experiment in forgotten)
                count += await WriteAsync(experiment, replace: false, cancellationToken).ConfigureAwait(false) ? 1 : 0;
            log.ExperimentsPutBack(count);
            index = await IndexAsync(cancellationToken).ConfigureAwait(false);
        }
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
                    [RedisKeys.Definition(name), RedisKeys.Epochs(name), RedisKeys.Current(name)],
                    [RedisKeys.Prefix(name)],
                    CommandFlags.NoScriptCache).ConfigureAwait(false);
                return listed || (bool)stored;
            },
            cancellationToken).ConfigureAwait(false);
        lock (_lock)
            _known.Remove(name);
        return existed;
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

    /// <summary>What this process knows and a store without its data does not; empty when the store is the one we know.</summary>
    private List<Experiment> HasForgotten(Index index)
    {
        lock (_lock)
        {
            if (_store is null || (_store == index.Store && index.Revision >= _revision))
                return [];
            return [.. _known.Values.Where(experiment => !index.Names.Contains(experiment.Name))];
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
        }
    }

    private Task<bool> WriteAsync(Experiment experiment, bool replace, CancellationToken cancellationToken) => RedisConnection.TryAsync(
        async () =>
        {
            var wrote = (bool)await redis.Blobs.ScriptEvaluateAsync(
                PutScript,
                [RedisKeys.Definition(experiment.Name)],
                [replace ? "1" : "0", experiment.Definition.Json, experiment.CreatedAt, WriteCentroids(experiment.Centroids)],
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
        return ReadCentroids((byte[]?)fields[2] ?? []) is { } centroids
            ? new Experiment(name, definition, createdAt, centroids)
            : Refuse(name, "its centroids are damaged; put them again.");
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

    /// <summary>Little-endian: count i32, length i32, then all numbers as f32, row by row.</summary>
    private static byte[] WriteCentroids(IReadOnlyList<float[]> centroids)
    {
        if (centroids.Count == 0)
            return [];
        var length = centroids[0].Length;
        var bytes = new byte[8 + 4 * length * centroids.Count];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, centroids.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), length);
        for (var i = 0; i < centroids.Count; i++)
            MemoryMarshal.AsBytes(centroids[i].AsSpan(0, length)).CopyTo(bytes.AsSpan(8 + 4 * length * i));
        return bytes;
    }

    private static List<float[]>? ReadCentroids(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
            return [];
        if (bytes.Length < 8)
            return null;
        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        if (count < 1 || length < 1 || bytes.Length - 8 != 4L * count * length)
            return null;
        var centroids = new List<float[]>(count);
        for (var i = 0; i < count; i++)
            centroids.Add(MemoryMarshal.Cast<byte, float>(bytes.Slice(8 + 4 * length * i, 4 * length)).ToArray());
        return centroids;
    }

    private sealed record Index(string? Store, long Revision, List<string> Names);
}
