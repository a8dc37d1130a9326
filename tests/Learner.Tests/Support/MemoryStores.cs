using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Learner.Tests.Support;

/// <summary>Checkpoints and parameters in memory, fenced as the contract says; can be away, and dies before or after every effect.</summary>
public sealed class MemoryStores : ICheckpointStore, ISnapshotWriter
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string, int), long> _epochs = [];

    public Killer Killer { get; set; } = new();

    public bool Away { get; set; }

    public Dictionary<(string Experiment, int Partition), byte[]> Checkpoints { get; } = [];

    public Dictionary<(string Experiment, int Partition), (ShardHead Head, byte[] Framed)> Heads { get; } = [];

    /// <summary>Deltas that lead from the whole parameters in <see cref="Heads"/> to their head, in order.</summary>
    public Dictionary<(string Experiment, int Partition), List<byte[]>> Deltas { get; } = [];

    public List<ShardHead> Publications { get; } = [];

    /// <summary>Those of <see cref="Publications"/> that were deltas.</summary>
    public List<ShardHead> DeltaPublications { get; } = [];

    /// <summary>Whether the answer to a publication gets lost: the store does what it is told, and its writer is told that it is away. Given whether it is a delta.</summary>
    public Predicate<bool> LosesAnswer { get; set; } = static _ => false;

    public List<ShardHead> Touches { get; } = [];

    public int Saves { get; private set; }

    public long AcquireEpoch(string experiment, int partition) => Effect(() =>
        _epochs[(experiment, partition)] = _epochs.GetValueOrDefault((experiment, partition)) + 1);

    public byte[]? Load(string experiment, int partition) => Effect(() => Checkpoints.GetValueOrDefault((experiment, partition)));

    public bool Save(string experiment, int partition, long epoch, ReadOnlyMemory<byte> checkpoint) => Effect(() =>
    {
        if (_epochs[(experiment, partition)] != epoch)
            return false;
        Checkpoints[(experiment, partition)] = checkpoint.ToArray();
        Saves++;
        return true;
    });

    public SnapshotOutcome Publish(string experiment, in ShardHead head, ReadOnlyMemory<byte> framed)
    {
        var given = head;
        return Effect(() =>
        {
            var key = (experiment, given.Partition);
            if (Heads.TryGetValue(key, out var current) && !given.IsAfter(current.Head) && !(given.IsVersionOf(current.Head) && current.Head.Base is not null))
                return SnapshotOutcome.Fenced;
            Heads[key] = (given, framed.ToArray());
            Deltas[key] = [];
            Publications.Add(given);
            return Answer(isDelta: false);
        });
    }

    public SnapshotOutcome PublishDelta(string experiment, in ShardHead head, long fromInteractions, ReadOnlyMemory<byte> framed)
    {
        var given = head;
        return Effect(() =>
        {
            var key = (experiment, given.Partition);
            if (!Heads.TryGetValue(key, out var current))
                return SnapshotOutcome.Missing;
            if (current.Head.Epoch > given.Epoch)
                return SnapshotOutcome.Fenced;
            if (current.Head.Epoch != given.Epoch || current.Head.Interactions != fromInteractions)
                return SnapshotOutcome.Missing;
            Heads[key] = (given with { Base = current.Head.Base ?? current.Head.Interactions }, current.Framed);
            Deltas[key].Add(framed.ToArray());
            Publications.Add(given);
            DeltaPublications.Add(given);
            return Answer(isDelta: true);
        });
    }

    /// <summary>What a reader makes of what is published of a partition.</summary>
    public IPolicy Assemble(IDeltaKind kind, PolicySpec spec, string experiment, int partition)
    {
        var (head, framed) = Heads[(experiment, partition)];
        SnapshotFraming.Open(framed, spec.Fingerprint, out var whole);
        var policy = kind.Assemble(spec, [new PolicyShard(partition, head.Base ?? head.Interactions, whole)]);
        return kind.Apply(spec, policy, [.. Deltas[(experiment, partition)].Select(delta =>
        {
            var header = SnapshotFraming.OpenDelta(delta, spec.Fingerprint, out var payload);
            return new PolicyShard(partition, header.Shard.Interactions, payload);
        })]);
    }

    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        var given = head;
        return Effect(() =>
        {
            if (!Heads.TryGetValue((experiment, given.Partition), out var current)
                || !given.IsVersionOf(current.Head))
                return SnapshotOutcome.Fenced;
            Heads[(experiment, given.Partition)] = (given with { Base = current.Head.Base }, current.Framed);
            Touches.Add(given);
            return SnapshotOutcome.Published;
        });
    }

    private SnapshotOutcome Answer(bool isDelta) =>
        LosesAnswer(isDelta) ? throw new StoreUnavailableException("The answer was lost.") : SnapshotOutcome.Published;

    private T Effect<T>(Func<T> effect)
    {
        lock (_gate)
        {
            Killer.Step();
            if (Away)
                throw new StoreUnavailableException("The store is away.");
            var result = effect();
            Killer.Step();
            return result;
        }
    }
}
