using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Snapshots;

/// <summary>For kinds whose shards are published whole: keeps them, and assembles all when one has moved.</summary>
internal sealed class WholeRefresh(RefreshParts parts, IPolicyKind kind) : ParameterRefresh(parts)
{
    private Dictionary<int, Shard> _shards = [];
    private readonly Dictionary<int, ShardHead> _refused = [];

    private sealed record Shard(ShardHead Head, PolicyShard Content);

    /// <inheritdoc/>
    protected override bool HasParameters => _shards.Count > 0;

    /// <inheritdoc/>
    protected override void Continue(ParameterRefresh earlier)
    {
        _shards = new Dictionary<int, Shard>(((WholeRefresh)earlier)._shards);
        if (_shards.Count > 0)
            Serve(kind.Assemble(Spec, Contents(_shards)), AsOf());
    }

    /// <inheritdoc/>
    public override async Task<bool> RefreshAsync(CancellationToken cancellationToken)
    {
        var next = new Dictionary<int, Shard>(_shards);
        var moved = new List<Shard>();
        for (var reads = 0; reads < HeadReadsMax; reads++)
        {
            var replaced = false;
            foreach (var head in await Store.HeadsAsync(Name, cancellationToken))
            {
                if (next.TryGetValue(head.Partition, out var known) && !head.IsAfter(known.Head))
                {
                    if (head.IsVersionOf(known.Head) && head.AsOf > known.Head.AsOf)
                        next[head.Partition] = known with { Head = head };
                    continue;
                }
                if (_refused.TryGetValue(head.Partition, out var refused) && refused.IsVersionOf(head))
                    continue;
                if (await Store.FetchAsync(Name, head, null, cancellationToken) is not { Whole: { } framed } update)
                    replaced = true;
                else if (Verify(head, framed, update.Deltas.Count) is { } shard)
                    moved.Add(new Shard(head, shard));
            }
            foreach (var shard in moved)
                next[shard.Head.Partition] = shard;
            if (!replaced)
                break;
        }
        if (moved.Count > 0)
            return Install(next, moved);
        _shards = next;
        Touch(AsOf());
        return false;
    }

    private PolicyShard? Verify(in ShardHead head, ReadOnlyMemory<byte> framed, int deltas)
    {
        try
        {
            return deltas == 0 ? Open(head, framed) : throw new SnapshotFormatException($"There are deltas, and '{kind.Name}' knows none.");
        }
        catch (SnapshotFormatException problem)
        {
            RefuseShard(head, problem);
            return null;
        }
    }

    private bool Install(Dictionary<int, Shard> next, List<Shard> moved)
    {
        try
        {
            var policy = kind.Assemble(Spec, Contents(next), Serving);
            _shards = next;
            Serve(policy, AsOf());
            return true;
        }
        catch (SnapshotFormatException) when (moved.Count > 1)
        {
            // One bad shard must not hold the good ones back: try them one by one.
            var any = false;
            foreach (var shard in moved)
                any |= Install(new Dictionary<int, Shard>(_shards) { [shard.Head.Partition] = shard }, [shard]);
            return any;
        }
        catch (SnapshotFormatException problem)
        {
            RefuseShard(moved[0].Head, problem);
            return false;
        }
    }

    private void RefuseShard(in ShardHead head, SnapshotFormatException problem)
    {
        _refused[head.Partition] = head;
        Refuse(head, problem);
    }

    private long AsOf() => _shards.Count == 0 ? 0 : _shards.Values.Min(static s => s.Head.AsOf);

    private static List<PolicyShard> Contents(Dictionary<int, Shard> shards) => [.. shards.Values.Select(static s => s.Content).OrderBy(static s => s.Partition)];
}
