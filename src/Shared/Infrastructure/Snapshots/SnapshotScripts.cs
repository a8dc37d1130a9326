namespace Recsys.Infrastructure.Snapshots;

/// <summary>
/// What must happen in one step in Redis. Keys: epochs, current, deltas of the partition. First arguments: partition, epoch, interactions, as-of, what the names
/// of its whole parameters begin with, length of a full piece.
/// </summary>
/// <remarks>
/// Names of whole parameters follow from the head, so scripts build them; they share the slot of the declared keys. Numbers go through Lua's doubles, exact up to
/// 2^53: epochs are milliseconds of a clock.
/// </remarks>
internal static class SnapshotScripts
{
    /// <summary>
    /// A head taken apart (e epoch, i interactions, a as-of, b base, n length of the stream), the keys of whole parameters (nil unless all are there), and whether
    /// all that leads to the head is there. The length tells of any entry that was trimmed, deleted or evicted.
    /// </summary>
    private const string Common = """
        local e, i, a, b, n = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+),(%d+),(-?%d+),?(%d*),?(%d*)$')
        local base = b ~= '' and b or i
        local function pieces(name)
          local keys, key = {}, name
          while redis.call('STRLEN', key) == tonumber(ARGV[6]) do
            keys[#keys + 1] = key
            key = name .. ':' .. #keys
          end
          if redis.call('EXISTS', key) == 0 then return nil end
          keys[#keys + 1] = key
          return keys
        end
        local function complete()
          return pieces(ARGV[5] .. e .. '-' .. base) and (b == '' or redis.call('XLEN', KEYS[3]) == tonumber(n))
        end
        local tenure = redis.call('HGET', KEYS[1], ARGV[1])
        if tenure and tonumber(ARGV[2]) < tonumber(tenure) then return 0 end

        """;

    /// <summary>
    /// Further arguments: how long replaced parameters stay, bell. 1 published, 0 fenced, -1 the whole parameters are gone. What is replaced stays a while for those
    /// who have just read its head: whole parameters for a time, deltas until the base is replaced again.
    /// </summary>
    public const string Publish = Common + """
        local epoch, interactions, asOf = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
        local replaced
        if e then
          local ce, ci = tonumber(e), tonumber(i)
          if epoch < ce or (epoch == ce and interactions < ci) then return 0 end
          if epoch > ce or interactions > tonumber(base) then replaced = e .. '-' .. base end
          if epoch == ce and interactions == ci and tonumber(a) > tonumber(asOf) then asOf = a end
        end
        local keys = pieces(ARGV[5] .. ARGV[2] .. '-' .. ARGV[3])
        if not keys then return -1 end
        for _, key in ipairs(keys) do redis.call('PERSIST', key) end
        redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ',' .. ARGV[3] .. ',' .. asOf)
        if replaced then
          for _, key in ipairs(pieces(ARGV[5] .. replaced) or {}) do redis.call('PEXPIRE', key, ARGV[7]) end
          redis.pcall('XTRIM', KEYS[3], 'MINID', replaced)
        end
        redis.call('PUBLISH', ARGV[8], ARGV[1])
        return 1
        """;

    /// <summary>
    /// Further arguments: version that the delta starts from, delta, bell. 1 published, 0 fenced, -1 the head is another version, or what leads to it is not there.
    /// A stream that knows a later version than its head is from another past of the store and thrown away.
    /// </summary>
    public const string PublishDelta = Common + """
        if not e then return -1 end
        if tonumber(e) > tonumber(ARGV[2]) then return 0 end
        if e ~= ARGV[2] or i ~= ARGV[7] or not complete() then return -1 end
        local added = redis.pcall('XADD', KEYS[3], ARGV[2] .. '-' .. ARGV[3], 'f', ARGV[7], 'd', ARGV[8])
        if type(added) == 'table' and added.err then
          if string.find(added.err, 'equal or smaller', 1, true) then
            redis.call('DEL', KEYS[3])
            return -1
          end
          if string.find(string.lower(added.err), 'unknown', 1, true) then return -1 end
          return added
        end
        local asOf = tonumber(a) > tonumber(ARGV[4]) and a or ARGV[4]
        redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ',' .. ARGV[3] .. ',' .. asOf .. ',' .. base .. ',' .. redis.call('XLEN', KEYS[3]))
        redis.call('PUBLISH', ARGV[9], ARGV[1])
        return 1
        """;

    /// <summary>1 moved, 0 fenced, -1 the head or what leads to it has vanished.</summary>
    public const string Touch = Common + """
        if not e then return -1 end
        if e ~= ARGV[2] or i ~= ARGV[3] then return 0 end
        if not complete() then return -1 end
        if tonumber(ARGV[4]) > tonumber(a) then
          redis.call('HSET', KEYS[2], ARGV[1], e .. ',' .. i .. ',' .. ARGV[4] .. (b ~= '' and ',' .. b .. ',' .. n or ''))
        end
        return 1
        """;
}
