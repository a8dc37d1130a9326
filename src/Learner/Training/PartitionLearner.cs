using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Training;

/// <summary>
/// Learns one partition of one experiment and decides when what it knows is published and saved. The knowledge itself is <see cref="PartitionState"/>,
/// a function of the records alone; everything here may happen at any time, or not at all, without changing it.
/// </summary>
public sealed class PartitionLearner
{
    /// <summary>How long a successor holds back parameters that are older than what its predecessor may have published. After that, old parameters that
    /// move on are better than newer ones that stand still.</summary>
    public static readonly TimeSpan CatchUpMax = TimeSpan.FromSeconds(10);

    /// <summary>How long the log has to stand at its end, short of the checkpoint, before the records in between are given up.</summary>
    public static readonly TimeSpan RebuildPatience = TimeSpan.FromSeconds(5);

    private readonly Experiment _experiment;
    private readonly int _partition;
    private readonly long _epoch;
    private readonly PartitionState _state;
    private readonly LearnerOutlets _out;
    private readonly Func<TimeSpan, bool> _pause;
    private readonly LearnerMetrics.Children _metrics;
    private readonly ShardPublisher _publisher;
    private readonly DeadLetterQueue _deadLetters;
    private readonly TickWriter _ticks;
    private readonly Backoff _publishing;
    private readonly Backoff _saving;
    private readonly long _origin;
    private readonly long _takenOverAt;
    private readonly double _holdUntil;
    private bool _current;
    private bool _handled;
    private double? _endMetAt;
    private long _metAt = -1;
    private long _asOf;
    private long _savedOffset;
    private double _savedAt;
    private double _saveCost;
    private double _complainedAt = double.MinValue;
    private long _quietLetters;

    private PartitionLearner(
        Experiment experiment, int partition, long epoch, PartitionState state, TimeSpan hold, LearnerOutlets outlets, Func<TimeSpan, bool> pause)
    {
        _experiment = experiment;
        _partition = partition;
        _epoch = epoch;
        _state = state;
        _out = outlets;
        _pause = pause;
        Mode = experiment.Definition.Mode;
        _metrics = outlets.Metrics.For(experiment.Name, partition);
        _publisher = new ShardPublisher(experiment, partition, epoch, outlets, _metrics);
        _deadLetters = new DeadLetterQueue(outlets.Events);
        _ticks = new TickWriter(experiment.Name, partition, outlets.Events, outlets.Options);
        _publishing = new Backoff(outlets.Options.RetryInterval, outlets.Options.RetryIntervalMax);
        _saving = new Backoff(outlets.Options.RetryInterval, outlets.Options.RetryIntervalMax);
        _origin = outlets.Time.GetTimestamp();
        _takenOverAt = Now;
        _holdUntil = hold.TotalMilliseconds;
        _savedOffset = Math.Max(state.RebuildUntil, state.NextOffset);
        // What a checkpoint brought along was counted by whoever wrote it.
        _metrics.Start(state.Counts, state.Foresight?.DriftAlarms ?? 0, state.Networks ?? default);
    }

    /// <summary>The offset of the first record to read.</summary>
    public long NextOffset => _state.NextOffset;

    /// <summary>Identifies the learned state.</summary>
    public ulong Digest => _state.Digest();

    /// <summary>Interactions learned.</summary>
    public long Interactions => _state.Interactions;

    /// <summary>What became of the events.</summary>
    public JoinCounts Counts => _state.Counts;

    /// <summary>Set when another writer has taken the partition; nothing more is learned or written.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>How much of the loop is live; may change between two records.</summary>
    public ExperimentMode Mode { get; set; }

    private long Now => _out.Time.GetUtcNow().ToUnixTimeMilliseconds();

    private double Elapsed => _out.Time.GetElapsedTime(_origin).TotalMilliseconds;

    private long Unsaved => _state.NextOffset - _savedOffset;

    /// <summary>Takes over a partition: raises the epoch first, so that whoever wrote before can write no more, then loads what they left.</summary>
    /// <param name="experiment">What to learn.</param>
    /// <param name="partition">Which part of its log.</param>
    /// <param name="outlets">Where results go.</param>
    /// <param name="pause">Waits while a store is away; false when the loop is stopping and waiting is over.</param>
    /// <exception cref="StoreUnavailableException">The checkpoint store cannot be reached.</exception>
    public static PartitionLearner TakeOver(Experiment experiment, int partition, LearnerOutlets outlets, Func<TimeSpan, bool> pause)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(outlets);
        var epoch = outlets.Checkpoints.AcquireEpoch(experiment.Name, partition);
        PartitionLearner Cold(TimeSpan hold) => new(experiment, partition, epoch, new PartitionState(experiment, outlets.Trainers), hold, outlets, pause);
        if (outlets.Checkpoints.Load(experiment.Name, partition) is not { } bytes)
        {
            outlets.Log.FirstStart(experiment.Name, partition, epoch);
            // No checkpoint is not no predecessor: one that ended before its first checkpoint has published all the same.
            return Cold(CatchUpMax);
        }
        try
        {
            var checkpoint = Checkpoint.Read(bytes);
            if (checkpoint.Generation != experiment.Definition.Generation || checkpoint.CreatedAt != experiment.CreatedAt)
            {
                outlets.Log.ColdStart(experiment.Name, partition, "the checkpoint belongs to another definition", epoch);
                return Cold(CatchUpMax);
            }
            var state = new PartitionState(experiment, checkpoint, outlets.Trainers);
            outlets.Log.Resumed(experiment.Name, partition, state.Interactions, checkpoint.NextOffset, checkpoint.Resume.Offset, checkpoint.StateDigest, epoch);
            return new PartitionLearner(experiment, partition, epoch, state, CatchUpMax, outlets, pause);
        }
        catch (SnapshotFormatException problem)
        {
            // What is published is better than anything learned before the log is read again, however long that takes.
            outlets.Log.Corrupt(experiment.Name, partition, problem.Message, epoch);
            return Cold(TimeSpan.MaxValue);
        }
    }

    /// <summary>Takes in the next record.</summary>
    public void Handle(in LogRecord record)
    {
        if (IsFenced)
            return;
        // We asked for later records and the log has none: it was replaced by a shorter one.
        if (!_handled && record.Offset < _state.NextOffset)
            ForgetJoins(record.Offset);
        _handled = true;
        var result = _state.Take(record, Mode != ExperimentMode.Logging);
        if (result.Fate is RecordFate.Known or RecordFate.Rebuilt)
            return;
        _metrics.Consumed.Inc();
        if (result.Fate == RecordFate.Taken && _state.JoinedAfter is { } delay)
            _metrics.Delay.Observe(delay / 1000.0);
        switch (result.Fate)
        {
            case RecordFate.Older:
                _metrics.Older.Inc();
                break;
            case RecordFate.Undecodable or RecordFate.Invalid:
                SetAside(record, result.Fate, result.Problem!);
                break;
        }
        if (_state.Waiting >= _out.Options.BatchMax)
            Learn();
    }

    /// <summary>Learns what has gathered, and publishes, saves and ticks when due. Returns late when the store has been away for too long.</summary>
    public void Idle(bool caughtUp)
    {
        if (IsFenced)
            return;
        Learn();
        _metrics.Report(_state.Counts);
        if (_state.Table is var (edges, refused))
            _metrics.Report(_state.Counts, edges, refused);
        if (_state.Foresight is var (loss, alarms))
            _metrics.Report(loss, alarms);
        if (_state.Networks is { } networks)
            _metrics.Report(networks);
        _metrics.Lag.Set(caughtUp || _state.AppendedAt == 0 ? 0 : Math.Max(0, Now - _state.AppendedAt) / 1000.0);
        if (_state.IsRebuilding && !IsRebuildOver(caughtUp))
            return;
        _current |= caughtUp || _state.AppendedAt >= _takenOverAt;
        // Never back: what was reflected stays reflected.
        _asOf = Math.Max(_asOf, caughtUp ? Now : _state.AppendedAt);
        Publish();
        Save();
        while (!IsFenced && _saving.IsAway && Unsaved >= _out.Options.UnsavedRecordsMax)
        {
            if (!_pause(_saving.Pause))
                return;
            Publish();
            Save();
        }
        if (!IsFenced)
            _ticks.Advance(_state.NextDeadline, Now, Elapsed, caughtUp);
    }

    /// <summary>Hands the partition over in good order: one last publication and checkpoint.</summary>
    public void Close()
    {
        Learn();
        if (!IsFenced && !_state.IsRebuilding)
        {
            Attempt(_publishing, () => !_current || _publisher.Flush(_state, Elapsed, Math.Max(_asOf, _state.AppendedAt)));
            // The successor reads again from the last checkpoint if this one fails; nothing is lost.
            if (!IsFenced && Unsaved > 0)
                Attempt(_saving, WriteCheckpoint);
        }
        _metrics.Report(_state.Counts);
        Drop();
    }

    /// <summary>Forgets the partition without writing anything.</summary>
    public void Drop()
    {
        _metrics.Stop();
        _state.Dispose();
    }

    // Retention may have taken the records that would rebuild the open joins, or somebody replaced the log: there is nothing more to wait for.
    private bool IsRebuildOver(bool caughtUp)
    {
        if (!caughtUp || _metAt != _state.NextOffset)
        {
            _metAt = _state.NextOffset;
            _endMetAt = caughtUp ? Elapsed : null;
            return false;
        }
        _endMetAt ??= Elapsed;
        if (Elapsed - _endMetAt < RebuildPatience.TotalMilliseconds)
            return false;
        ForgetJoins(_state.NextOffset);
        return true;
    }

    private void ForgetJoins(long offset)
    {
        _out.Log.LogEndsEarly(_experiment.Name, _partition, offset, Math.Max(_state.RebuildUntil, _state.NextOffset));
        _state.ForgetJoins(offset);
        _savedOffset = offset;
    }

    // Before anything is known of the log there is no time to put on parameters; with none they would count as infinitely old and not be served.
    private void Publish()
    {
        if (!IsFenced && _asOf > 0 && _publishing.IsOver(Elapsed) && (_current || Elapsed >= _holdUntil))
            Attempt(_publishing, () => _publisher.Advance(_state, Elapsed, _asOf));
    }

    private void Save()
    {
        if (!IsFenced && _saving.IsOver(Elapsed) && Cadence.IsCheckpointDue(_out.Options, Unsaved, Elapsed - _savedAt, _saveCost))
            Attempt(_saving, WriteCheckpoint);
    }

    private bool WriteCheckpoint()
    {
        // A dead letter that is not durable would be skipped by the restart that this checkpoint allows.
        _deadLetters.Flush();
        var started = Elapsed;
        if (!_out.Checkpoints.Save(_experiment.Name, _partition, _epoch, _state.Capture(_epoch).Write()))
            return false;
        _savedOffset = _state.NextOffset;
        _savedAt = Elapsed;
        _saveCost = _savedAt - started;
        return true;
    }

    private void Attempt(Backoff backoff, Func<bool> write)
    {
        try
        {
            if (write())
            {
                if (backoff.IsAway)
                    _out.Log.StoreBack(_experiment.Name, _partition);
                backoff.Succeeded();
                return;
            }
            IsFenced = true;
            _out.Log.Fenced(_experiment.Name, _partition, _epoch);
        }
        catch (StoreUnavailableException problem)
        {
            if (!backoff.IsAway)
                _out.Log.StoreAway(_experiment.Name, _partition, problem.Message);
            _metrics.StoreFailures.Inc();
            backoff.Failed(Elapsed);
        }
    }

    private void Learn()
    {
        if (_state.Waiting == 0)
            return;
        var started = _out.Time.GetTimestamp();
        var learned = _state.Learn();
        _metrics.Update.Observe(_out.Time.GetElapsedTime(started).TotalSeconds);
        _metrics.Examples.Inc(learned);
    }

    private void SetAside(in LogRecord record, RecordFate fate, string reason)
    {
        (fate == RecordFate.Invalid ? _metrics.InvalidLetters : _metrics.UndecodableLetters).Inc();
        Complain(record.Offset, reason);
        _deadLetters.Add(new DeadLetter(
            EventTopics.Events(_experiment.Name), record.Partition, record.Offset, record.Key.ToArray(), record.Value.ToArray(), reason));
        while (_deadLetters.Count >= _out.Options.DeadLettersMax)
        {
            Attempt(_saving, FlushDeadLetters);
            if (_saving.IsAway && !_pause(_saving.Pause))
            {
                // Stopping with letters that nobody took: forget what was read since the last checkpoint, so that it is read and set aside again.
                IsFenced = true;
                return;
            }
        }
    }

    private bool FlushDeadLetters()
    {
        _deadLetters.Flush();
        return true;
    }

    // A producer gone wrong must not fill the disk with messages; the letters themselves are all kept.
    private void Complain(long offset, string reason)
    {
        var now = Elapsed;
        if (now - _complainedAt < 1000)
        {
            _quietLetters++;
            return;
        }
        _out.Log.SetAside(_experiment.Name, _partition, offset, reason, _quietLetters);
        _quietLetters = 0;
        _complainedAt = now;
    }
}
