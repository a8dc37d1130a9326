namespace Recsys.Bandits.Interactions;

/// <summary>
/// Joins the decisions of one partition with their rewards, in event time: a state machine that is a pure function of the events given to it.
/// </summary>
/// <remarks>
/// <para>
/// A decision takes rewards while event time is before its own time plus the window, and is remembered for as long again, so that duplicate and late
/// rewards are told from orphans. Under <see cref="RewardAggregate.First"/> a position is learned with its first reward; under the others when the
/// window closes, the joined reward clamped to the rule's range. A reward names its action or means the first position. A decision that is not
/// activated before its window closes is not learned; its rewards wait for the activation. Rewards and activations that come before their
/// decision wait <see cref="JoinLimits.EarlyWait"/>. When an id is used again after it was forgotten, it is a new decision.
/// </para>
/// <para>
/// The state is never written down. <see cref="ResumePoint"/> names the oldest record that still matters and the records at which the decisions
/// remembered began; whoever applies the records from there on has the same state. Event time needs every record; the rest of the state needs
/// only the remembered decisions, and each of these is rebuilt alone.
/// </para>
/// <para>Amortised O(log n) per event, n decisions held.</para>
/// </remarks>
public sealed class InteractionJoiner
{
    private readonly RewardRule _rule;
    private readonly JoinLimits _limits;
    private readonly long _window;
    private readonly Dictionary<string, DecisionWindow> _decisions = new(StringComparer.Ordinal);
    private readonly WaitingEvents _waiting = new();
    private readonly PriorityQueue<DecisionWindow, (long Time, long Offset)> _closing = new();
    private readonly PriorityQueue<DecisionWindow, (long Time, long Offset)> _forgetting = new();
    private DecisionWindow? _oldest, _newest;
    private JoinCounts _counts;

    // While the records before _liveFrom are applied again, only those in _starts may begin something.
    private readonly long _liveFrom;
    private long[] _starts;
    private int _startsPassed;

    /// <summary>A joiner that has seen nothing.</summary>
    public InteractionJoiner(RewardRule rule, JoinLimits limits) : this(rule, limits, default)
    {
    }

    private InteractionJoiner(RewardRule rule, JoinLimits limits, JoinResumePoint point)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limits.RetainedMax);
        _rule = rule;
        _limits = limits;
        _window = Math.Max(1, (long)rule.Window.TotalMilliseconds);
        Watermark = point.Watermark;
        _liveFrom = point.NextOffset;
        _starts = point.ReadStarts();
    }

    /// <summary>Event time: the latest time of any event so far, Unix ms, none taken for later than the log took it; 0 before the first.</summary>
    public long Watermark { get; private set; }

    /// <summary>What became of the events.</summary>
    public JoinCounts Counts => _counts;

    /// <summary>How long after its decision the reward came that the last event joined, event-time ms, at least 0; null when it joined none at once.</summary>
    public long? JoinedAfter { get; private set; }

    /// <summary>Decisions and early rewards and activations that are held.</summary>
    public int Pending => _decisions.Count + _waiting.Count;

    /// <summary>Event time at which a window closes, or an early reward is given up, next; null when nothing waits. A tick of this time does it.</summary>
    public long? NextDeadline
    {
        get
        {
            var waiting = _waiting.Deadline;
            return _closing.TryPeek(out _, out var due) && !(due.Time > waiting) ? due.Time : waiting;
        }
    }

    /// <summary>
    /// A joiner that stands where another stood before <paramref name="point"/>. Apply the records from <see cref="JoinResumePoint.Offset"/> on: those
    /// before <see cref="JoinResumePoint.NextOffset"/> rebuild the state and neither give interactions nor count.
    /// </summary>
    /// <param name="rule">The rule that the other had.</param>
    /// <param name="limits">The limits that the other had.</param>
    /// <param name="point">Made by <see cref="ResumePoint"/>.</param>
    /// <param name="counts">The other's counts at that point.</param>
    /// <exception cref="Snapshots.SnapshotFormatException">The point is damaged.</exception>
    public static InteractionJoiner Resume(RewardRule rule, JoinLimits limits, JoinResumePoint point, JoinCounts counts = default) =>
        new(rule, limits, point) { _counts = counts };

    /// <summary>Replaces the counts by those of a checkpoint.</summary>
    public void RestoreCounts(in JoinCounts counts) => _counts = counts;

    /// <summary>From where the state before <paramref name="nextOffset"/> is rebuilt. O(n).</summary>
    /// <param name="nextOffset">The offset after the last record applied.</param>
    public JoinResumePoint ResumePoint(long nextOffset)
    {
        var starts = new List<long>(_decisions.Count);
        var (first, watermark) = (nextOffset, Watermark);
        var ascending = true;
        void Start(long offset, long watermarkBefore)
        {
            ascending &= starts.Count == 0 || starts[^1] < offset;
            starts.Add(offset);
            if (offset < first)
                (first, watermark) = (offset, watermarkBefore);
        }
        for (var window = _oldest; window is not null; window = window.Newer)
            Start(window.FirstOffset, window.WatermarkBefore);
        foreach (var head in _waiting.Heads)
            Start(head.Offset, head.WatermarkBefore);
        if (!ascending)
            starts.Sort();
        return new(first, watermark, nextOffset, OffsetSet.Write(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(starts)));
    }

    /// <summary>Takes in the next event of the partition.</summary>
    /// <param name="logged">The event.</param>
    /// <param name="offset">Its offset, larger than any before.</param>
    /// <param name="appendedAt">When the log took it, Unix ms; bounds the event's own time.</param>
    /// <param name="joined">Receives the interactions that are now complete: those whose window closed by deadline, then offset, then the event's own.</param>
    /// <param name="expected">
    /// Receives the impressions that are certain from now on to become interactions; null when nobody wants to know. Each does, exactly once and perhaps with this very
    /// event, and no interaction comes that was not expected: rewards, duplicates, deadlines and eviction only say when.
    /// </param>
    public JoinOutcome Apply(
        LoggedEvent logged, long offset, long appendedAt, ICollection<Interaction> joined, ICollection<Impression>? expected = null)
    {
        ArgumentNullException.ThrowIfNull(logged);
        ArgumentNullException.ThrowIfNull(joined);
        if (offset >= _liveFrom)
        {
            _starts = [];
            return Apply(logged, offset, appendedAt, mayStart: true, ref _counts, joined, expected);
        }
        while (_startsPassed < _starts.Length && _starts[_startsPassed] < offset)
            _startsPassed++;
        var counts = default(JoinCounts);
        return Apply(logged, offset, appendedAt, _startsPassed < _starts.Length && _starts[_startsPassed] == offset, ref counts, joined: null, expected: null);
    }

    /// <summary>
    /// Names the impressions that were expected and have not become interactions; after a rebuild these are those of the joiner whose state was rebuilt. O(n), at most
    /// <see cref="JoinLimits.RetainedMax"/> decisions.
    /// </summary>
    public void Expected(ICollection<Impression> into)
    {
        ArgumentNullException.ThrowIfNull(into);
        for (var window = _oldest; window is not null; window = window.Newer)
            window.Expect(into);
    }

    private JoinOutcome Apply(
        LoggedEvent logged, long offset, long appendedAt, bool mayStart, ref JoinCounts counts, ICollection<Interaction>? joined,
        ICollection<Impression>? expected)
    {
        var time = Math.Clamp(logged.Time, appendedAt - _limits.BehindMax, appendedAt + _limits.AheadMax);
        if (time != logged.Time)
            counts.Clamped++;
        // What is in the log has happened: a clock that runs ahead makes its own decisions wait longer, and closes nobody's window early.
        var happened = Math.Min(time, appendedAt);
        var before = Watermark;
        JoinedAfter = null;
        Watermark = Math.Max(Watermark, happened);
        CloseDue(ref counts, joined);
        switch (logged)
        {
            case DecisionEvent decision:
                return Decide(decision, time, offset, before, mayStart, ref counts, joined, expected);
            case RewardEvent reward:
                if (!(reward.Value >= _rule.Minimum && reward.Value <= _rule.Maximum))
                {
                    counts.Invalid++;
                    return JoinOutcome.Invalid;
                }
                if (!_decisions.TryGetValue(reward.DecisionId, out var rewarded))
                    return Wait(new Waiting(reward, reward.DecisionId, happened, Watermark + _limits.EarlyWait, offset, before), mayStart, ref counts);
                var outcome = rewarded.Take(reward, Watermark, ref counts, joined);
                if (outcome == JoinOutcome.Joined)
                    JoinedAfter = Math.Max(0, time - rewarded.DecidedAt);
                BurySettled();
                return outcome;
            case ActivationEvent activation:
                if (!_decisions.TryGetValue(activation.DecisionId, out var shown))
                    return Wait(new Waiting(null, activation.DecisionId, happened, Watermark + _limits.EarlyWait, offset, before), mayStart, ref counts);
                var activated = shown.Activate(Watermark, ref counts, joined, expected);
                BurySettled();
                return activated;
            default:
                return JoinOutcome.Accepted;
        }
    }

    private JoinOutcome Decide(
        DecisionEvent decision, long time, long offset, long before, bool mayStart, ref JoinCounts counts, ICollection<Interaction>? joined,
        ICollection<Impression>? expected)
    {
        if (_decisions.ContainsKey(decision.DecisionId))
        {
            counts.RepeatedDecisions++;
            return JoinOutcome.Duplicate;
        }
        if (!mayStart && !_waiting.Has(decision.DecisionId))
            return JoinOutcome.Accepted;

        var (firstOffset, watermarkBefore) = (offset, before);
        var early = _waiting.Take(decision.DecisionId);
        foreach (var first in early)
        {
            (firstOffset, watermarkBefore) = (first.Offset, first.WatermarkBefore);
            break;
        }
        var window = new DecisionWindow(_rule, decision, time, _window)
        {
            Offset = offset,
            FirstOffset = firstOffset,
            WatermarkBefore = watermarkBefore,
        };
        counts.Decisions++;
        counts.Positions += decision.Chosen.Count;
        if (_decisions.Count >= _limits.RetainedMax)
        {
            // The oldest decision first: then nothing that is remembered, and rebuilt by reading again from the oldest, was ever evicted.
            var oldest = _oldest!;
            counts.Evicted++;
            oldest.Close(ref counts, joined);
            Forget(oldest);
        }
        Hold(window);
        window.Expect(expected);
        foreach (var waited in early)
        {
            if (waited.Reward is { } reward)
                window.Take(reward, waited.Time, ref counts, joined);
            else
                window.Activate(waited.Time, ref counts, joined, expected);
        }
        // A decision may come so late that its window has passed.
        CloseDue(ref counts, joined);
        return JoinOutcome.Accepted;
    }

    private JoinOutcome Wait(in Waiting waiting, bool mayStart, ref JoinCounts counts)
    {
        if (!mayStart && !_waiting.Has(waiting.DecisionId))
            return JoinOutcome.Accepted;
        if (waiting.Until <= Watermark)
        {
            counts.Orphan++;
            return JoinOutcome.Orphan;
        }
        if (_waiting.Count >= _limits.WaitingMax)
        {
            counts.Orphan++;
            _waiting.DropFirst();
        }
        _waiting.Add(waiting.DecisionId, waiting);
        return JoinOutcome.Waiting;
    }

    private void CloseDue(ref JoinCounts counts, ICollection<Interaction>? joined)
    {
        while (_closing.TryPeek(out var window, out var due) && due.Time <= Watermark)
        {
            _closing.Dequeue();
            if (window.IsGone)
                continue;
            window.Close(ref counts, joined);
            Bury(window);
        }
        BurySettled();
        while (_forgetting.TryPeek(out var window, out var due) && due.Time <= Watermark)
        {
            _forgetting.Dequeue();
            if (!window.IsGone)
                Forget(window);
        }
        while (_waiting.Deadline <= Watermark)
        {
            counts.Orphan++;
            _waiting.DropFirst();
        }
    }

    // Keeps NextDeadline true: what has nothing more to give is not waited for.
    private void BurySettled()
    {
        while (_closing.TryPeek(out var window, out _) && (window.IsGone || window.IsSettled))
        {
            _closing.Dequeue();
            if (!window.IsGone)
                Bury(window);
        }
    }

    private void Bury(DecisionWindow window)
    {
        window.IsTombstone = true;
        _forgetting.Enqueue(window, (window.ForgetAt, window.Offset));
    }

    private void Hold(DecisionWindow window)
    {
        _decisions.Add(window.DecisionId, window);
        window.Older = _newest;
        if (_newest is null)
            _oldest = window;
        else
            _newest.Newer = window;
        _newest = window;
        _closing.Enqueue(window, (window.CloseAt, window.Offset));
        // Evicted decisions leave their timers behind.
        if (_closing.Count + _forgetting.Count > 2L * _limits.RetainedMax + 64)
            RebuildTimers();
    }

    private void Forget(DecisionWindow window)
    {
        window.IsGone = true;
        _decisions.Remove(window.DecisionId);
        if (window.Older is null)
            _oldest = window.Newer;
        else
            window.Older.Newer = window.Newer;
        if (window.Newer is null)
            _newest = window.Older;
        else
            window.Newer.Older = window.Older;
        window.Older = window.Newer = null;
    }

    private void RebuildTimers()
    {
        _closing.Clear();
        _forgetting.Clear();
        for (var window = _oldest; window is not null; window = window.Newer)
        {
            if (window.IsTombstone)
                _forgetting.Enqueue(window, (window.ForgetAt, window.Offset));
            else
                _closing.Enqueue(window, (window.CloseAt, window.Offset));
        }
    }
}
