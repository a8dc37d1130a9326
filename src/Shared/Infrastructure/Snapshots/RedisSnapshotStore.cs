using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Snapshots;

/// <summary>
/// Parameters in Redis: each published blob under its own key and never changed, and one head per partition that a script moves forward by comparing
/// (epoch, interactions). Version and blob can therefore not disagree. Pub/sub is a hint; the head is the truth.
/// </summary>
/// <remarks>
/// Publishing the current head again succeeds: the answer to the first attempt may have been lost. A store that has come back empty takes any writer, so
/// readers compare epochs too. What was published last is kept in memory, one blob per partition, and put back when the head has vanished.
/// </remarks>
public sealed class RedisSnapshotStore(RedisConnection redis, ILogger<RedisSnapshotStore> log) : ISnapshotWriter, ISnapshotReader
{
    // 1 published, 0 fenced, -1 the blob is gone. The replaced blob stays a while for those who have just read its head.
    private const string PublishScript = """
        local epoch, interactions, asOf = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
        local tenure = redis.call('HGET', KEYS[1], ARGV[1])
        if tenure and epoch < tonumber(tenure) then return 0 end
        local head = redis.call('HGET', KEYS[2], ARGV[1])
        local replaced
        local e, i, a = string.match(head or '', '^(%d+),(%d+),(-?%d+)$')
        if e then
          local ce, ci = tonumber(e), tonumber(i)
          if epoch < ce or (epoch == ce and interactions < ci) then return 0 end
          if epoch > ce or interactions > ci then
            replaced = ARGV[6] .. ARGV[1] .. ':' .. e .. '-' .. i
          elseif tonumber(a) > asOf then
            asOf = tonumber(a)
          end
        end
        if redis.call('EXISTS', KEYS[3]) == 0 then return -1 end
        redis.call('PERSIST', KEYS[3])
        redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ',' .. ARGV[3] .. ',' .. string.format('%.0f', asOf))
        if replaced then redis.call('PEXPIRE', replaced, ARGV[5]) end
        redis.call('PUBLISH', ARGV[7], ARGV[1])
        return 1
        """;

    // 1 moved, 0 fenced, -1 the head or its blob has vanished.
    private const string TouchScript = """
        local tenure = redis.call('HGET', KEYS[1], ARGV[1])
        if tenure and tonumber(ARGV[2]) < tonumber(tenure) then return 0 end
        local head = redis.call('HGET', KEYS[2], ARGV[1])
        local e, i, a = string.match(head or '', '^(%d+),(%d+),(-?%d+)$')
        if not e then return -1 end
        if e ~= ARGV[2] or i ~= ARGV[3] then return 0 end
        if redis.call('EXISTS', KEYS[3]) == 0 then return -1 end
        if tonumber(ARGV[4]) > tonumber(a) then redis.call('HSET', KEYS[2], ARGV[1], e .. ',' .. i .. ',' .. ARGV[4]) end
        return 1
        """;

    private readonly RedisBells _bells = new(redis);
    private readonly ConcurrentDictionary<(string Experiment, int Partition), (ShardHead Head, ReadOnlyMemory<byte> Framed)> _published = new();

    /// <inheritdoc/>
    public SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        var given = head;
        return RedisConnection.Try(() =>
        {
            var key = RedisKeys.Parameters(experiment, given.Partition, given.Epoch, given.Interactions);
            // Until the head points to it the blob is on trial, and goes away by itself if its writer is refused or dies here. What exists under
            // this name already is the same: parameters are immutable.
            redis.Blobs.StringSet(key, framed, redis.Options.ReplacedParametersKept, When.NotExists);
            var outcome = (int)redis.Commands.ScriptEvaluate(
                PublishScript,
                [RedisKeys.Epochs(experiment), RedisKeys.Current(experiment), key],
                [
                    given.Partition, given.Epoch, given.Interactions, given.AsOf, (long)redis.Options.ReplacedParametersKept.TotalMilliseconds,
                    RedisKeys.Prefix(experiment) + "params:", RedisKeys.Bell(experiment),
                ],
                CommandFlags.NoScriptCache);
            switch (outcome)
            {
                case 1:
                    _published[(experiment, given.Partition)] = (given, framed);
                    return SnapshotOutcome.Published;
                case 0:
                    _published.TryRemove((experiment, given.Partition), out _);
                    return SnapshotOutcome.Fenced;
                default:
                    throw new StoreUnavailableException("Redis lost the parameters while they were published; publish them again.");
            }
        });
    }

    /// <inheritdoc/>
    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        var given = head;
        var key = RedisKeys.Parameters(experiment, given.Partition, given.Epoch, given.Interactions);
        var outcome = RedisConnection.Try(() => (int)redis.Commands.ScriptEvaluate(
            TouchScript,
            [RedisKeys.Epochs(experiment), RedisKeys.Current(experiment), key],
            [given.Partition, given.Epoch, given.Interactions, given.AsOf],
            CommandFlags.NoScriptCache));
        if (outcome == 1)
            return SnapshotOutcome.Published;
        if (outcome < 0 && _published.TryGetValue((experiment, given.Partition), out var last) && last.Head.Epoch == given.Epoch
            && last.Head.Interactions == given.Interactions)
        {
            log.ParametersPutBack(experiment, given.Partition);
            return Publish(experiment, given, last.Framed);
        }
        _published.TryRemove((experiment, given.Partition), out _);
        return SnapshotOutcome.Fenced;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken)
    {
        var fields = await RedisConnection.TryAsync(() => redis.Commands.HashGetAllAsync(RedisKeys.Current(experiment)), cancellationToken).ConfigureAwait(false);
        var heads = new List<ShardHead>(fields.Length);
        foreach (var field in fields)
        {
            // Whoever writes something else there is no learner of ours; an unreadable head is no head.
            if (Read(field.Name, field.Value) is { } head)
                heads.Add(head);
        }
        heads.Sort(static (a, b) => a.Partition.CompareTo(b.Partition));
        return heads;
    }

    /// <inheritdoc/>
    public async Task<ReadOnlyMemory<byte>?> FetchAsync(string experiment, ShardHead head, CancellationToken cancellationToken)
    {
        var key = RedisKeys.Parameters(experiment, head.Partition, head.Epoch, head.Interactions);
        var framed = (byte[]?)await RedisConnection.TryAsync(() => redis.Blobs.StringGetAsync(key), cancellationToken).ConfigureAwait(false);
        // The cast matters: a bare null would become an empty memory.
        return framed is null ? (ReadOnlyMemory<byte>?)null : framed;
    }

    /// <inheritdoc/>
    public Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken) =>
        _bells.WaitAsync(RedisKeys.Bell(experiment), cancellationToken);

    private static ShardHead? Read(RedisValue partition, RedisValue value)
    {
        var parts = value.ToString().Split(',');
        return parts.Length == 3
            && int.TryParse(partition.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var p)
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var interactions)
            && long.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var asOf)
            ? new ShardHead(p, epoch, interactions, asOf)
            : null;
    }
}
