using System.Buffers;
using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Learner.Training;

/// <summary>What became of a record.</summary>
public enum RecordFate
{
    /// <summary>Part of the state already; ignored.</summary>
    Known,

    /// <summary>Read again after a restart to rebuild the open joins; learns nothing.</summary>
    Rebuilt,

    /// <summary>A decision that an earlier experiment of the same name made; ignored.</summary>
    Older,

    /// <summary>Cannot be understood: a dead letter.</summary>
    Undecodable,

    /// <summary>Understood and not usable, for example a reward outside the range: a dead letter.</summary>
    Invalid,

    /// <summary>Taken in.</summary>
    Taken,
}

/// <summary>What became of a record, with what its reader needs to act on it.</summary>
/// <param name="Fate">What became of it.</param>
/// <param name="Event">The event, when it could be decoded.</param>
/// <param name="Problem">Why it is a dead letter, one sentence; null when it is none.</param>
public readonly record struct RecordResult(RecordFate Fate, LoggedEvent? Event = null, string? Problem = null);

/// <summary>
/// All that a partition has learned: decoder, joiner and trainer behind one another. A pure function of the records given to it; it knows no
/// clock and no store, so that a replay of the same log gives the same bytes.
/// </summary>
public sealed class PartitionState : IDisposable
{
    private readonly Experiment _experiment;
    private readonly IPolicyTrainer _trainer;
    private InteractionJoiner _joiner;
    private readonly List<Interaction> _joined = [];
    // Null where nobody wants to know what is awaited.
    private readonly IPendingTrainer? _pending;
    private readonly List<Impression>? _expected;
    private readonly Queue<Interaction> _recent = new();
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>
    /// Interactions kept in <see cref="Recent"/>: enough for a standard error, few enough that two policies estimate all of them in a fraction of the time that writing
    /// parameters takes, and as many as networks replay after an alarm, so that after a shift they are soon all of the new world.
    /// </summary>
    public const int RecentMax = 64;

    /// <summary>Nothing learned, nothing read.</summary>
    /// <param name="experiment">What to learn.</param>
    /// <param name="trainers">Where trainers come from; null for the CPU's. Makes no difference to the state.</param>
    public PartitionState(Experiment experiment, TrainerFactory? trainers = null)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        _experiment = experiment;
        var rule = experiment.Definition.Reward;
        _trainer = (trainers ?? TrainerFactory.Cpu).Create(experiment.Definition.Policy);
        _joiner = new InteractionJoiner(rule, JoinLimits.For(rule));
        _pending = _trainer is IPendingTrainer { IsExpecting: true } pending ? pending : null;
        _expected = _pending is null ? null : [];
    }

    /// <summary>Where a checkpoint stands, except for the joins that were open: they come back while the records between <see cref="NextOffset"/> and
    /// <see cref="RebuildUntil"/> are read again.</summary>
    /// <param name="experiment">What to learn.</param>
    /// <param name="checkpoint">Where to go on.</param>
    /// <param name="trainers">Where trainers come from; null for the CPU's. Makes no difference to the state.</param>
    /// <exception cref="Recsys.Bandits.Snapshots.SnapshotFormatException">Trainer or joiner do not know their state.</exception>
    public PartitionState(Experiment experiment, Checkpoint checkpoint, TrainerFactory? trainers = null) : this(experiment, trainers)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var rule = experiment.Definition.Reward;
        try
        {
            _trainer.ReadCheckpoint(checkpoint.Trainer.Span);
            _joiner = InteractionJoiner.Resume(rule, JoinLimits.For(rule), checkpoint.Resume, checkpoint.Counts);
        }
        catch
        {
            Dispose();
            throw;
        }
        NextOffset = checkpoint.Resume.Offset;
        RebuildUntil = checkpoint.NextOffset;
    }

    /// <summary>The offset of the first record that has not been read.</summary>
    public long NextOffset { get; private set; }

    /// <summary>The first record that is not part of the loaded state; 0 after a cold start.</summary>
    public long RebuildUntil { get; private set; }

    /// <summary>Whether records are still being read again. Nothing is saved or published meanwhile.</summary>
    public bool IsRebuilding => NextOffset < RebuildUntil;

    /// <summary>Interactions learned.</summary>
    public long Interactions => _trainer.Interactions;

    /// <summary>Interactions joined and not learned yet.</summary>
    public int Waiting => _joined.Count;

    /// <summary>What became of the events.</summary>
    public JoinCounts Counts => _joiner.Counts;

    /// <summary>Edges with statistics and refused updates of edges; null for a policy without edges.</summary>
    public (int Edges, long RefusedUpdates)? Table => _trainer is DiagLinUcbTrainer trainer ? (trainer.Edges, trainer.RefusedUpdates) : null;

    /// <summary>How well the trainer foresees rewards; null for one that does not say.</summary>
    public (double Loss, long DriftAlarms)? Foresight => _trainer is IPrequentialTrainer trainer ? (trainer.PrequentialLoss, trainer.DriftAlarms) : null;

    /// <summary>What networks had no room for, and how often they began anew; null for a trainer without.</summary>
    public (long RefusedInputs, long Restarts)? Networks => _trainer is INetworkTrainer trainer ? (trainer.RefusedInputs, trainer.NetworkRestarts) : null;

    /// <summary>Event time at which a reward window closes next, Unix ms, or null when none is open.</summary>
    public long? NextDeadline => _joiner.NextDeadline;

    /// <summary>When the log took the last record, Unix ms; 0 before the first.</summary>
    public long AppendedAt { get; private set; }

    /// <summary>When the log took the first of the records whose interactions have not been marked as published, Unix ms; null when there is none.</summary>
    public long? UnpublishedSince { get; private set; }

    /// <summary>Event time between a decision and the reward for it that the last record brought, ms; null when it brought none.</summary>
    public long? JoinedAfter => _joiner.JoinedAfter;

    /// <summary>The newest interaction learned, or null: a realistic query to try new parameters with.</summary>
    public Interaction? Newest { get; private set; }

    /// <summary>The newest interactions that networks have learned, for comparing parameters; none for other trainers. Not part of the state.</summary>
    public IReadOnlyCollection<Interaction> Recent => _recent;

    /// <summary>Takes in the next record.</summary>
    /// <param name="record">Its offset is not below the last one's.</param>
    /// <param name="learns">
    /// Whether decisions that do not say so themselves are learned from; false in mode <c>logging</c>. What is not learned is joined and counted all the same.
    /// </param>
    public RecordResult Take(in LogRecord record, bool learns)
    {
        if (record.Offset < NextOffset)
            return new(RecordFate.Known);
        // The log has none of the records in between any more.
        if (IsRebuilding && record.Offset >= RebuildUntil)
            ExpectRebuilt();
        NextOffset = record.Offset + 1;
        AppendedAt = Math.Max(AppendedAt, record.AppendedAt);
        var before = _joined.Count;
        var result = Apply(record);
        if (record.Offset < RebuildUntil)
        {
            if (!IsRebuilding)
                ExpectRebuilt();
            return new(RecordFate.Rebuilt, result.Event);
        }
        Expect();
        for (var i = _joined.Count - 1; i >= before; i--)
        {
            if (_joined[i].Learned ?? learns)
                continue;
            Settle(_joined[i]);
            _joined.RemoveAt(i);
        }
        if (_joined.Count > before)
            UnpublishedSince ??= record.AppendedAt;
        return result;
    }

    /// <summary>Goes on without the open joins, because the log no longer has the records that would rebuild them. What was learned stands.</summary>
    /// <param name="offset">The next record that the log will hand over, or later.</param>
    public void ForgetJoins(long offset)
    {
        var rule = _experiment.Definition.Reward;
        Learn();
        _pending?.ForgetExpected();
        NextOffset = RebuildUntil = offset;
        _joiner = InteractionJoiner.Resume(rule, JoinLimits.For(rule), new JoinResumePoint(offset, _joiner.Watermark, offset), _joiner.Counts);
    }

    /// <summary>Learns what has been joined. The state does not depend on when this is called.</summary>
    /// <returns>Interactions learned.</returns>
    public int Learn()
    {
        var count = _joined.Count;
        if (count == 0)
            return 0;
        _trainer.Learn(CollectionsMarshal.AsSpan(_joined));
        foreach (var interaction in _joined)
            Settle(interaction);
        Newest = _joined[^1];
        Remember();
        _joined.Clear();
        return count;
    }

    /// <summary>What serving needs, framed by the caller. Valid until the next call of any member.</summary>
    public ReadOnlyMemory<byte> Parameters()
    {
        Learn();
        _buffer.ResetWrittenCount();
        _trainer.WriteParameters(_buffer);
        return _buffer.WrittenMemory;
    }

    /// <summary>Whether <see cref="Delta"/> can ever give one.</summary>
    public bool WritesDeltas => _trainer is IDeltaTrainer;

    /// <summary>What serving needs of what was learned since <see cref="MarkPublished"/>, framed by the caller; null where only all of it will do. Valid until the
    /// next call of any member.</summary>
    public ReadOnlyMemory<byte>? Delta()
    {
        if (_trainer is not IDeltaTrainer trainer)
            return null;
        Learn();
        _buffer.ResetWrittenCount();
        // Said with its type: a bare null would become an empty memory, which is no delta either.
        return trainer.TryWriteDelta(_buffer) ? _buffer.WrittenMemory : default(ReadOnlyMemory<byte>?);
    }

    /// <summary>What <see cref="Parameters"/> or <see cref="Delta"/> gave last has reached its readers.</summary>
    public void MarkPublished()
    {
        UnpublishedSince = null;
        (_trainer as IDeltaTrainer)?.MarkPublished();
    }

    /// <summary>The whole state as one value. Its bytes are valid until the next call of any member.</summary>
    /// <param name="epoch">Tenure of the writer.</param>
    /// <exception cref="InvalidOperationException">Still rebuilding: such a checkpoint would lose open joins.</exception>
    public Checkpoint Capture(long epoch)
    {
        if (IsRebuilding)
            throw new InvalidOperationException($"The joins before offset {RebuildUntil} are not rebuilt yet; reading stands at {NextOffset}.");
        return new Checkpoint(
            _experiment.Definition.Generation, _experiment.CreatedAt, epoch, NextOffset, _joiner.ResumePoint(NextOffset), _joiner.Counts, TrainerBytes());
    }

    /// <summary>Gives back what the trainer holds outside the process's memory. What was learned is gone with it.</summary>
    public void Dispose() => (_trainer as IDisposable)?.Dispose();

    /// <summary>Identifies the learned state.</summary>
    public ulong Digest() => Checkpoint.Digest(TrainerBytes().Span);

    private ReadOnlyMemory<byte> TrainerBytes()
    {
        Learn();
        _buffer.ResetWrittenCount();
        _trainer.WriteCheckpoint(_buffer);
        return _buffer.WrittenMemory;
    }

    private void Remember()
    {
        if (_trainer is not INetworkTrainer)
            return;
        for (var i = Math.Max(0, _joined.Count - RecentMax); i < _joined.Count; i++)
        {
            if (_recent.Count == RecentMax)
                _recent.Dequeue();
            _recent.Enqueue(_joined[i]);
        }
    }

    /// <summary>The joins that were open when the checkpoint was written are open again: what they await is awaited again.</summary>
    private void ExpectRebuilt()
    {
        if (_expected is null)
            return;
        _joiner.Expected(_expected);
        Expect();
    }

    // What the log says is not to be learned was never awaited. Where the log leaves it to the mode, the mode may change before the reward comes; it is awaited, and
    // settled whatever becomes of it.
    private void Expect()
    {
        if (_expected is null)
            return;
        foreach (var impression in _expected)
        {
            if (impression.Learned != false)
                _pending!.Expect(impression);
        }
        _expected.Clear();
    }

    private void Settle(Interaction interaction)
    {
        if (_pending is not null && interaction.Learned != false)
            _pending.Settle(interaction.Impression);
    }

    private RecordResult Apply(in LogRecord record)
    {
        LoggedEvent logged;
        try
        {
            logged = EventDecoder.Decode(record, _experiment.Definition.Features);
        }
        catch (EventFormatException problem)
        {
            return new(RecordFate.Undecodable, null, problem.Message);
        }
        catch (Exception problem) when (problem is not OutOfMemoryException)
        {
            // A mistake of the decoder, met by bytes that anybody can write: the partition goes on, the letter says where to look.
            return new(RecordFate.Undecodable, null, $"The decoder failed: {problem.GetType().Name}: {problem.Message}");
        }
        // Decision time and creation time come from the same clocks, the log's own time from another.
        if (logged is DecisionEvent decision && decision.Time < _experiment.CreatedAt)
            return new(RecordFate.Older, logged);
        var rule = _experiment.Definition.Reward;
        return _joiner.Apply(logged, record.Offset, record.AppendedAt, _joined, _expected) == JoinOutcome.Invalid
            ? new(RecordFate.Invalid, logged, $"The reward is outside [{rule.Minimum}, {rule.Maximum}], or names an action that was not shown.")
            : new(RecordFate.Taken, logged);
    }
}
