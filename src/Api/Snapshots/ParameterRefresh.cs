using Recsys.Api.Telemetry;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Snapshots;

/// <summary>
/// Keeps the parameters of one experiment fresh: fetches the shards that moved, verifies them completely, assembles the next policy beside the
/// serving one and swaps. Whatever cannot be verified is refused and the last good policy stays. Used by one loop at a time.
/// </summary>
public sealed class ParameterRefresh(
    Experiment experiment, PolicySlot slot, ISnapshotReader store, ApiMetrics.ForExperiment metrics, TimeProvider clock, ILogger log)
{
    /// <summary>A blob can be replaced between reading its head and fetching it; twice in a row is bad luck, more is a fault.</summary>
    private const int HeadReadsMax = 3;

    private readonly PolicySpec _spec = experiment.Definition.Policy;
    private readonly IPolicyKind _kind = PolicyCatalog.Find(experiment.Definition.Policy.Kind);
    private Dictionary<int, Shard> _shards = [];
    private readonly Dictionary<int, ShardHead> _refused = [];
    private bool _refusedForDefinition;

    private sealed record Shard(ShardHead Head, PolicyShard Content);

    /// <summary>Takes over what an earlier definition with the same fingerprint had fetched; only what acts when serving has changed.</summary>
    public void TakeOver(ParameterRefresh earlier)
    {
        if (earlier._spec.Fingerprint != _spec.Fingerprint)
        {
            if (earlier._shards.Count > 0)
                slot.Current = ServingState.Outdated;
            return;
        }
        _shards = new Dictionary<int, Shard>(earlier._shards);
        if (_shards.Count > 0)
            Serve(_kind.Assemble(_spec, Contents(_shards)));
    }

    /// <summary>Looks once.</summary>
    /// <returns>Whether new parameters were put into service.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached; what is served stays.</exception>
    public async Task<bool> RefreshAsync(CancellationToken cancellationToken)
    {
        var next = new Dictionary<int, Shard>(_shards);
        var moved = new List<Shard>();
        for (var reads = 0; reads < HeadReadsMax; reads++)
        {
            var replaced = false;
            foreach (var head in await store.HeadsAsync(experiment.Name, cancellationToken))
            {
                if (next.TryGetValue(head.Partition, out var known) && !IsNewer(head, known.Head))
                {
                    if (head.Epoch == known.Head.Epoch && head.Interactions == known.Head.Interactions && head.AsOf > known.Head.AsOf)
                        next[head.Partition] = known with { Head = head };
                    continue;
                }
                if (_refused.TryGetValue(head.Partition, out var refused) && refused.Epoch == head.Epoch && refused.Interactions == head.Interactions)
                    continue;
                if (await store.FetchAsync(experiment.Name, head, cancellationToken) is not { } framed)
                    replaced = true;
                else if (Verify(head, framed) is { } shard)
                    moved.Add(new Shard(head, shard));
            }
            foreach (var shard in moved)
                next[shard.Head.Partition] = shard;
            if (!replaced)
                break;
        }
        return moved.Count > 0 ? Install(next, moved) : Touch(next);
    }

    private static bool IsNewer(in ShardHead head, in ShardHead than) =>
        head.Epoch > than.Epoch || (head.Epoch == than.Epoch && head.Interactions > than.Interactions);

    private PolicyShard? Verify(in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        try
        {
            var header = SnapshotFraming.Open(framed, _spec.Fingerprint, out var payload);
            if (header.Partition != head.Partition || header.Epoch != head.Epoch || header.Interactions != head.Interactions)
                throw new SnapshotFormatException($"The frame is of partition {header.Partition} ({header.Epoch}, {header.Interactions}).");
            return new PolicyShard(head.Partition, head.Interactions, payload);
        }
        catch (SnapshotFormatException problem)
        {
            Refuse(head, problem, otherDefinition: problem is SnapshotMismatchException);
            return null;
        }
    }

    private bool Install(Dictionary<int, Shard> next, List<Shard> moved)
    {
        try
        {
            var policy = _kind.Assemble(_spec, Contents(next), slot.Current.Policy);
            _shards = next;
            Serve(policy);
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
            Refuse(moved[0].Head, problem, otherDefinition: false);
            return false;
        }
    }

    private bool Touch(Dictionary<int, Shard> next)
    {
        _shards = next;
        var current = slot.Current;
        if (current.Policy is not null && AsOf() is var asOf && asOf != current.AsOf)
            slot.Current = current with { AsOf = asOf };
        if (current.Policy is null && _refusedForDefinition)
            slot.Current = ServingState.Outdated;
        return false;
    }

    private void Serve(IPolicy policy)
    {
        if (slot.Current.Policy is null)
            log.FirstParameters(experiment.Name, policy.Descriptor.Kind, policy.Descriptor.Version);
        slot.Current = new ServingState(policy, AsOf(), null);
        metrics.Applied.Set(clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        metrics.AppliedVersion.Set(policy.Descriptor.Version);
    }

    private long AsOf() => _shards.Values.Min(static s => s.Head.AsOf);

    private void Refuse(in ShardHead head, SnapshotFormatException problem, bool otherDefinition)
    {
        _refused[head.Partition] = head;
        _refusedForDefinition |= otherDefinition;
        (otherDefinition ? metrics.OtherDefinition : metrics.Corrupt).Inc();
        // After a new definition this is the rule until the learner has followed it.
        if (otherDefinition)
            log.ParametersOutdated(experiment.Name, head.Partition, problem.Message);
        else
            log.ParametersRefused(experiment.Name, head.Partition, head.Epoch, head.Interactions, problem.Message);
    }

    private static List<PolicyShard> Contents(Dictionary<int, Shard> shards) => [.. shards.Values.Select(static s => s.Content).OrderBy(static s => s.Partition)];
}
