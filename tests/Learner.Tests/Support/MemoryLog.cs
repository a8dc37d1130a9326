using System.Buffers;
using System.Text;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Learner.Tests.Support;

/// <summary>One record as it lies in the log.</summary>
public sealed record Stored(byte[] Key, byte[] Value, string ContentType, long AppendedAt);

/// <summary>An event log of one partition in memory. Dead letters and ticks land in lists; it can be away for them.</summary>
public sealed class MemoryLog(TimeProvider time) : IEventPublisher
{
    public Killer Killer { get; set; } = new();

    public bool Away { get; set; }

    public List<Stored> Records { get; } = [];

    public List<DeadLetter> DeadLetters { get; } = [];

    public int Ticks { get; private set; }

    public int Ensured { get; private set; }

    public LogRecord this[int offset] => new(
        0, offset, Records[offset].Key, Records[offset].Value, new EventHeaders(Records[offset].ContentType), Records[offset].AppendedAt);

    public IEnumerable<LogRecord> All => Enumerable.Range(0, Records.Count).Select(i => this[i]);

    public void Append(LoggedEvent logged, long? appendedAt = null) =>
        Records.Add(new Stored([], Write(logged), EventTopics.BinaryContentType, appendedAt ?? logged.Time));

    public void AppendJson(string json, long appendedAt) =>
        Records.Add(new Stored([1, 2], Encoding.UTF8.GetBytes(json), EventTopics.JsonContentType, appendedAt));

    public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken)
    {
        Ensured++;
        return Task.CompletedTask;
    }

    public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value) => throw new NotSupportedException();

    public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Effect(() =>
    {
        Records.Add(new Stored([], value.ToArray(), EventTopics.BinaryContentType, time.GetUtcNow().ToUnixTimeMilliseconds()));
        Ticks++;
    });

    public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken) => Effect(() => DeadLetters.Add(letter));

    private Task Effect(Action effect)
    {
        Killer.Step();
        if (Away)
            return Task.FromException(new StoreUnavailableException("The log is away."));
        effect();
        Killer.Step();
        return Task.CompletedTask;
    }

    private static byte[] Write(LoggedEvent logged)
    {
        var bytes = new ArrayBufferWriter<byte>();
        switch (logged)
        {
            case DecisionEvent d:
                var candidates = d.Actions.Select(static a => new Candidate(Encoding.UTF8.GetBytes(a.Id), a.Key, a.Features, a.ClusterMask)).ToArray();
                var query = new DecisionQuery(d.Context, candidates, d.Clusters.ToArray());
                BinaryEventCodec.WriteDecision(
                    bytes, Encoding.UTF8.GetBytes(d.DecisionId), d.Time, Encoding.UTF8.GetBytes(d.Policy), d.PolicyVersion, d.Activated, query,
                    d.Chosen.ToArray(), allCandidates: true, d.Learned ?? true);
                break;
            case RewardEvent r:
                BinaryEventCodec.WriteReward(bytes, r);
                break;
            case ActivationEvent a:
                BinaryEventCodec.WriteActivation(bytes, a);
                break;
            case TickEvent t:
                BinaryEventCodec.WriteTick(bytes, t);
                break;
        }
        return bytes.WrittenSpan.ToArray();
    }
}
