using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Snapshots;

/// <summary>
/// Parameters in Redis, or what else a channel carries: whole ones under a key of their own and never changed, deltas over them in a stream, and one head per partition that a script moves forward
/// by comparing (epoch, interactions). Version and content can therefore not disagree. Pub/sub is a hint; the head is the truth.
/// </summary>
/// <remarks>
/// Publishing the current head again succeeds: the answer to the first attempt may have been lost. A store that has come back empty takes any writer, so
/// readers compare epochs too. Whole parameters that were published last are kept in memory and put back when the head has vanished, unless they are large or deltas
/// followed them: then the writer hears <see cref="SnapshotOutcome.Missing"/>. Deltas need a server that has streams; one that has none answers that to each.
/// </remarks>
public sealed class RedisSnapshotStore(
    RedisConnection redis, ILogger<RedisSnapshotStore> log, SnapshotChannel channel = SnapshotChannel.Parameters) : ISnapshotWriter, ISnapshotReader
{
    // A string in Redis ends at 512 MiB, and ten million edges are 440 MB. A piece of 64 MiB also passes within the time that a blob may take.
    private const int DefaultPieceBytes = 64 << 20;

    // Entries of a stream that are read at once; those who follow read one or two, those who start read as many as the base is large.
    private const int DeltasAtOnce = 16;

    private readonly RedisBells _bells = new(redis);
    private readonly ConcurrentDictionary<(string Experiment, int Partition), (ShardHead Head, ReadOnlyMemory<byte> Framed)> _published = new();

    /// <summary>Length of a full piece; readers and writers must agree, so it is only ever changed by tests.</summary>
    internal int PieceBytes { get; init; } = DefaultPieceBytes;

    /// <inheritdoc/>
    public SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        var given = head;
        return RedisConnection.Try(() =>
        {
            // Until the head points to it the blob is on trial, and goes away by itself if its writer is refused or dies here. What exists under
            // this name already is the same: parameters are immutable.
            var last = framed.Length / PieceBytes;
            var onTrial = redis.Options.ReplacedParametersKept + last * redis.Options.BlobTimeout;
            for (var piece = 0; piece <= last; piece++)
            {
                var start = piece * PieceBytes;
                var key = RedisKeys.Parameters(experiment, channel, given.Partition, given.Epoch, given.Interactions, piece);
                redis.Blobs.StringSet(key, framed.Slice(start, Math.Min(PieceBytes, framed.Length - start)), onTrial, When.NotExists);
            }
            var outcome = Run(
                redis.Commands, SnapshotScripts.Publish, experiment, given,
                (long)redis.Options.ReplacedParametersKept.TotalMilliseconds, RedisKeys.Bell(experiment, channel));
            if (outcome == SnapshotOutcome.Missing)
                throw new StoreUnavailableException("Redis lost the parameters while they were published; publish them again.");
            if (outcome == SnapshotOutcome.Published && last == 0)
                _published[(experiment, given.Partition)] = (given, framed);
            else
                _published.TryRemove((experiment, given.Partition), out _);
            return outcome;
        });
    }

    /// <inheritdoc/>
    public SnapshotOutcome PublishDelta(string experiment, in ShardHead head, long fromInteractions, ReadOnlyMemory<byte> framed)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fromInteractions, head.Interactions);
        var given = head;
        _published.TryRemove((experiment, given.Partition), out _);
        return RedisConnection.Try(() => Run(
            redis.Blobs, SnapshotScripts.PublishDelta, experiment, given, fromInteractions, framed, RedisKeys.Bell(experiment, channel)));
    }

    /// <inheritdoc/>
    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        var given = head;
        var outcome = RedisConnection.Try(() => Run(redis.Commands, SnapshotScripts.Touch, experiment, given));
        if (outcome == SnapshotOutcome.Published)
            return outcome;
        if (outcome == SnapshotOutcome.Missing && _published.TryGetValue((experiment, given.Partition), out var last) && last.Head.IsVersionOf(given))
        {
            log.ParametersPutBack(experiment, given.Partition);
            return Publish(experiment, given, last.Framed);
        }
        _published.TryRemove((experiment, given.Partition), out _);
        return outcome;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken)
    {
        var fields = await RedisConnection.TryAsync(() => redis.Commands.HashGetAllAsync(RedisKeys.Current(experiment, channel)), cancellationToken).ConfigureAwait(false);
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
    public async Task<ShardUpdate?> FetchAsync(string experiment, ShardHead head, long? known, CancellationToken cancellationToken)
    {
        if (known is { } version && await DeltasAsync(experiment, head, version, cancellationToken).ConfigureAwait(false) is { } since)
            return new ShardUpdate(null, since);
        // Deltas first: where one is missing there is no use in fetching a large base.
        var deltas = await DeltasAsync(experiment, head, head.Base ?? head.Interactions, cancellationToken).ConfigureAwait(false);
        if (deltas is null || await WholeAsync(experiment, head, cancellationToken).ConfigureAwait(false) is not { } whole)
            return null;
        return new ShardUpdate(whole, deltas);
    }

    /// <inheritdoc/>
    public Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken) =>
        _bells.WaitAsync(RedisKeys.Bell(experiment, channel), cancellationToken);

    private SnapshotOutcome Run(IDatabase database, string script, string experiment, in ShardHead head, params ReadOnlySpan<RedisValue> further)
    {
        RedisValue[] arguments =
        [
            head.Partition, head.Epoch, head.Interactions, head.AsOf,
            RedisKeys.ParametersOf(experiment, channel, head.Partition), PieceBytes, .. further,
        ];
        var answer = (int)database.ScriptEvaluate(
            script,
            [RedisKeys.Epochs(experiment), RedisKeys.Current(experiment, channel), RedisKeys.Deltas(experiment, channel, head.Partition)],
            arguments,
            CommandFlags.NoScriptCache);
        return answer switch { 1 => SnapshotOutcome.Published, 0 => SnapshotOutcome.Fenced, _ => SnapshotOutcome.Missing };
    }

    /// <summary>The deltas that lead from a version to a head, or null unless all are there.</summary>
    private async Task<List<ReadOnlyMemory<byte>>?> DeltasAsync(string experiment, ShardHead head, long from, CancellationToken cancellationToken)
    {
        var deltas = new List<ReadOnlyMemory<byte>>();
        while (from < head.Interactions)
        {
            var start = from;
            var entries = await RedisConnection.TryAsync(() => EntriesAsync(experiment, head, start + 1), cancellationToken).ConfigureAwait(false);
            foreach (var entry in entries)
            {
                if (!entry["f"].TryParse(out long starts) || starts != from || (byte[]?)entry["d"] is not { } delta || VersionOf(entry, head.Epoch) is not { } leads)
                    return null;
                deltas.Add(delta);
                from = leads;
            }
            if (entries.Length == 0)
                return null;
        }
        return from == head.Interactions ? deltas : null;
    }

    private async Task<StreamEntry[]> EntriesAsync(string experiment, ShardHead head, long first)
    {
        RedisValue Id(long interactions) => string.Create(CultureInfo.InvariantCulture, $"{head.Epoch}-{interactions}");
        try
        {
            return await redis.Blobs.StreamRangeAsync(
                RedisKeys.Deltas(experiment, channel, head.Partition), Id(first), Id(head.Interactions), DeltasAtOnce).ConfigureAwait(false);
        }
        catch (RedisServerException problem) when (problem.Message.Contains("unknown command", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }
    }

    private static long? VersionOf(in StreamEntry entry, long epoch)
    {
        var id = entry.Id.ToString();
        var dash = id.IndexOf('-', StringComparison.Ordinal);
        return dash > 0
            && long.TryParse(id.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var tenure) && tenure == epoch
            && long.TryParse(id.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var interactions)
            ? interactions
            : null;
    }

    /// <summary>The whole parameters that a head is or builds on, or null unless all pieces are there.</summary>
    private async Task<ReadOnlyMemory<byte>?> WholeAsync(string experiment, ShardHead head, CancellationToken cancellationToken)
    {
        RedisKey Key(int piece) => RedisKeys.Parameters(experiment, channel, head.Partition, head.Epoch, head.Base ?? head.Interactions, piece);
        Task<T> Ask<T>(Func<Task<T>> command) => RedisConnection.TryAsync(command, cancellationToken);
        var first = (byte[]?)await Ask(() => redis.Blobs.StringGetAsync(Key(0))).ConfigureAwait(false);
        // The cast matters: a bare null would become an empty memory.
        if (first is null || first.Length < PieceBytes)
            return first is null ? (ReadOnlyMemory<byte>?)null : first;
        // Lengths before contents, so that the whole is laid out once.
        var lengths = new List<long>();
        for (var length = (long)PieceBytes; length == PieceBytes; lengths.Add(length))
        {
            var key = Key(lengths.Count + 1);
            length = await Ask(() => redis.Commands.StringLengthAsync(key)).ConfigureAwait(false);
        }
        var framed = GC.AllocateUninitializedArray<byte>(checked(first.Length + (int)lengths.Sum()));
        first.CopyTo(framed, 0);
        var at = first.Length;
        for (var piece = 1; piece <= lengths.Count; piece++)
        {
            var key = Key(piece);
            using var part = await Ask(() => redis.Blobs.StringGetLeaseAsync(key)).ConfigureAwait(false);
            if (part is null || part.Length != lengths[piece - 1])
                return null;
            part.Span.CopyTo(framed.AsSpan(at));
            at += part.Length;
        }
        return framed;
    }

    private static ShardHead? Read(RedisValue partition, RedisValue value)
    {
        var parts = value.ToString().Split(',');
        if (parts.Length is not (3 or 5)
            || !int.TryParse(partition.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var p)
            || !Number(parts[0], out var epoch) || !Number(parts[1], out var interactions)
            || !long.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var asOf))
            return null;
        if (parts.Length == 3)
            return new ShardHead(p, epoch, interactions, asOf);
        return Number(parts[3], out var whole) && whole < interactions && Number(parts[4], out _) ? new ShardHead(p, epoch, interactions, asOf, whole) : null;
    }

    private static bool Number(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
