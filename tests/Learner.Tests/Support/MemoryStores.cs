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

    public List<ShardHead> Publications { get; } = [];

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
            if (Heads.TryGetValue((experiment, given.Partition), out var current)
                && (given.Epoch, given.Interactions).CompareTo((current.Head.Epoch, current.Head.Interactions)) <= 0)
                return SnapshotOutcome.Fenced;
            Heads[(experiment, given.Partition)] = (given, framed.ToArray());
            Publications.Add(given);
            return SnapshotOutcome.Published;
        });
    }

    public SnapshotOutcome Touch(string experiment, in ShardHead head)
    {
        var given = head;
        return Effect(() =>
        {
            if (!Heads.TryGetValue((experiment, given.Partition), out var current)
                || (current.Head.Epoch, current.Head.Interactions) != (given.Epoch, given.Interactions))
                return SnapshotOutcome.Fenced;
            Heads[(experiment, given.Partition)] = (given, current.Framed);
            Touches.Add(given);
            return SnapshotOutcome.Published;
        });
    }

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
