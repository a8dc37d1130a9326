using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Checkpoints;

/// <summary>
/// Checkpoints in Redis. They are as durable as Redis is: switch on its append-only file. After a restart without one, a running learner goes on and
/// writes its next checkpoint; one that starts then learns again from the retained log.
/// </summary>
public sealed class RedisCheckpointStore(RedisConnection redis) : ICheckpointStore
{
    // Epochs never fall below the clock (milliseconds), so that they go on rising when Redis has forgotten the last one: readers refuse lower epochs.
    private const string AcquireScript = """
        local time = redis.call('TIME')
        local epoch = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
        epoch = math.max(epoch, tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') + 1)
        local head = redis.call('HGET', KEYS[2], ARGV[1])
        epoch = math.max(epoch, tonumber(string.match(head or '', '^%d+') or '0') + 1)
        local text = string.format('%.0f', epoch)
        redis.call('HSET', KEYS[1], ARGV[1], text)
        redis.call('PERSIST', KEYS[1])
        return text
        """;

    // 1 saved, 0 fenced, -1 the bytes are gone. A store that has forgotten the epoch takes the writer's.
    private const string SaveScript = """
        local epoch = redis.call('HGET', KEYS[1], ARGV[1])
        if epoch and tonumber(epoch) > tonumber(ARGV[2]) then
          redis.call('DEL', KEYS[2])
          return 0
        end
        if redis.call('PERSIST', KEYS[2]) == 0 then return -1 end
        redis.call('RENAME', KEYS[2], KEYS[3])
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        return 1
        """;

    private static readonly TimeSpan OnItsWayMax = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public long AcquireEpoch(string experiment, int partition) => RedisConnection.Try(() => (long)redis.Commands.ScriptEvaluate(
        AcquireScript, [RedisKeys.Epochs(experiment), RedisKeys.Current(experiment)], [partition], CommandFlags.NoScriptCache));

    /// <inheritdoc/>
    public byte[]? Load(string experiment, int partition) =>
        RedisConnection.Try(() => (byte[]?)redis.Blobs.StringGet(RedisKeys.Checkpoint(experiment, partition)));

    /// <inheritdoc/>
    public bool Save(string experiment, int partition, long epoch, ReadOnlyMemory<byte> checkpoint) => RedisConnection.Try(() =>
    {
        // The bytes travel by a plain SET under a name of their own, then a small script renames them: the server never copies them into a script.
        var onItsWay = RedisKeys.CheckpointOnItsWay(experiment, partition, epoch);
        redis.Blobs.StringSet(onItsWay, checkpoint, OnItsWayMax);
        var outcome = (int)redis.Blobs.ScriptEvaluate(
            SaveScript,
            [RedisKeys.Epochs(experiment), onItsWay, RedisKeys.Checkpoint(experiment, partition)],
            [partition, epoch],
            CommandFlags.NoScriptCache);
        return outcome >= 0 ? outcome == 1 : throw new StoreUnavailableException("Redis lost the checkpoint while it was written. The old one stands, if any; save again.");
    });
}
