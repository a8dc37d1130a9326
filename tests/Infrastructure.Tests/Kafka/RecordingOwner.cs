using System.Text;
using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Tests.Kafka;

/// <summary>An owner that writes down everything, keeps a checkpoint as a learner does, and fails on demand.</summary>
internal sealed class RecordingOwner : IPartitionOwner
{
    private readonly Lock _lock = new();
    private readonly List<Seen> _records = [];
    private readonly List<string> _calls = [];
    private readonly Dictionary<int, long> _next = [];
    private int _idles;
    private int _caughtUp = -1;

    /// <summary>A record that was handed over.</summary>
    public sealed record Seen(int Partition, long Offset, string Key, byte[] Value, EventHeaders Headers, long AppendedAt);

    /// <summary>Next offset by partition, shared by the owners that follow each other.</summary>
    public Dictionary<int, long> Checkpoints { get; init; } = [];

    public Action<int> OnAssigned { get; init; } = static _ => { };

    public Action<LogRecord> OnHandle { get; init; } = static _ => { };

    public Action OnIdle { get; init; } = static () => { };

    public Action OnRevoked { get; init; } = static () => { };

    public IReadOnlyList<Seen> Records
    {
        get
        {
            lock (_lock)
                return [.. _records];
        }
    }

    /// <summary>Assignments and releases in order, such as <c>assigned 3</c>.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_lock)
                return [.. _calls];
        }
    }

    /// <summary>Partitions that are ours now.</summary>
    public int[] Owned
    {
        get
        {
            lock (_lock)
                return [.. _next.Keys.Order()];
        }
    }

    public int Idles => Volatile.Read(ref _idles);

    /// <summary>What the last call of <see cref="Idle"/> said; null before the first.</summary>
    public bool? CaughtUp => Volatile.Read(ref _caughtUp) is var last and >= 0 ? last == 1 : null;

    public long Assigned(int partition)
    {
        OnAssigned(partition);
        lock (_lock)
        {
            _calls.Add($"assigned {partition}");
            lock (Checkpoints)
                return _next[partition] = Checkpoints.GetValueOrDefault(partition);
        }
    }

    public void Handle(in LogRecord record)
    {
        OnHandle(record);
        lock (_lock)
        {
            _records.Add(new Seen(
                record.Partition, record.Offset, Encoding.UTF8.GetString(record.Key.Span), record.Value.ToArray(), record.Headers, record.AppendedAt));
            _next[record.Partition] = record.Offset + 1;
        }
    }

    public void Idle(bool caughtUp)
    {
        Volatile.Write(ref _caughtUp, caughtUp ? 1 : 0);
        Interlocked.Increment(ref _idles);
        OnIdle();
    }

    public void Revoked(int partition)
    {
        lock (_lock)
        {
            _calls.Add($"revoked {partition}");
            _next.Remove(partition, out var next);
            OnRevoked();
            lock (Checkpoints)
                Checkpoints[partition] = next;
        }
    }

    public void Lost(int partition)
    {
        lock (_lock)
        {
            _calls.Add($"lost {partition}");
            _next.Remove(partition);
        }
    }
}
