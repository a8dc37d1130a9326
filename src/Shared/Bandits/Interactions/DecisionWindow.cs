using Recsys.Bandits.Features;

namespace Recsys.Bandits.Interactions;

/// <summary>
/// One decision while it is remembered: open for rewards for one window, then for another one only able to tell late and duplicate rewards
/// from orphans.
/// </summary>
internal sealed class DecisionWindow
{
    private readonly RewardRule _rule;
    private readonly Slot[] _slots;
    private readonly bool? _learned;

    // Of the candidates only the chosen ones are kept: a decision may list a thousand, and a million decisions may be open.
    private FeatureSet _context;
    private IReadOnlyList<ClusterWeight> _clusters;
    private HashSet<string>? _rewardIds;
    private int _unlearned;
    private bool _activated;
    private bool _closed;

    public DecisionWindow(RewardRule rule, DecisionEvent decision, long decidedAt, long window)
    {
        _rule = rule;
        _context = decision.Context;
        _clusters = decision.Clusters;
        _activated = decision.Activated;
        _learned = decision.Learned;
        DecisionId = decision.DecisionId;
        DecidedAt = decidedAt;
        CloseAt = decidedAt + window;
        ForgetAt = decidedAt + 2 * window;
        _slots = new Slot[decision.Chosen.Count];
        for (var i = 0; i < _slots.Length; i++)
        {
            var chosen = decision.Chosen[i];
            var action = decision.Actions[chosen.Action];
            _slots[i] = new Slot
            {
                Action = action.Id, Shown = action, Propensity = chosen.Propensity, Trace = i < decision.Traces.Count ? decision.Traces[i] : null,
            };
        }
        _unlearned = _slots.Length;
    }

    public string DecisionId { get; }

    public long DecidedAt { get; }

    /// <summary>From here on rewards are late.</summary>
    public long CloseAt { get; }

    /// <summary>From here on nothing is known of it.</summary>
    public long ForgetAt { get; }

    /// <summary>Place of the decision in the log: breaks ties between deadlines.</summary>
    public required long Offset { get; init; }

    /// <summary>Place of the first event that it needs: the decision, or an earlier reward.</summary>
    public required long FirstOffset { get; init; }

    /// <summary>Event time before <see cref="FirstOffset"/>.</summary>
    public required long WatermarkBefore { get; init; }

    /// <summary>Nothing more will come out of it.</summary>
    public bool IsSettled => _closed || _unlearned == 0;

    /// <summary>Neighbours in the order of decisions; kept by the joiner.</summary>
    public DecisionWindow? Older, Newer;

    /// <summary>Whether it waits to be forgotten rather than to be closed; kept by the joiner.</summary>
    public bool IsTombstone;

    /// <summary>Forgotten; timers that still know it pass over it.</summary>
    public bool IsGone;

    /// <param name="reward">A reward in the rule's range.</param>
    /// <param name="now">Event time, or the reward's own if it came before the decision and waited.</param>
    /// <param name="counts">Takes the outcome.</param>
    /// <param name="joined">Takes what is learned with it; null while rebuilding.</param>
    public JoinOutcome Take(RewardEvent reward, long now, ref JoinCounts counts, ICollection<Interaction>? joined)
    {
        var index = IndexOf(reward.Action);
        if (index < 0)
        {
            counts.Invalid++;
            return JoinOutcome.Invalid;
        }
        ref var slot = ref _slots[index];
        if (slot.Count > 0 && _rule.Aggregate == RewardAggregate.First)
        {
            counts.Duplicate++;
            return JoinOutcome.Duplicate;
        }
        if (now >= CloseAt)
        {
            counts.Late++;
            return JoinOutcome.Late;
        }
        if (reward.EventId is not null && _rule.Aggregate != RewardAggregate.First)
        {
            _rewardIds ??= new(StringComparer.Ordinal);
            if (_rewardIds.Count >= JoinLimits.RewardIdsMax || !_rewardIds.Add(reward.EventId))
            {
                counts.Duplicate++;
                return JoinOutcome.Duplicate;
            }
        }
        slot.Largest = slot.Count == 0 ? reward.Value : Math.Max(slot.Largest, reward.Value);
        slot.Sum += reward.Value;
        slot.Count++;
        counts.Joined++;
        if (_rule.Aggregate == RewardAggregate.First && _activated)
            Learn(index, ref counts, joined);
        return JoinOutcome.Joined;
    }

    /// <summary>It was really shown: from now on it can be learned.</summary>
    /// <param name="now">Event time, or the activation's own if it came before the decision and waited.</param>
    /// <param name="counts">Takes the outcome.</param>
    /// <param name="joined">Takes what is learned with it; null while rebuilding.</param>
    /// <param name="expected">Takes what is awaited because of it; or null.</param>
    public JoinOutcome Activate(long now, ref JoinCounts counts, ICollection<Interaction>? joined, ICollection<Impression>? expected)
    {
        if (now >= CloseAt)
        {
            counts.Late++;
            return JoinOutcome.Late;
        }
        counts.Activations++;
        if (_activated)
            return JoinOutcome.Duplicate;
        _activated = true;
        Expect(expected);
        if (_rule.Aggregate == RewardAggregate.First)
        {
            for (var i = 0; i < _slots.Length; i++)
            {
                if (_slots[i].Count > 0)
                    Learn(i, ref counts, joined);
            }
        }
        return JoinOutcome.Accepted;
    }

    /// <summary>Names the positions that will be learned and have not been: all of them, at first, once it was really shown.</summary>
    public void Expect(ICollection<Impression>? expected)
    {
        if (expected is null || !_activated || _closed)
            return;
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i] is { IsLearned: false, Shown: { } action })
                expected.Add(new Impression(action.Key, ClustersOf(action)) { Learned = _learned });
        }
    }

    /// <summary>The window is over: learns what is left, with the default reward where there was none.</summary>
    public void Close(ref JoinCounts counts, ICollection<Interaction>? joined)
    {
        if (_closed)
            return;
        _closed = true;
        if (!_activated)
        {
            counts.Unactivated++;
            counts.Settled += _slots.Length;
        }
        for (var i = 0; i < _slots.Length && _activated; i++)
        {
            if (!_slots[i].IsLearned)
                Learn(i, ref counts, joined);
        }
        for (var i = 0; i < _slots.Length; i++)
            _slots[i].Forget();
        ForgetContext();
        _rewardIds = null;
    }

    private void Learn(int index, ref JoinCounts counts, ICollection<Interaction>? joined)
    {
        ref var slot = ref _slots[index];
        slot.IsLearned = true;
        counts.Settled++;
        if (slot.Count == 0)
            counts.Defaulted++;
        if (joined is not null)
            joined.Add(Interaction(slot));
        // Features outlive the decision only as long as a position still needs them.
        slot.Forget();
        if (--_unlearned == 0)
            ForgetContext();
    }

    private Interaction Interaction(in Slot slot)
    {
        var reward = slot.Count == 0 ? _rule.Default : _rule.Aggregate switch
        {
            RewardAggregate.Max => slot.Largest,
            RewardAggregate.Mean => slot.Sum / slot.Count,
            _ => slot.Sum,
        };
        var action = slot.Shown!;
        return new Interaction(
            _context, action.Key, action.Features, ClustersOf(action), slot.Propensity, (float)Math.Clamp(reward, _rule.Minimum, _rule.Maximum), DecidedAt)
        {
            Learned = _learned,
            Trace = slot.Trace,
        };
    }

    private void ForgetContext()
    {
        _context = default;
        _clusters = [];
    }

    private int IndexOf(string? action)
    {
        if (action is null)
            return 0;
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].Action == action)
                return i;
        }
        return -1;
    }

    private ReadOnlyMemory<ClusterWeight> ClustersOf(LoggedAction action)
    {
        var all = _clusters;
        var count = 0;
        for (var i = 0; i < all.Count; i++)
            count += (int)(action.ClusterMask >> i & 1);
        if (count == all.Count && all is ClusterWeight[] shared)
            return shared;
        var clusters = new ClusterWeight[count];
        for (int i = 0, at = 0; i < all.Count; i++)
        {
            if ((action.ClusterMask >> i & 1) != 0)
                clusters[at++] = all[i];
        }
        return clusters;
    }

    private struct Slot
    {
        public string Action;
        public LoggedAction? Shown;
        public MemoryTrace? Trace;
        public float Propensity;
        public int Count;
        public double Sum;
        public double Largest;
        public bool IsLearned;

        public void Forget() => (Shown, Trace) = (null, null);
    }
}
