using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Joining;

/// <summary>
/// The slow obvious twin of <see cref="InteractionJoiner"/>: keeps every decision and every early event for ever in plain lists, and searches them
/// all for every event.
/// </summary>
public sealed class NaiveJoiner(RewardRule rule, JoinLimits limits)
{
    private sealed class Known
    {
        public required DecisionEvent Decision;
        public required long Time, Offset;
        public bool Active, Closed, Forgotten;
        public readonly List<(int Position, double Value, string? EventId)> Rewards = [];
        public readonly HashSet<int> Learned = [];
    }

    private sealed class Early
    {
        public required string Id;
        public required LoggedEvent Event;
        public required long Time, Until;
        public bool Over;
    }

    private readonly List<Known> _all = [];
    private readonly List<Early> _early = [];
    private readonly long _window = (long)rule.Window.TotalMilliseconds;
    private long _now;
    private JoinCounts _counts;

    public JoinCounts Counts => _counts;

    private IEnumerable<Known> Remembered => _all.Where(k => !k.Forgotten);

    private IEnumerable<Early> Waiting => _early.Where(e => !e.Over);

    public int Pending => Remembered.Count() + Waiting.Count();

    public long? NextDeadline => Remembered
        .Where(k => !k.Closed && k.Learned.Count < k.Decision.Chosen.Count).Select(k => (long?)(k.Time + _window))
        .Concat(Waiting.Select(e => (long?)e.Until))
        .Min();

    public JoinOutcome Apply(JoinStep step, List<Interaction> joined)
    {
        var time = step.Event.Time;
        if (time > step.AppendedAt + limits.AheadMax)
            time = step.AppendedAt + limits.AheadMax;
        if (time < step.AppendedAt - limits.BehindMax)
            time = step.AppendedAt - limits.BehindMax;
        if (time != step.Event.Time)
            _counts.Clamped++;
        var happened = time < step.AppendedAt ? time : step.AppendedAt;
        _now = Math.Max(_now, happened);
        Pass(joined);
        var outcome = step.Event switch
        {
            DecisionEvent decision => Decide(decision, time, step.Offset, joined),
            RewardEvent { Value: var value } when !(value >= rule.Minimum && value <= rule.Maximum) => Count(ref _counts.Invalid, JoinOutcome.Invalid),
            RewardEvent reward => Find(reward.DecisionId) is { } known ? Reward(known, reward, happened, joined) : Wait(reward.DecisionId, reward, happened),
            ActivationEvent shown => Find(shown.DecisionId) is { } known ? Activate(known, happened, joined) : Wait(shown.DecisionId, shown, happened),
            _ => JoinOutcome.Accepted,
        };
        Pass(joined);
        return outcome;
    }

    private Known? Find(string id) => Remembered.SingleOrDefault(k => k.Decision.DecisionId == id);

    private static JoinOutcome Count(ref long count, JoinOutcome outcome)
    {
        count++;
        return outcome;
    }

    private void Pass(List<Interaction> joined)
    {
        foreach (var known in Remembered.Where(k => !k.Closed && k.Time + _window <= _now).OrderBy(k => k.Time).ThenBy(k => k.Offset).ToList())
            Close(known, joined);
        foreach (var known in Remembered.Where(k => k.Time + 2 * _window <= _now).ToList())
            known.Forgotten = true;
        foreach (var early in Waiting.Where(e => e.Until <= _now).ToList())
        {
            early.Over = true;
            _counts.Orphan++;
        }
    }

    private void Close(Known known, List<Interaction> joined)
    {
        if (known.Closed)
            return;
        if (!known.Active)
        {
            _counts.Unactivated++;
            _counts.Settled += known.Decision.Chosen.Count;
        }
        for (var i = 0; i < known.Decision.Chosen.Count && known.Active; i++)
            Learn(known, i, joined);
        known.Closed = true;
    }

    private JoinOutcome Decide(DecisionEvent decision, long time, long offset, List<Interaction> joined)
    {
        if (Find(decision.DecisionId) is not null)
            return Count(ref _counts.RepeatedDecisions, JoinOutcome.Duplicate);
        _counts.Decisions++;
        _counts.Positions += decision.Chosen.Count;
        if (Remembered.Count() >= limits.RetainedMax)
        {
            var oldest = Remembered.MinBy(k => k.Offset)!;
            Close(oldest, joined);
            oldest.Forgotten = true;
            _counts.Evicted++;
        }
        var known = new Known { Decision = decision, Time = time, Offset = offset, Active = decision.Activated };
        _all.Add(known);
        foreach (var early in Waiting.Where(e => e.Id == decision.DecisionId).ToList())
        {
            early.Over = true;
            if (early.Event is RewardEvent reward)
                Reward(known, reward, early.Time, joined);
            else
                Activate(known, early.Time, joined);
        }
        return JoinOutcome.Accepted;
    }

    private JoinOutcome Reward(Known known, RewardEvent reward, long time, List<Interaction> joined)
    {
        var shown = known.Decision.Chosen.Select(c => known.Decision.Actions[c.Action].Id).ToList();
        var position = reward.Action is null ? 0 : shown.IndexOf(reward.Action);
        if (position < 0)
            return Count(ref _counts.Invalid, JoinOutcome.Invalid);
        if (rule.Aggregate == RewardAggregate.First && known.Rewards.Exists(r => r.Position == position))
            return Count(ref _counts.Duplicate, JoinOutcome.Duplicate);
        if (known.Closed || time >= known.Time + _window)
            return Count(ref _counts.Late, JoinOutcome.Late);
        if (rule.Aggregate != RewardAggregate.First && reward.EventId is not null && known.Rewards.Exists(r => r.EventId == reward.EventId))
            return Count(ref _counts.Duplicate, JoinOutcome.Duplicate);
        known.Rewards.Add((position, reward.Value, reward.EventId));
        _counts.Joined++;
        if (rule.Aggregate == RewardAggregate.First && known.Active)
            Learn(known, position, joined);
        return JoinOutcome.Joined;
    }

    private JoinOutcome Activate(Known known, long time, List<Interaction> joined)
    {
        if (known.Closed || time >= known.Time + _window)
            return Count(ref _counts.Late, JoinOutcome.Late);
        _counts.Activations++;
        if (known.Active)
            return JoinOutcome.Duplicate;
        known.Active = true;
        if (rule.Aggregate == RewardAggregate.First)
        {
            foreach (var position in known.Rewards.Select(r => r.Position).Order())
                Learn(known, position, joined);
        }
        return JoinOutcome.Accepted;
    }

    private JoinOutcome Wait(string id, LoggedEvent logged, long time)
    {
        if (limits.EarlyWait == 0)
            return Count(ref _counts.Orphan, JoinOutcome.Orphan);
        if (Waiting.Count() >= limits.WaitingMax)
        {
            Waiting.First().Over = true;
            _counts.Orphan++;
        }
        _early.Add(new Early { Id = id, Event = logged, Time = time, Until = _now + limits.EarlyWait });
        return JoinOutcome.Waiting;
    }

    private void Learn(Known known, int position, List<Interaction> joined)
    {
        if (!known.Learned.Add(position))
            return;
        _counts.Settled++;
        var rewards = known.Rewards.Where(r => r.Position == position).Select(r => r.Value).ToList();
        if (rewards.Count == 0)
            _counts.Defaulted++;
        var reward = rewards.Count == 0 ? rule.Default : rule.Aggregate switch
        {
            RewardAggregate.First => rewards[0],
            RewardAggregate.Sum => Math.Min(rule.Maximum, Math.Max(rule.Minimum, rewards.Sum())),
            RewardAggregate.Max => rewards.Max(),
            _ => rewards.Average(),
        };
        var chosen = known.Decision.Chosen[position];
        var action = known.Decision.Actions[chosen.Action];
        var clusters = known.Decision.Clusters.Where((_, i) => (action.ClusterMask & (1UL << i)) != 0).ToArray();
        joined.Add(new Interaction(known.Decision.Context, action.Key, action.Features, clusters, chosen.Propensity, (float)reward, known.Time)
        {
            Trace = known.Decision.Traces.ElementAtOrDefault(position),
        });
    }
}
