using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Snapshots;

/// <summary>
/// For kinds that learn from deltas: applies to the serving policy what its partitions have learned since, each delta once and in its place, and keeps no shard.
/// Where deltas do not lead on from what serves, all partitions are fetched whole and assembled anew.
/// </summary>
internal sealed class DeltaRefresh(RefreshParts parts, IDeltaKind kind) : ParameterRefresh(parts)
{
    /// <summary>Fetching everything, which took t, is not repeated before this many times t have passed: the takeover of many partitions costs a few rounds, and what
    /// cannot be had is not asked for all the time. As the learner does with what it publishes.</summary>
    private const int CostMultiple = 4;

    // Partitions whose next version cannot be reached by deltas from what serves.
    private readonly HashSet<int> _gaps = [];

    // Partitions of which something was refused, and the first base that does without it.
    private readonly Dictionary<int, (long Epoch, long Base)> _blocked = [];
    private volatile Picture? _picture;
    private long _assembled;
    private double _assemblyCost;

    /// <summary>What serves, and the versions that it is made of; immutable.</summary>
    private sealed record Picture(IPolicy Policy, IReadOnlyDictionary<int, ShardHead> Held)
    {
        public long AsOf => Held.Values.Min(static h => h.AsOf);
    }

    /// <summary>What a partition has learned since, verified as far as that goes without applying it.</summary>
    private sealed record Step(ShardHead Head, PolicyShard? Whole, List<PolicyShard> Deltas);

    /// <summary>The versions that serve, by partition.</summary>
    internal IReadOnlyDictionary<int, ShardHead> Serves => _picture?.Held ?? new Dictionary<int, ShardHead>();

    /// <inheritdoc/>
    protected override bool HasParameters => _picture is not null;

    /// <inheritdoc/>
    protected override void Continue(ParameterRefresh earlier)
    {
        if (((DeltaRefresh)earlier)._picture is not { } picture)
            return;
        // Nothing has been learned in between; what acts when serving may have changed.
        Install(kind.Apply(Spec, picture.Policy, []), picture.Held);
    }

    /// <inheritdoc/>
    public override async Task<bool> RefreshAsync(CancellationToken cancellationToken)
    {
        var any = false;
        for (var reads = 0; reads < HeadReadsMax; reads++)
        {
            var heads = await Store.HeadsAsync(Name, cancellationToken);
            var (steps, replaced) = await FollowAsync(heads, cancellationToken);
            any |= Apply(steps);
            if (!replaced && heads.Any(IsOutOfReach) && !IsTooSoon())
            {
                var (assembled, incomplete) = await AssembleAsync(heads, cancellationToken);
                any |= assembled;
                replaced = incomplete;
            }
            if (!replaced)
            {
                Keep(heads);
                break;
            }
        }
        Touch(_picture?.AsOf ?? 0);
        return any;
    }

    // Whether a head is ahead of what serves, and nothing of it was refused.
    private bool IsWanted(ShardHead head) =>
        (Held(head.Partition) is not { } held || head.IsAfter(held))
        && !(_blocked.TryGetValue(head.Partition, out var blocked) && (head.Epoch, head.Base ?? head.Interactions).CompareTo(blocked) < 0);

    private bool IsOutOfReach(ShardHead head) =>
        IsWanted(head) && (Held(head.Partition) is not { } held || held.Epoch != head.Epoch || _gaps.Contains(head.Partition));

    private bool IsTooSoon() => _assembled != 0 && Clock.GetElapsedTime(_assembled).TotalMilliseconds < CostMultiple * _assemblyCost;

    private ShardHead? Held(int partition) => _picture is { } picture && picture.Held.TryGetValue(partition, out var held) ? held : null;

    /// <summary>Fetches the deltas that lead on from what serves.</summary>
    private async Task<(List<Step> Steps, bool Replaced)> FollowAsync(IReadOnlyList<ShardHead> heads, CancellationToken cancellationToken)
    {
        var steps = new List<Step>();
        var replaced = false;
        foreach (var head in heads)
        {
            if (!IsWanted(head) || IsOutOfReach(head))
                continue;
            var held = Held(head.Partition)!.Value;
            var update = await Store.FetchAsync(Name, head, held.Interactions, cancellationToken);
            if (update is null)
                replaced = true;
            else if (update.Whole is not null)
                Gap(head.Partition);
            else if (Read(head, held.Interactions, update) is { } step)
                steps.Add(step);
            else
                Gap(head.Partition);
        }
        return (steps, replaced);
    }

    private void Gap(int partition)
    {
        if (_gaps.Add(partition))
            Metrics.Gaps.Inc();
    }

    private bool Apply(List<Step> steps)
    {
        if (steps.Count == 0)
            return false;
        var picture = _picture!;
        try
        {
            var deltas = steps.SelectMany(static s => s.Deltas).ToList();
            var policy = kind.Apply(Spec, picture.Policy, deltas);
            var held = new Dictionary<int, ShardHead>(picture.Held);
            foreach (var step in steps)
                held[step.Head.Partition] = step.Head;
            Install(policy, held);
            Metrics.Deltas.Inc(deltas.Count);
            return true;
        }
        catch (SnapshotFormatException) when (steps.Count > 1)
        {
            // One bad delta must not hold the other partitions back: try them one by one.
            var any = false;
            foreach (var step in steps)
                any |= Apply([step]);
            return any;
        }
        catch (SnapshotFormatException problem)
        {
            Refuse(steps[0].Head, problem);
            Gap(steps[0].Head.Partition);
            return false;
        }
    }

    /// <summary>Fetches all partitions whole, with the deltas since, and makes a new policy of them.</summary>
    private async Task<(bool Assembled, bool Incomplete)> AssembleAsync(IReadOnlyList<ShardHead> heads, CancellationToken cancellationToken)
    {
        // What serves must lose no partition, nor a version of one: where the store has less it stays, until the learners have published again.
        if (_picture is { } picture && !picture.Held.Values.All(held => heads.Any(h => h.Partition == held.Partition && !held.IsAfter(h))))
            return (false, Incomplete: false);
        var started = Clock.GetTimestamp();
        try
        {
            var steps = new List<Step>();
            // Those that gave rise to it come first: where they cannot be had, nothing else need be fetched.
            foreach (var head in heads.OrderByDescending(IsOutOfReach))
            {
                if (!IsWanted(head) && Held(head.Partition) is null)
                    continue;
                var update = await Store.FetchAsync(Name, head, null, cancellationToken);
                if (update is null)
                    return (false, Incomplete: true);
                if (Read(head, null, update) is { } step && (Held(head.Partition) is not { } held || !held.IsAfter(step.Head)))
                    steps.Add(step);
                else if (Held(head.Partition) is not null)
                    return (false, Incomplete: false);
            }
            return (Assemble(steps), Incomplete: false);
        }
        finally
        {
            _assembled = Clock.GetTimestamp();
            _assemblyCost = Clock.GetElapsedTime(started, _assembled).TotalMilliseconds;
        }
    }

    private bool Assemble(List<Step> steps)
    {
        if (steps.Count == 0 || (_picture is { } picture && !picture.Held.Keys.All(p => steps.Exists(s => s.Head.Partition == p))))
            return false;
        try
        {
            var policy = kind.Assemble(Spec, [.. steps.Select(static s => s.Whole!)], Serving);
            var deltas = steps.SelectMany(static s => s.Deltas).ToList();
            if (deltas.Count > 0)
                policy = kind.Apply(Spec, policy, deltas);
            Install(policy, steps.ToDictionary(static s => s.Head.Partition, static s => s.Head));
            _gaps.Clear();
            Metrics.Deltas.Inc(deltas.Count);
            return true;
        }
        catch (SnapshotFormatException) when (steps.Count > 1)
        {
            // One of them cannot be assembled; the others can, unless it is missed.
            return steps.RemoveAll(s => !IsUsable(s)) > 0 && Assemble(steps);
        }
        catch (SnapshotFormatException problem)
        {
            Block(steps[0].Head, (steps[0].Head.Base ?? steps[0].Head.Interactions) + 1, problem);
            return false;
        }
    }

    private bool IsUsable(Step step)
    {
        try
        {
            var policy = kind.Assemble(Spec, [step.Whole!]);
            if (step.Deltas.Count > 0)
                kind.Apply(Spec, policy, step.Deltas);
            return true;
        }
        catch (SnapshotFormatException problem)
        {
            Block(step.Head, (step.Head.Base ?? step.Head.Interactions) + 1, problem);
            return false;
        }
    }

    /// <summary>Opens what was fetched, as far as it can be read: from whole parameters that is at least those, else it is all or nothing.</summary>
    private Step? Read(ShardHead head, long? known, ShardUpdate update)
    {
        PolicyShard? whole = null;
        var deltas = new List<PolicyShard>(update.Deltas.Count);
        var version = known ?? head.Base ?? head.Interactions;
        try
        {
            if (known is null)
                whole = Open(head, update.Whole ?? throw new SnapshotFormatException("There are no whole parameters."));
        }
        catch (SnapshotFormatException problem)
        {
            Block(head, version + 1, problem);
            return null;
        }
        foreach (var framed in update.Deltas)
        {
            try
            {
                var header = SnapshotFraming.OpenDelta(framed, Spec.Fingerprint, out var payload);
                if (header.Shard.Partition != head.Partition || header.Shard.Epoch != head.Epoch || header.From != version)
                    throw new SnapshotFormatException($"The delta is of partition {header.Shard.Partition} ({header.Shard.Epoch}, {header.From}); {version} is due.");
                kind.VerifyDelta(Spec, payload.Span);
                deltas.Add(new PolicyShard(head.Partition, header.Shard.Interactions, payload));
                version = header.Shard.Interactions;
            }
            catch (SnapshotFormatException problem)
            {
                if (known is not null)
                {
                    // Perhaps it was damaged on the way: everything is fetched once more.
                    Refuse(head, problem);
                    return null;
                }
                // It is in the store like that. What leads up to it serves; its time is the head's, which is late by what is missing and moves on no more.
                Block(head, version + 1, problem);
                return new Step(head with { Interactions = version }, whole, deltas);
            }
        }
        return version == head.Interactions ? new Step(head, whole, deltas) : null;
    }

    // Nothing of this partition is of use before a base of the given version.
    private void Block(in ShardHead head, long from, SnapshotFormatException problem)
    {
        _blocked[head.Partition] = (head.Epoch, from);
        _gaps.Add(head.Partition);
        Refuse(head, problem);
    }

    // Where a head is what serves already, its time may have moved on.
    private void Keep(IReadOnlyList<ShardHead> heads)
    {
        if (_picture is not { } picture || !heads.Any(h => picture.Held.TryGetValue(h.Partition, out var held) && h.IsVersionOf(held) && h.AsOf > held.AsOf))
            return;
        var touched = new Dictionary<int, ShardHead>(picture.Held);
        foreach (var head in heads)
        {
            if (touched.TryGetValue(head.Partition, out var held) && head.IsVersionOf(held) && head.AsOf > held.AsOf)
                touched[head.Partition] = head;
        }
        _picture = picture with { Held = touched };
    }

    private void Install(IPolicy policy, IReadOnlyDictionary<int, ShardHead> held)
    {
        _picture = new Picture(policy, held);
        Serve(policy, _picture.AsOf);
    }
}
