using System.Runtime.ExceptionServices;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Infrastructure.Events;

/// <summary>One run of <see cref="KafkaEventSource.Consume"/>. Everything, callbacks of the client included, happens on the calling thread.</summary>
internal sealed class KafkaPartitionReader : IDisposable
{
    // Records between two calls of Idle under load: some milliseconds of work.
    private const int BatchMax = 1024;
    private const int BatchMilliseconds = 20;
    private const int RetryPauseFirstMilliseconds = 50;
    private const int RetryPauseMaxMilliseconds = 1000;
    private const int MarkMilliseconds = 1000;
    private const int CheckMilliseconds = 500;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan QueryTimeout = TimeSpan.FromSeconds(1);

    private readonly string _experiment;
    private readonly string _topic;
    private readonly IPartitionOwner _owner;
    private readonly ILogger _log;
    private readonly CancellationToken _cancellation;
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly Dictionary<int, Reading> _readings = [];
    private ExceptionDispatchInfo? _failure;
    private bool _joined;
    private bool _disconnected;
    private long _checkAt;
    private long _markAt;

    public KafkaPartitionReader(KafkaOptions options, string experiment, IPartitionOwner owner, ILogger log, CancellationToken cancellation)
    {
        (_experiment, _topic, _owner, _log, _cancellation) = (experiment, EventTopics.Events(experiment), owner, log, cancellation);
        var config = KafkaClients.Consumer(options, KafkaEventSource.Group(experiment));
        // Eager: at every rebalance each member gives up all its partitions in good order and reads its new ones from their checkpoints. One rule
        // for every case, and revoking costs a checkpoint that is small. Cooperative rebalancing would spare the partitions that stay, at the price
        // of callbacks with partial lists and of known losses of assignment when offsets are committed meanwhile (librdkafka #4059).
        config.PartitionAssignmentStrategy = PartitionAssignmentStrategy.Range;
        // A checkpoint outside the log is an incident to report, never a silent jump.
        config.AutoOffsetReset = AutoOffsetReset.Error;
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(config)
            .SetPartitionsAssignedHandler((_, partitions) => Assigned(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => Released(partitions, lost: false))
            .SetPartitionsLostHandler((_, partitions) => Released(partitions, lost: true))
            .SetErrorHandler((_, error) => Report(error))
            .SetLogHandler((_, message) => KafkaClients.Log(log, message))
            .Build();
    }

    public void Run()
    {
        _consumer.Subscribe(_topic);
        while (_failure is null && !_cancellation.IsCancellationRequested)
            Guard(Round);
        // Leaving the group calls Released for what we hold.
        Guard(_consumer.Close);
        Released([.. _readings.Keys.Select(p => new TopicPartitionOffset(_topic, p, Offset.Unset))], lost: false);
        _failure?.Throw();
    }

    public void Dispose() => _consumer.Dispose();

    private void Round()
    {
        var until = Environment.TickCount64 + BatchMilliseconds;
        var taken = Take(Wait);
        for (var count = 1; taken is not null; count++)
        {
            Deliver(taken);
            if (count == BatchMax || Environment.TickCount64 >= until || _cancellation.IsCancellationRequested)
                break;
            taken = Take(TimeSpan.Zero);
        }
        if (_failure is not null)
            return;
        if (Environment.TickCount64 >= _checkAt)
            Check();
        if (Environment.TickCount64 >= _markAt)
            Mark();
        try
        {
            _owner.Idle(CaughtUp());
        }
        catch (StoreUnavailableException problem)
        {
            // Asked again in a moment; the owner decides how long it goes on without its store.
            _log.KafkaProblem(_topic, problem.Message);
        }
    }

    private ConsumeResult<byte[]?, byte[]?>? Take(TimeSpan wait)
    {
        try
        {
            return _consumer.Consume(wait);
        }
        catch (ConsumeException problem) when (!problem.Error.IsFatal)
        {
            if (problem.Error.Code == ErrorCode.Local_AutoOffsetReset
                && _readings.TryGetValue(problem.ConsumerRecord.Partition.Value, out var reading))
                reading.OutOfRange = true;
            else
                Report(problem.Error);
            return null;
        }
    }

    private void Deliver(ConsumeResult<byte[]?, byte[]?> taken)
    {
        // What was prefetched before a seek or a rebalance is not for us.
        if (!_readings.TryGetValue(taken.Partition.Value, out var reading) || taken.Offset.Value < reading.Next)
            return;
        if (taken.IsPartitionEOF)
        {
            reading.AtEnd = true;
            return;
        }
        reading.AtEnd = false;
        var record = new LogRecord(
            taken.Partition.Value, taken.Offset.Value, taken.Message.Key, taken.Message.Value, KafkaHeaders.Read(taken.Message.Headers),
            taken.Message.Timestamp.UnixTimestampMs);
        for (var pause = RetryPauseFirstMilliseconds; ; pause = Math.Min(2 * pause, RetryPauseMaxMilliseconds))
        {
            try
            {
                _owner.Handle(in record);
                reading.Next = record.Offset + 1;
                return;
            }
            catch (StoreUnavailableException problem)
            {
                _log.RecordWaits(_topic, record.Partition, problem.Message);
                if (_cancellation.WaitHandle.WaitOne(pause))
                    return;
            }
        }
    }

    private List<TopicPartitionOffset> Assigned(List<TopicPartition> partitions)
    {
        var starts = new List<TopicPartitionOffset>(partitions.Count);
        Guard(() =>
        {
            foreach (var partition in partitions)
            {
                if (Start(partition.Partition.Value) is { } next)
                    starts.Add(new TopicPartitionOffset(partition, next));
            }
            _joined = true;
        });
        return starts;
    }

    private long? Start(int partition)
    {
        for (var pause = RetryPauseFirstMilliseconds; _failure is null; pause = Math.Min(2 * pause, RetryPauseMaxMilliseconds))
        {
            try
            {
                var next = _owner.Assigned(partition);
                _readings[partition] = new Reading { Next = next };
                return next;
            }
            catch (StoreUnavailableException problem)
            {
                _log.RecordWaits(_topic, partition, problem.Message);
                if (_cancellation.WaitHandle.WaitOne(pause))
                    return null;
            }
        }
        return null;
    }

    private void Released(List<TopicPartitionOffset> partitions, bool lost)
    {
        if (!lost)
            Mark();
        foreach (var partition in partitions.Select(static p => p.Partition.Value))
        {
            if (!_readings.Remove(partition))
                continue;
            Guard(() =>
            {
                // After a failure the owner's state may be half done, and a checkpoint of it would make the damage last.
                if (lost || _failure is not null)
                {
                    _owner.Lost(partition);
                    return;
                }
                try
                {
                    _owner.Revoked(partition);
                }
                catch (StoreUnavailableException problem)
                {
                    _log.RevokedWithoutCheckpoint(_topic, partition, problem.Message);
                }
            });
        }
    }

    private bool CaughtUp()
    {
        if (!_joined || _disconnected)
            return false;
        foreach (var reading in _readings.Values)
        {
            if (!reading.AtEnd || reading.OutOfRange)
                return false;
        }
        return true;
    }

    /// <summary>Twice a second: goes on after a lost connection and where the log no longer has what was asked for.</summary>
    private void Check()
    {
        _checkAt = Environment.TickCount64 + CheckMilliseconds;
        var disconnected = _disconnected;
        _disconnected = false;
        foreach (var (partition, reading) in _readings)
        {
            if (reading.OutOfRange)
            {
                Relocate(partition, reading);
            }
            else if (disconnected)
            {
                // The client says once that a partition's end is reached. Asking for the same position makes it say so again, and only
                // when the broker has answered: until then we don't know the end and must not claim to be there.
                reading.AtEnd = false;
                Seek(partition, reading.Next);
            }
        }
    }

    private void Relocate(int partition, Reading reading)
    {
        WatermarkOffsets log;
        try
        {
            log = _consumer.QueryWatermarkOffsets(new TopicPartition(_topic, partition), QueryTimeout);
        }
        catch (KafkaException problem)
        {
            Report(problem.Error);
            return;
        }
        if (reading.Next < log.Low.Value)
        {
            // Nothing was read yet from a log that starts later: a new reader of an old log, which has lost nothing that it had a claim to.
            if (reading.Next == 0)
            {
                _log.StartsLater(_topic, partition, log.Low.Value);
            }
            else
            {
                var lost = log.Low.Value - reading.Next;
                DistributedMetrics.EventsExpired.WithLabels(_experiment).Inc(lost);
                _log.EventsExpired(lost, _topic, partition, log.Low.Value, reading.Next);
            }
            reading.Next = log.Low.Value;
        }
        else if (reading.Next > log.High.Value)
        {
            _log.LogCut(_topic, partition, log.High.Value, reading.Next);
            reading.Next = log.High.Value;
        }
        reading.AtEnd = false;
        reading.OutOfRange = !Seek(partition, reading.Next);
    }

    private bool Seek(int partition, long next)
    {
        try
        {
            _consumer.Seek(new TopicPartitionOffset(_topic, partition, next));
            return true;
        }
        catch (KafkaException problem)
        {
            Report(problem.Error);
            return false;
        }
    }

    /// <summary>Tells the client how far we are; it commits that in the background, for lag dashboards and autoscaling.</summary>
    private void Mark()
    {
        _markAt = Environment.TickCount64 + MarkMilliseconds;
        foreach (var (partition, reading) in _readings)
        {
            if (reading.Next == reading.Marked)
                continue;
            try
            {
                _consumer.StoreOffset(new TopicPartitionOffset(_topic, partition, reading.Next));
                reading.Marked = reading.Next;
            }
            catch (KafkaException problem)
            {
                // Taken from us a moment ago; the rebalance callback comes next.
                _log.KafkaClient("store offset", problem.Message);
            }
        }
    }

    private void Report(Error error)
    {
        _disconnected = true;
        _log.KafkaProblem(_topic, error.Reason);
    }

    /// <summary>Keeps the first exception until the consumer is closed. One that crossed the client's callbacks would lose its stack, or the rebalance.</summary>
    private void Guard(Action step)
    {
        try
        {
            step();
        }
        catch (KafkaException problem) when (problem.Error.IsFatal)
        {
            _failure ??= ExceptionDispatchInfo.Capture(new StoreUnavailableException($"The Kafka consumer of {_topic} cannot go on: {problem.Error.Reason}", problem));
        }
        catch (Exception problem)
        {
            _failure ??= ExceptionDispatchInfo.Capture(problem);
        }
    }

    private sealed class Reading
    {
        /// <summary>Offset of the next record to hand over.</summary>
        public required long Next { get; set; }

        /// <summary>The last position told to the client.</summary>
        public long Marked { get; set; } = -1;

        /// <summary>The broker has said that there is nothing after <see cref="Next"/>.</summary>
        public bool AtEnd { get; set; }

        /// <summary>The log has no record at <see cref="Next"/>, and never will.</summary>
        public bool OutOfRange { get; set; }
    }
}
