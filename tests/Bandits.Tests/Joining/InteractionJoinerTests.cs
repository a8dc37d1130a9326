using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Joining;

/// <summary>Each rule of the join by itself, with a window of 20 ms and a wait of 5.</summary>
public sealed class InteractionJoinerTests
{
    private readonly List<Interaction> _joined = [];
    private InteractionJoiner _joiner = Joiner(RewardAggregate.First);
    private long _offset;

    [Fact]
    public void First_reward_is_learned_at_once_and_the_second_is_a_duplicate()
    {
        Apply(JoinScript.Decision("d", 100));
        Assert.Equal(120, _joiner.NextDeadline);
        Assert.Equal(JoinOutcome.Joined, Apply(new RewardEvent("d", 101, 1)));
        Assert.Equal(1f, Assert.Single(_joined).Reward);
        Assert.Null(_joiner.NextDeadline);
        Assert.Equal(JoinOutcome.Duplicate, Apply(new RewardEvent("d", 102, 0)));
        Assert.Equal(JoinOutcome.Duplicate, Apply(new RewardEvent("d", 130, 0)));
        Assert.Single(_joined);
    }

    [Fact]
    public void Interaction_has_the_trace_of_its_position_however_it_ends()
    {
        Apply(JoinScript.Decision("d", 100, positions: 2));
        Apply(new RewardEvent("d", 101, 1, "a"));
        Apply(new TickEvent(120));
        Apply(JoinScript.Decision("none", 150, positions: 2));
        Apply(new TickEvent(170));
        // JoinScript shows "b" at the first position and "a" at the second; no memory was asked at 150.
        var (first, second) = (JoinScript.Trace(100, 0), JoinScript.Trace(100, 1));
        Assert.Equal([(1f, 1f), (0.25f, 0f), (0.25f, null), (0.25f, null)], _joined.Select(static i => (i.Reward, i.Trace?.Corrected)));
        Assert.Equal([100f, 100f, null, null], _joined.Select(static i => i.Trace?.Expected));
        Assert.Equal(second.Addresses[0].Codes.ToArray(), _joined[0].Trace!.Addresses[0].Codes.ToArray());
        Assert.Equal(first.Addresses[0].Codes.ToArray(), _joined[1].Trace!.Addresses[0].Codes.ToArray());
    }

    [Fact]
    public void Candidates_that_were_not_chosen_are_given_up_at_once_and_the_chosen_one_with_its_window()
    {
        var (chosen, other, trace) = ApplyOneOfTwo();
        GC.Collect();
        Assert.True(chosen.IsAlive);
        Assert.True(trace.IsAlive);
        Assert.False(other.IsAlive);
        Apply(new TickEvent(120));
        _joined.Clear();
        GC.Collect();
        Assert.False(chosen.IsAlive);
        Assert.False(trace.IsAlive);
        Assert.Equal(JoinOutcome.Late, Apply(new RewardEvent("d", 121, 1, "shown")));
    }

    [Theory]
    [InlineData(RewardAggregate.Sum, 2f)]
    [InlineData(RewardAggregate.Max, 1.5f)]
    [InlineData(RewardAggregate.Mean, 1f)]
    public void Several_rewards_become_one_when_the_window_closes(RewardAggregate aggregate, float expected)
    {
        _joiner = Joiner(aggregate);
        Apply(JoinScript.Decision("d", 100));
        Apply(new RewardEvent("d", 101, 0.5, EventId: "e1"));
        Assert.Equal(JoinOutcome.Duplicate, Apply(new RewardEvent("d", 102, 0.5, EventId: "e1")));
        Apply(new RewardEvent("d", 119, 1.5));
        Assert.Empty(_joined);
        Apply(new TickEvent(120));
        Assert.Equal(expected, Assert.Single(_joined).Reward);
    }

    [Fact]
    public void Sum_is_clamped_to_the_range_that_policies_were_told()
    {
        _joiner = Joiner(RewardAggregate.Sum);
        Apply(JoinScript.Decision("d", 100));
        Apply(new RewardEvent("d", 101, 2));
        Apply(new RewardEvent("d", 101, 2));
        Apply(new TickEvent(120));
        Assert.Equal(2f, Assert.Single(_joined).Reward);
    }

    [Fact]
    public void Window_that_closes_without_reward_gives_the_default_and_later_rewards_are_late_until_forgotten()
    {
        Apply(JoinScript.Decision("d", 100));
        Apply(new TickEvent(119));
        Assert.Empty(_joined);
        Apply(new TickEvent(120));
        Assert.Equal(0.25f, Assert.Single(_joined).Reward);
        Assert.Equal(JoinOutcome.Late, Apply(new RewardEvent("d", 139, 1)));
        Assert.Equal(JoinOutcome.Waiting, Apply(new RewardEvent("d", 140, 1)));
        Apply(new TickEvent(145));
        Assert.Equal(new JoinCounts { Decisions = 1, Positions = 1, Settled = 1, Defaulted = 1, Late = 1, Orphan = 1 }, _joiner.Counts);
        Assert.Equal(0, _joiner.Pending);
    }

    [Fact]
    public void Reward_that_is_observed_in_time_but_arrives_after_the_window_closed_is_late()
    {
        Apply(JoinScript.Decision("d", 100));
        Apply(new TickEvent(121));
        Assert.Equal(JoinOutcome.Late, Apply(new RewardEvent("d", 105, 1)));
    }

    [Fact]
    public void Decision_without_activation_is_not_learned_and_its_reward_waits_for_the_activation()
    {
        Apply(JoinScript.Decision("never", 100, activated: false));
        Apply(JoinScript.Decision("shown", 100, activated: false));
        Apply(new RewardEvent("never", 101, 1));
        Apply(new RewardEvent("shown", 101, 1));
        Assert.Empty(_joined);
        Assert.Equal(JoinOutcome.Accepted, Apply(new ActivationEvent("shown", 102)));
        Assert.Equal(1f, Assert.Single(_joined).Reward);
        Apply(new TickEvent(120));
        Assert.Equal(JoinOutcome.Late, Apply(new ActivationEvent("never", 121)));
        Assert.Single(_joined);
        Assert.Equal(1, _joiner.Counts.Unactivated);
    }

    [Fact]
    public void Reward_and_activation_before_the_decision_wait_and_then_count()
    {
        Assert.Equal(JoinOutcome.Waiting, Apply(new RewardEvent("d", 100, 1)));
        Assert.Equal(JoinOutcome.Waiting, Apply(new ActivationEvent("d", 101)));
        Assert.Equal(105, _joiner.NextDeadline);
        Apply(JoinScript.Decision("d", 104, activated: false));
        Assert.Equal(1f, Assert.Single(_joined).Reward);
    }

    [Fact]
    public void Reward_before_the_decision_is_an_orphan_after_its_wait()
    {
        Apply(new RewardEvent("d", 100, 1));
        Apply(JoinScript.Decision("d", 105));
        Assert.Empty(_joined);
        Assert.Equal(1, _joiner.Counts.Orphan);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(2.0001)]
    [InlineData(-1.0001)]
    public void Reward_outside_the_range_is_invalid(double value)
    {
        Apply(JoinScript.Decision("d", 100));
        Assert.Equal(JoinOutcome.Invalid, Apply(new RewardEvent("d", 101, value)));
    }

    [Fact]
    public void Positions_take_their_own_rewards_and_an_action_that_was_not_shown_is_invalid()
    {
        Apply(JoinScript.Decision("d", 100, positions: 2));
        Assert.Equal(JoinOutcome.Invalid, Apply(new RewardEvent("d", 101, 1, "c")));
        Assert.Equal(JoinOutcome.Joined, Apply(new RewardEvent("d", 101, 0.5, "a")));
        Assert.Equal(JoinOutcome.Joined, Apply(new RewardEvent("d", 101, 1)));
        Assert.Equal([(ActionKey.Of("a"), 0.5f), (ActionKey.Of("b"), 1f)], _joined.Select(i => (i.Action, i.Reward)));
    }

    [Fact]
    public void Interaction_carries_only_the_clusters_with_an_edge_to_its_action()
    {
        Apply(JoinScript.Decision("d", 100, positions: 2));
        Apply(new TickEvent(120));
        Assert.Equal([new ClusterWeight(5, 0.25f)], _joined[0].Clusters.ToArray());
        Assert.Equal([new ClusterWeight(3, 0.75f), new ClusterWeight(5, 0.25f)], _joined[1].Clusters.ToArray());
    }

    [Fact]
    public void Second_decision_under_one_id_changes_nothing()
    {
        Apply(JoinScript.Decision("d", 100, propensity: 0.5f));
        Assert.Equal(JoinOutcome.Duplicate, Apply(JoinScript.Decision("d", 101, propensity: 0.75f)));
        Apply(new RewardEvent("d", 102, 1));
        Assert.Equal(0.5f, Assert.Single(_joined).Propensity);
    }

    [Fact]
    public void Clock_that_runs_ahead_closes_nobodys_window()
    {
        Apply(JoinScript.Decision("d", 100));
        _joiner.Apply(new RewardEvent("x", 110, 1), ++_offset, appendedAt: 101, _joined);
        Assert.Equal((101, 0), (_joiner.Watermark, _joiner.Counts.Clamped));
        _joiner.Apply(new TickEvent(5_000_000), ++_offset, appendedAt: 102, _joined);
        Assert.Equal((102, 1), (_joiner.Watermark, _joiner.Counts.Clamped));
        Assert.Empty(_joined);
        Assert.Equal(JoinOutcome.Joined, Apply(new RewardEvent("d", 119, 1)));
    }

    [Fact]
    public void Decision_of_a_clock_that_runs_ahead_stays_open_longer_and_takes_rewards_at_once()
    {
        _joiner.Apply(JoinScript.Decision("d", 110), ++_offset, appendedAt: 100, _joined);
        Apply(new TickEvent(129));
        Assert.Empty(_joined);
        Assert.Equal(JoinOutcome.Joined, Apply(new RewardEvent("d", 129, 1)));
    }

    [Fact]
    public void Reward_that_claims_a_later_time_than_the_log_took_it_at_is_not_late()
    {
        _joiner.Apply(new RewardEvent("early", 110, 1), ++_offset, appendedAt: 100, _joined);
        Apply(JoinScript.Decision("early", 90));
        Assert.Equal(1f, Assert.Single(_joined).Reward);
    }

    [Fact]
    public void Windows_close_by_deadline_and_then_by_offset()
    {
        Apply(JoinScript.Decision("late", 103, propensity: 0.3f));
        Apply(JoinScript.Decision("first", 102, propensity: 0.1f));
        Apply(JoinScript.Decision("second", 102, propensity: 0.2f));
        Apply(new TickEvent(200));
        Assert.Equal([0.1f, 0.2f, 0.3f], _joined.Select(i => i.Propensity));
    }

    [Fact]
    public void Oldest_decision_closes_early_when_too_many_are_held()
    {
        _joiner = Joiner(RewardAggregate.First, retained: 2);
        Apply(JoinScript.Decision("d1", 100, propensity: 0.1f));
        Apply(JoinScript.Decision("d2", 100, propensity: 0.2f));
        Apply(JoinScript.Decision("d3", 100, propensity: 0.3f));
        Assert.Equal(0.1f, Assert.Single(_joined).Propensity);
        Assert.Equal(2, _joiner.Pending);
        Assert.Equal(1, _joiner.Counts.Evicted);
    }

    [Fact]
    public void Memory_stays_bounded_while_decisions_and_orphans_are_evicted_without_end()
    {
        _joiner = Joiner(RewardAggregate.First, retained: 16);
        for (var i = 0; i < 100_000; i++)
        {
            Apply(JoinScript.Decision($"d{i}", 100));
            Apply(new RewardEvent($"nobody{i}", 100, 1));
        }
        Assert.Equal(16 + 2, _joiner.Pending);
        Assert.Equal(100_000 - 16, _joiner.Counts.Evicted);
        Assert.True(_joiner.ResumePoint(_offset + 1).Offset > _offset - 40);
    }

    [Fact]
    public void Id_that_is_used_again_and_again_does_not_hold_the_resume_point_back()
    {
        for (var time = 100; time < 10_000; time += 7)
        {
            Apply(JoinScript.Decision("test", time));
            Apply(new RewardEvent("test", time + 1, 1));
            Assert.True(_joiner.ResumePoint(_offset + 1).Offset > _offset - 16);
        }
        Assert.True(_joiner.Counts.Decisions > 200);
    }

    [Fact]
    public void Resume_bad_bytes_are_refused()
    {
        var rule = new RewardRule(TimeSpan.FromMilliseconds(20), 0, RewardAggregate.First, 0, 1);
        foreach (var bytes in new byte[][] { [1], [0x80, 0x80], [1, 0, 0, 0, 0, 0, 0, 0], [.. Enumerable.Repeat((byte)0xFF, 20)] })
            Assert.Throws<SnapshotFormatException>(() => InteractionJoiner.Resume(rule, JoinLimits.For(rule), new(0, 0, 9, bytes)));
    }

    [Fact]
    public void OffsetSet_round_trips_dense_and_sparse_sets()
    {
        foreach (var offsets in new long[][] { [], [0], [0, 1, 2, 63, 64, 65], [7, 1_000_000_007, long.MaxValue], [.. Enumerable.Range(5, 500).Select(i => 3L * i)] })
            Assert.Equal(offsets, OffsetSet.Read(OffsetSet.Write(offsets)));
    }

    private static InteractionJoiner Joiner(RewardAggregate aggregate, int retained = 100) => new(
        new RewardRule(TimeSpan.FromMilliseconds(20), 0.25, aggregate, -1, 2), new JoinLimits(5, 10, 1000, retained));

    private JoinOutcome Apply(LoggedEvent logged) => _joiner.Apply(logged, ++_offset, logged.Time, _joined);

    // By itself, so that no local of the test keeps the actions alive.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private (WeakReference Chosen, WeakReference Other, WeakReference Trace) ApplyOneOfTwo()
    {
        LoggedAction[] actions = [new("other", FeatureSet.Empty), new("shown", FeatureSet.Empty)];
        var trace = JoinScript.Trace(100, 0);
        Apply(new DecisionEvent("d", 100, "uniform", 0, true, FeatureSet.Empty, [], actions, [new ChosenSlot(1, 0.5f)]) { Traces = [trace] });
        return (new(actions[1]), new(actions[0]), new(trace));
    }
}
