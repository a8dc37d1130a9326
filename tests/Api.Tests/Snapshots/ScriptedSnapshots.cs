using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Snapshots;
using Recsys.TestKit;

namespace Recsys.Api.Tests.Snapshots;

/// <summary>A store that holds what the test puts there, and answers as the test wants; it counts what is fetched.</summary>
public sealed class ScriptedSnapshots : ISnapshotReader
{
    private readonly SortedDictionary<int, Shard> _shards = [];

    /// <summary>What became of a fetch before its reader gets it.</summary>
    public Func<int, ShardUpdate?, ShardUpdate?> Answer { get; set; } = static (_, update) => update;

    /// <summary>Whole parameters that were fetched.</summary>
    public int WholesFetched { get; private set; }

    /// <summary>Fetches of any kind.</summary>
    public int Fetches { get; private set; }

    public Shard this[int partition] => _shards[partition];

    public void Put(Shard shard) => _shards[shard.Partition] = shard;

    public void Remove(int partition) => _shards.Remove(partition);

    public Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<ShardHead>>([.. _shards.Values.Select(static s => s.Head)]);

    public Task<ShardUpdate?> FetchAsync(string experiment, ShardHead head, long? known, CancellationToken cancellationToken)
    {
        Fetches++;
        var update = Answer(head.Partition, _shards[head.Partition].Fetch(known));
        WholesFetched += update?.Whole is null ? 0 : 1;
        return Task.FromResult(update);
    }

    public Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>What a learner publishes of one partition in one tenure: whole at first, then what changed.</summary>
public sealed class Shard(PolicySpec spec, int partition, long epoch = 1)
{
    private readonly SumTrainer _trainer = new();
    private readonly List<(long From, byte[] Framed)> _deltas = [];
    private byte[] _whole = [];
    private long _base = -1;
    private long _published;

    public int Partition => partition;

    public long AsOf { get; set; } = 1;

    public ShardHead Head => new(partition, epoch, _published, AsOf, _base == _published ? null : _base);

    /// <summary>Framed whole parameters, to be damaged.</summary>
    public byte[] WholeFramed => _whole;

    /// <summary>Framed deltas, to be damaged.</summary>
    public IReadOnlyList<byte[]> Deltas => [.. _deltas.Select(static d => d.Framed)];

    /// <summary>All that was learned.</summary>
    public PolicyShard Learned
    {
        get
        {
            var bytes = new ArrayBufferWriter<byte>();
            _trainer.WriteParameters(bytes);
            return new PolicyShard(partition, _trainer.Interactions, bytes.WrittenMemory);
        }
    }

    public Shard Learn(int count, int seed = 0)
    {
        for (var i = 0; i < count; i++)
        {
            var action = new ActionKey((ulong)((_trainer.Interactions * 31 + seed) % 11));
            _trainer.Learn([new Interaction(default(FeatureSet), action, default(FeatureSet), default, 1, (partition + _trainer.Interactions) % 5, 0)]);
        }
        return this;
    }

    /// <summary>Publishes everything.</summary>
    public Shard Whole()
    {
        _base = _published = _trainer.Interactions;
        _whole = SnapshotFraming.Frame(new SnapshotHeader(spec.Fingerprint, partition, epoch, _base), Learned.Parameters.Span);
        _trainer.MarkPublished();
        return this;
    }

    /// <summary>Publishes what changed.</summary>
    public Shard Delta(Func<byte[], byte[]>? payload = null)
    {
        var bytes = new ArrayBufferWriter<byte>();
        _trainer.TryWriteDelta(bytes);
        var written = bytes.WrittenSpan.ToArray();
        var header = new DeltaHeader(new SnapshotHeader(spec.Fingerprint, partition, epoch, _trainer.Interactions), _published);
        _deltas.Add((_published, SnapshotFraming.FrameDelta(header, payload is null ? written : payload(written))));
        _published = _trainer.Interactions;
        _trainer.MarkPublished();
        return this;
    }

    public ShardUpdate? Fetch(long? known)
    {
        List<ReadOnlyMemory<byte>>? From(long version)
        {
            var at = _deltas.FindIndex(d => d.From == version);
            return version == _published ? [] : at < 0 ? null : [.. _deltas[at..].Select(static d => (ReadOnlyMemory<byte>)d.Framed)];
        }
        if (known is { } version && From(version) is { } since)
            return new ShardUpdate(null, since);
        return From(_base) is { } deltas ? new ShardUpdate(_whole, deltas) : null;
    }
}
