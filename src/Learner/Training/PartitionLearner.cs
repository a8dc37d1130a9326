using System.Buffers;
using System.Diagnostics;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Training;

/// <summary>What a partition's learner needs from outside.</summary>
/// <param name="Snapshots">Takes parameters.</param>
/// <param name="Checkpoints">Takes checkpoints.</param>
/// <param name="Events">Takes dead letters and ticks.</param>
/// <param name="Time">The host's clock: cadence and ticks only, never learning.</param>
/// <param name="Options">Cadence and bounds.</param>
/// <param name="Metrics">Counts.</param>
/// <param name="Log">Messages.</param>
public sealed record LearnerOutlets(
    ISnapshotWriter Snapshots,
    ICheckpointStore Checkpoints,
    IEventPublisher Events,
    TimeProvider Time,
    TrainingOptions Options,
    LearnerMetrics Metrics,
    ILogger Log);

/// <summary>
/// Learns one partition of one experiment. Its state is a function of the records before <see cref="NextOffset"/>; time decides only when that state is
/// published and saved.
/// </summary>
public sealed class PartitionLearner
{
    private readonly Experiment _experiment;
    private readonly PolicySpec _spec;
    private readonly int _partition;
    private readonly LearnerOutlets _out;
    private readonly LearnerMetrics.Children _metrics;
    private readonly IPolicyKind _kind;
    private readonly IPolicyTrainer _trainer;
    private readonly InteractionJoiner _joiner;
    private readonly List<Interaction> _joined = [];
    private readonly Queue<DeadLetter> _deadLetters = new();
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly long _epoch;
    private readonly JoinCounts _savedCounts;
    private readonly long _rebuildUntil;
    private bool _rebuilt;
    private long _publishedInteractions = -1;
    private long _publishedAt, _touchedAt, _savedAt, _retryAt;
    private long _savedOffset;
    private Task _tick = Task.CompletedTask;

    /// <summary>Takes over a partition: raises the epoch first, so that whoever wrote before can write no more, then loads what they left.</summary>
    /// <exception cref="StoreUnavailableException">The checkpoint cannot be read.</exception>
    public PartitionLearner(Experiment experiment, int partition, LearnerOutlets outlets)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(outlets);
        _experiment = experiment;
        _spec = experiment.Definition.Policy;
        _partition = partition;
        _out = outlets;
        _metrics = outlets.Metrics.For(experiment.Name, partition);
        _kind = PolicyCatalog.Find(_spec.Kind);
        _trainer = _kind.CreateTrainer(_spec);
        var rule = experiment.Definition.Reward;

        _epoch = outlets.Checkpoints.AcquireEpoch(experiment.Name, partition);
        var cold = "no checkpoint";
        try
        {
            if (outlets.Checkpoints.Load(experiment.Name, partition) is { } bytes)
            {
                var checkpoint = Checkpoint.Read(bytes);
                if (checkpoint.Generation != experiment.Definition.Generation || checkpoint.CreatedAt != experiment.CreatedAt)
                {
                    cold = "the checkpoint belongs to another definition";
                }
                else
                {
                    _trainer.ReadCheckpoint(checkpoint.Trainer.Span);
                    _joiner = InteractionJoiner.Resume(rule, JoinLimits.For(rule), checkpoint.Resume);
                    _savedCounts = checkpoint.Counts;
                    NextOffset = checkpoint.Resume.Offset;
                    _rebuildUntil = checkpoint.NextOffset;
                    outlets.Log.Resumed(experiment.Name, partition, _trainer.Interactions, checkpoint.NextOffset, _epoch);
                }
            }
        }
        catch (SnapshotFormatException problem)
        {
            cold = problem.Message;
        }
        if (_joiner is null)
        {
            _joiner = new InteractionJoiner(rule, JoinLimits.For(rule));
            outlets.Log.ColdStart(experiment.Name, partition, cold, _epoch);
        }
        FinishRebuild();
        _savedOffset = _rebuildUntil;
        _savedAt = Now;
    }

    /// <summary>The offset of the first record that is not part of the state.</summary>
    public long NextOffset { get; private set; }

    /// <summary>Identifies the learned state.</summary>
    public ulong Digest
    {
        get
        {
            LearnJoined();
            _buffer.ResetWrittenCount();
            _trainer.WriteCheckpoint(_buffer);
            return Checkpoint.Digest(_buffer.WrittenSpan);
        }
    }

    /// <summary>Interactions learned.</summary>
    public long Interactions => _trainer.Interactions;

    /// <summary>What became of the events.</summary>
    public JoinCounts Counts => _joiner.Counts;

    /// <summary>Set when another writer has taken the partition; nothing more is written.</summary>
    public bool IsFenced { get; private set; }

    private long Now => _out.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Takes in the next record.</summary>
    public void Handle(in LogRecord record)
    {
        if (record.Offset < NextOffset)
            return;
        NextOffset = record.Offset + 1;
        if (!_rebuilt)
        {
            if (record.Offset < _rebuildUntil)
            {
                Take(record, rebuilding: true);
                _joined.Clear();
                FinishRebuild();
                return;
            }
            FinishRebuild(force: true);
        }
        _metrics.Consumed.Inc();
        Take(record, rebuilding: false);
        if (_joined.Count >= _out.Options.BatchMax)
            LearnJoined();
    }

    /// <summary>Learns what has gathered, and publishes, saves and ticks when due.</summary>
    public void Idle(bool caughtUp)
    {
        LearnJoined();
        if (caughtUp && !_rebuilt && NextOffset >= _rebuildUntil)
            FinishRebuild(force: true);
        if (IsFenced)
            return;
        var now = Now;
        try
        {
            if (now >= _retryAt)
            {
                PublishWhenDue(now, caughtUp);
                if (!IsFenced && _rebuilt && NextOffset > _savedOffset && now - _savedAt >= _out.Options.CheckpointInterval.TotalMilliseconds)
                    Save();
            }
        }
        catch (StoreUnavailableException problem)
        {
            _out.Log.StoreAway(_experiment.Name, _partition, problem.Message);
            _retryAt = now + (long)_out.Options.RetryInterval.TotalMilliseconds;
            if (NextOffset - _savedOffset > _out.Options.UnsavedRecordsMax)
                WaitForStore();
        }
        TickWhenDue(now, caughtUp);
        _metrics.Report(_joiner.Counts);
    }

    /// <summary>Hands the partition over in good order.</summary>
    public void Close()
    {
        LearnJoined();
        if (IsFenced || !_rebuilt)
            return;
        try
        {
            if (_trainer.Interactions != _publishedInteractions)
                Publish(Now);
            if (!IsFenced && NextOffset > _savedOffset)
                Save();
        }
        catch (StoreUnavailableException problem)
        {
            // The successor reads again from the last checkpoint; nothing is lost.
            _out.Log.StoreAway(_experiment.Name, _partition, problem.Message);
        }
        _metrics.Report(_joiner.Counts);
    }

    private void Take(in LogRecord record, bool rebuilding)
    {
        LoggedEvent logged;
        try
        {
            logged = EventDecoder.Decode(record, _spec.Features);
        }
        catch (EventFormatException problem)
        {
            if (!rebuilding)
                SetAside(record, problem.Message);
            return;
        }
        // An earlier experiment of the same name left these.
        if (record.AppendedAt < _experiment.CreatedAt || _experiment.Definition.Mode == ExperimentMode.Logging)
            return;
        var outcome = _joiner.Apply(logged, record.Offset, record.AppendedAt, _joined);
        if (outcome == JoinOutcome.Invalid && !rebuilding)
            SetAside(record, $"The reward is outside [{_experiment.Definition.Reward.Minimum}, {_experiment.Definition.Reward.Maximum}], or names an action that was not shown.");
    }

    private void SetAside(in LogRecord record, string reason)
    {
        _metrics.DeadLettered.Inc();
        _out.Log.SetAside(_experiment.Name, _partition, record.Offset, reason);
        _deadLetters.Enqueue(new DeadLetter(
            EventTopics.Events(_experiment.Name), record.Partition, record.Offset, record.Key.ToArray(), record.Value.ToArray(), reason));
    }

    private void LearnJoined()
    {
        if (_joined.Count == 0)
            return;
        var started = Stopwatch.GetTimestamp();
        _trainer.Learn(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_joined));
        _metrics.Update.Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
        _metrics.Examples.Inc(_joined.Count);
        _joined.Clear();
    }

    private void FinishRebuild(bool force = false)
    {
        if (_rebuilt || (!force && NextOffset < _rebuildUntil))
            return;
        _rebuilt = true;
        _joiner.RestoreCounts(_savedCounts);
        _metrics.Start(_savedCounts);
    }

    private void PublishWhenDue(long now, bool caughtUp)
    {
        if (!_rebuilt)
            return;
        if (_trainer.Interactions != _publishedInteractions)
        {
            if (now - _publishedAt >= _out.Options.PublishInterval.TotalMilliseconds)
                Publish(now);
        }
        else if (caughtUp && now - _touchedAt >= _out.Options.HeartbeatInterval.TotalMilliseconds)
        {
            _touchedAt = now;
            if (_out.Snapshots.Touch(_experiment.Name, Head(now)) == SnapshotOutcome.Fenced)
                Publish(now);
        }
    }

    private void Publish(long now)
    {
        _buffer.ResetWrittenCount();
        _trainer.WriteParameters(_buffer);
        var header = new SnapshotHeader(_spec.Fingerprint, _partition, _epoch, _trainer.Interactions);
        var framed = SnapshotFraming.Frame(header, _buffer.WrittenSpan);
        try
        {
            // What cannot be served must not be published: readers would refuse it, and would be right.
            SnapshotFraming.Open(framed, _spec.Fingerprint, out var payload);
            _kind.Assemble(_spec, [new PolicyShard(_partition, _trainer.Interactions, payload)]);
        }
        catch (SnapshotFormatException problem)
        {
            _out.Log.Unpublishable(_experiment.Name, _partition, problem.Message);
            _publishedInteractions = _trainer.Interactions;
            return;
        }
        if (_out.Snapshots.Publish(_experiment.Name, Head(now), framed) == SnapshotOutcome.Fenced)
        {
            IsFenced = true;
            _out.Log.Fenced(_experiment.Name, _partition);
            return;
        }
        _publishedInteractions = _trainer.Interactions;
        _publishedAt = _touchedAt = now;
        _metrics.Version.Set(_trainer.Interactions);
        _metrics.Published.Set(now / 1000.0);
    }

    private void Save()
    {
        // A dead letter that is not durable would be skipped by the restart that this checkpoint allows.
        while (_deadLetters.TryPeek(out var letter))
        {
            _out.Events.PublishDeadLetterAsync(letter, CancellationToken.None).GetAwaiter().GetResult();
            _deadLetters.Dequeue();
        }
        _buffer.ResetWrittenCount();
        _trainer.WriteCheckpoint(_buffer);
        var checkpoint = new Checkpoint(
            _experiment.Definition.Generation, _experiment.CreatedAt, NextOffset, _joiner.ResumePoint(NextOffset), _joiner.Counts, _buffer.WrittenMemory);
        if (!_out.Checkpoints.Save(_experiment.Name, _partition, _epoch, checkpoint.Write()))
        {
            IsFenced = true;
            _out.Log.Fenced(_experiment.Name, _partition);
            return;
        }
        _savedOffset = NextOffset;
        _savedAt = Now;
    }

    private void WaitForStore()
    {
        while (true)
        {
            try
            {
                Save();
                return;
            }
            catch (StoreUnavailableException)
            {
                Thread.Sleep(_out.Options.RetryInterval);
            }
        }
    }

    private void TickWhenDue(long now, bool caughtUp)
    {
        if (!caughtUp || !_tick.IsCompleted || _joiner.NextDeadline is not { } deadline || now <= deadline)
            return;
        _buffer.ResetWrittenCount();
        BinaryEventCodec.WriteTick(_buffer, new TickEvent(now));
        // A tick that is lost is written again as long as the deadline stands.
        _tick = _out.Events.PublishToPartitionAsync(_experiment.Name, _partition, _buffer.WrittenSpan.ToArray(), CancellationToken.None);
        _ = _tick.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    private ShardHead Head(long now) => new(_partition, _epoch, _trainer.Interactions, now);
}
