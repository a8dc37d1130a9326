using Recsys.Bandits.Features;

namespace Recsys.Bandits.Interactions;

/// <summary>
/// Joins the decisions of one partition with their rewards, in event time: a state machine that is a pure function of the events given to it. A
/// decision takes rewards for one window and is remembered for two, so that duplicate and late rewards are told from orphans.
/// </summary>
/// <remarks>
/// The state is never written down. Everything it holds came from a suffix of the log, so <see cref="ResumePoint"/> names the oldest record that
/// still matters and a successor reads from there, discarding what comes out. For that to be exact a decision counts as
/// mattering until the last event that touched it can no longer be mistaken for anything else.
/// </remarks>
public sealed class InteractionJoiner
{
    private readonly RewardRule _rule;
    private readonly JoinLimits _limits;
    private readonly long _window;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Queue<Entry> _byOffset = new();
    private readonly PriorityQueue<Entry, (long Time, long Offset)> _timers = new();
    private JoinCounts _counts;

    /// <summary>A joiner that has seen nothing.</summary>
    public InteractionJoiner(RewardRule rule, JoinLimits limits) : this(rule, limits, long.MinValue)
    {
    }

    private InteractionJoiner(RewardRule rule, JoinLimits limits, long watermark)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(limits);
        _rule = rule;
        _limits = limits;
        _window = Math.Max(1, (long)rule.Window.TotalMilliseconds);
        Watermark = watermark;
    }

    /// <summary>Event time: the latest time of any event so far, Unix ms.</summary>
    public long Watermark { get; private set; }

    /// <summary>What became of the events.</summary>
    public JoinCounts Counts => _counts;

    /// <summary>Decisions, and early rewards, that are held.</summary>
    public int Retained => _byOffset.Count;

    /// <summary>Decisions whose window is open; while there are any, time has to move on.</summary>
    public int Open { get; private set; }

    /// <summary>Event time at which something closes next, or null when nothing waits.</summary>
    public long? NextDeadline => Open > 0 && _timers.TryPeek(out _, out var due) ? due.Time : null;

    /// <summary>A joiner that stands where another stood before <paramref name="point"/>: apply the records from there on, discard what comes out up to the
    /// checkpoint, then call <see cref="RestoreCounts"/>.</summary>
    public static InteractionJoiner Resume(RewardRule rule, JoinLimits limits, JoinResumePoint point) => new(rule, limits, point.Watermark);

    /// <summary>Replaces the counts by those of the checkpoint, after the records before it were read again.</summary>
    public void RestoreCounts(in JoinCounts counts) => _counts = counts;

    /// <summary>The oldest record that still matters, or the next one when none does.</summary>
    /// <param name="nextOffset">The offset after the last record applied.</param>
    public JoinResumePoint ResumePoint(long nextOffset) =>
        _byOffset.TryPeek(out var oldest) ? new(oldest.Offset, oldest.WatermarkBefore) : new(nextOffset, Watermark);

    /// <summary>Takes in the next event of the partition.</summary>
    /// <param name="logged">The event.</param>
    /// <param name="offset">Its offset, larger than any before.</param>
    /// <param name="appendedAt">When the log took it, Unix ms; bounds the event's own time.</param>
    /// <param name="joined">Receives the interactions that are now complete, ordered by deadline, then offset.</param>
    public JoinOutcome Apply(LoggedEvent logged, long offset, long appendedAt, ICollection<Interaction> joined)
    {
        ArgumentNullException.ThrowIfNull(logged);
        ArgumentNullException.ThrowIfNull(joined);
        var time = Math.Clamp(logged.Time, appendedAt - _limits.BehindMax, appendedAt + _limits.AheadMax);
        if (time != logged.Time)
            _counts.Clamped++;
        var before = Watermark;
        Advance(time, joined);
        return logged switch
        {
            DecisionEvent decision => Take(decision, time, offset, before, joined),
            RewardEvent reward => Take(reward, time, offset, before, joined),
            ActivationEvent activation => Take(activation, time, offset, before, joined),
            _ => JoinOutcome.Accepted,
        };
    }

    private void Advance(long time, ICollection<Interaction> joined)
    {
        if (time > Watermark)
            Watermark = time;
        while (_timers.TryPeek(out var entry, out var due) && due.Time <= Watermark)
        {
            _timers.Dequeue();
            if (entry.Gone)
                continue;
            if (entry.IsOpen && entry.CloseAt <= Watermark)
                Close(entry, joined);
            if (entry.ForgetAt <= Watermark)
                Forget(entry);
            if (entry.KeepUntil <= Watermark)
                entry.Gone = true;
            else
                _timers.Enqueue(entry, (entry.NextTimer, entry.Offset));
        }
        while (_byOffset.TryPeek(out var oldest) && oldest.Gone)
            _byOffset.Dequeue();
    }

    private JoinOutcome Take(DecisionEvent decision, long time, long offset, long before, ICollection<Interaction> joined)
    {
        Entry? early = null;
        if (_entries.TryGetValue(decision.DecisionId, out var known))
        {
            if (known.Decision is not null)
            {
                _counts.RepeatedDecisions++;
                // Read without the first, this second decision would live for two windows.
                known.Touch(time + 2 * _window + _limits.EarlyWait);
                return JoinOutcome.Duplicate;
            }
            early = known;
        }

        var entry = new Entry(decision.DecisionId, offset, before)
        {
            Decision = decision,
            Activated = decision.Activated,
            Slots = new Slot[decision.Chosen.Count],
            CloseAt = time + _window,
            ForgetAt = time + 2 * _window,
            KeepUntil = time + 2 * _window,
            IsOpen = true,
        };
        Open++;
        _counts.Decisions++;
        Hold(entry, joined);
        if (early is not null)
        {
            // Whatever the early events did to this decision is rebuilt only if they are read again too.
            early.Touch(entry.KeepUntil);
            early.Forgotten = true;
            _entries[decision.DecisionId] = entry;
            foreach (var (logged, at) in early.Early)
            {
                if (logged is RewardEvent reward)
                    Join(entry, reward, at, joined);
                else
                    Activate(entry, joined);
            }
        }
        return JoinOutcome.Accepted;
    }

    private JoinOutcome Take(RewardEvent reward, long time, long offset, long before, ICollection<Interaction> joined)
    {
        if (!(reward.Value >= _rule.Minimum && reward.Value <= _rule.Maximum))
        {
            _counts.Invalid++;
            return JoinOutcome.Invalid;
        }
        if (!_entries.TryGetValue(reward.DecisionId, out var entry))
            return Wait(reward, reward.DecisionId, time, offset, before, joined);
        entry.Touch(time + _limits.EarlyWait);
        if (entry.Decision is not null)
            return Join(entry, reward, time, joined);
        return WaitMore(entry, reward, time);
    }

    private JoinOutcome Take(ActivationEvent activation, long time, long offset, long before, ICollection<Interaction> joined)
    {
        if (!_entries.TryGetValue(activation.DecisionId, out var entry))
            return Wait(activation, activation.DecisionId, time, offset, before, joined);
        entry.Touch(time + _limits.EarlyWait);
        if (entry.Decision is not null)
            return Activate(entry, joined);
        return WaitMore(entry, activation, time);
    }

    private JoinOutcome Wait(LoggedEvent logged, string decisionId, long time, long offset, long before, ICollection<Interaction> joined)
    {
        var until = time + _limits.EarlyWait;
        var entry = new Entry(decisionId, offset, before) { CloseAt = long.MaxValue, ForgetAt = until, KeepUntil = until };
        entry.Early.Add((logged, time));
        Hold(entry, joined);
        return JoinOutcome.Waiting;
    }

    private static JoinOutcome WaitMore(Entry entry, LoggedEvent logged, long time)
    {
        // A client that repeats itself before its decision arrives must not fill the memory.
        if (entry.Early.Count >= JoinLimits.RewardIdsMax)
            entry.EarlyRefused++;
        else
            entry.Early.Add((logged, time));
        return JoinOutcome.Waiting;
    }

    private JoinOutcome Join(Entry entry, RewardEvent reward, long time, ICollection<Interaction> joined)
    {
        if (!entry.IsOpen || time >= entry.CloseAt)
        {
            _counts.Late++;
            return JoinOutcome.Late;
        }
        var index = entry.IndexOf(reward.Action);
        if (index < 0)
        {
            _counts.Invalid++;
            return JoinOutcome.Invalid;
        }
        if (reward.EventId is not null)
        {
            entry.RewardIds ??= new(StringComparer.Ordinal);
            if (entry.RewardIds.Contains(reward.EventId) || entry.RewardIds.Count >= JoinLimits.RewardIdsMax)
            {
                _counts.Duplicate++;
                return JoinOutcome.Duplicate;
            }
            entry.RewardIds.Add(reward.EventId);
        }
        ref var slot = ref entry.Slots[index];
        if (slot.Count > 0 && _rule.Aggregate == RewardAggregate.First)
        {
            _counts.Duplicate++;
            return JoinOutcome.Duplicate;
        }
        slot.Sum += reward.Value;
        slot.Largest = slot.Count == 0 ? reward.Value : Math.Max(slot.Largest, reward.Value);
        slot.Count++;
        _counts.Joined++;
        if (_rule.Aggregate == RewardAggregate.First && entry.Activated)
            Emit(entry, index, joined);
        return JoinOutcome.Joined;
    }

    private JoinOutcome Activate(Entry entry, ICollection<Interaction> joined)
    {
        if (!entry.IsOpen)
        {
            _counts.Late++;
            return JoinOutcome.Late;
        }
        _counts.Activations++;
        if (entry.Activated)
            return JoinOutcome.Duplicate;
        entry.Activated = true;
        for (var i = 0; i < entry.Slots.Length && _rule.Aggregate == RewardAggregate.First; i++)
        {
            if (entry.Slots[i].Count > 0)
                Emit(entry, i, joined);
        }
        return JoinOutcome.Accepted;
    }

    private void Close(Entry entry, ICollection<Interaction> joined)
    {
        entry.IsOpen = false;
        Open--;
        if (!entry.Activated)
        {
            _counts.Unactivated++;
        }
        else
        {
            for (var i = 0; i < entry.Slots.Length; i++)
            {
                if (entry.Slots[i].Emitted)
                    continue;
                if (entry.Slots[i].Count == 0)
                    _counts.Defaulted++;
                Emit(entry, i, joined);
            }
        }
        // What is remembered from here on is that the decision existed.
        entry.Slots = [];
        entry.RewardIds = null;
        entry.Decision = entry.Decision! with { Context = FeatureSet.Empty, Actions = [], Chosen = [], Clusters = [] };
    }

    private void Emit(Entry entry, int index, ICollection<Interaction> joined)
    {
        ref var slot = ref entry.Slots[index];
        slot.Emitted = true;
        var decision = entry.Decision!;
        var chosen = decision.Chosen[index];
        var action = decision.Actions[chosen.Action];
        var reward = slot.Count == 0 ? _rule.Default : _rule.Aggregate switch
        {
            RewardAggregate.Max => slot.Largest,
            RewardAggregate.Mean => slot.Sum / slot.Count,
            _ => slot.Sum,
        };
        joined.Add(new Interaction(
            decision.Context, action.Key, action.Features, ClustersOf(decision, action), chosen.Propensity, (float)reward, decision.Time));
    }

    private static ClusterWeight[] ClustersOf(DecisionEvent decision, LoggedAction action)
    {
        var count = 0;
        for (var i = 0; i < decision.Clusters.Count; i++)
            count += (int)(action.ClusterMask >> i & 1);
        var clusters = new ClusterWeight[count];
        for (int i = 0, at = 0; i < decision.Clusters.Count; i++)
        {
            if ((action.ClusterMask >> i & 1) != 0)
                clusters[at++] = decision.Clusters[i];
        }
        return clusters;
    }

    private void Hold(Entry entry, ICollection<Interaction> joined)
    {
        _entries[entry.DecisionId] = entry;
        _byOffset.Enqueue(entry);
        _timers.Enqueue(entry, (entry.NextTimer, entry.Offset));
        while (_byOffset.Count > _limits.RetainedMax)
        {
            // Oldest first, so that no record read again after a restart was ever evicted.
            var oldest = _byOffset.Dequeue();
            if (oldest.Gone)
                continue;
            if (oldest.IsOpen)
            {
                _counts.Evicted++;
                Close(oldest, joined);
            }
            Forget(oldest);
            oldest.Gone = true;
        }
    }

    private void Forget(Entry entry)
    {
        if (entry.Forgotten)
            return;
        entry.Forgotten = true;
        if (entry.Decision is null)
            _counts.Orphan += entry.Early.Count + entry.EarlyRefused;
        _entries.Remove(entry.DecisionId);
    }

    private sealed class Entry(string decisionId, long offset, long watermarkBefore)
    {
        public readonly string DecisionId = decisionId;
        public readonly long Offset = offset;
        public readonly long WatermarkBefore = watermarkBefore;
        public readonly List<(LoggedEvent Event, long Time)> Early = [];
        public DecisionEvent? Decision;
        public HashSet<string>? RewardIds;
        public Slot[] Slots = [];
        public bool Activated;
        public bool IsOpen;
        public bool Forgotten;
        public bool Gone;
        public int EarlyRefused;
        public long CloseAt;
        public long ForgetAt;
        public long KeepUntil;

        public long NextTimer => IsOpen ? CloseAt : Forgotten ? KeepUntil : ForgetAt;

        public void Touch(long until) => KeepUntil = Math.Max(KeepUntil, until);

        public int IndexOf(string? action)
        {
            if (action is null)
                return 0;
            var chosen = Decision!.Chosen;
            for (var i = 0; i < chosen.Count; i++)
            {
                if (Decision.Actions[chosen[i].Action].Id == action)
                    return i;
            }
            return -1;
        }
    }

    private struct Slot
    {
        public int Count;
        public double Sum;
        public double Largest;
        public bool Emitted;
    }
}
