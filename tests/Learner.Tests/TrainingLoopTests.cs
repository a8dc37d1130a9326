using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

/// <summary>When one partition publishes, saves, ticks, waits and gives up.</summary>
public sealed class TrainingLoopTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static void Reward(LearnerRig rig, string id, double value = 1, bool? learned = null)
    {
        rig.Log.Append(Streams.Decision(id, rig.Now) with { Learned = learned });
        rig.Log.Append(new RewardEvent(id, rig.Now, value));
    }

    [Fact]
    public void Untrained_parameters_are_published_at_once_so_that_serving_has_some()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Feed();
        var head = Assert.Single(rig.Stores.Publications);
        Assert.Equal((0L, 1L, rig.Now), (head.Interactions, head.Epoch, head.AsOf));
        rig.Feed();
        Assert.Single(rig.Stores.Publications);
    }

    [Fact]
    public void Idle_learner_publishes_a_single_reward_at_once()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Feed();
        rig.Advance(TimeSpan.FromMilliseconds(50));
        Reward(rig, "d1");
        rig.Feed();
        Assert.Equal(1, rig.Stores.Publications[^1].Interactions);
        Reward(rig, "d2");
        rig.Feed();
        Assert.Equal(1, rig.Stores.Publications[^1].Interactions);
        rig.Advance(TimeSpan.FromMilliseconds(50));
        rig.Feed();
        Assert.Equal(2, rig.Stores.Publications[^1].Interactions);
    }

    [Fact]
    public void Much_is_published_before_the_interval_has_passed()
    {
        var rig = new LearnerRig(new TrainingOptions { PublishInteractionsMax = 5 });
        rig.Assign(Streams.Experiment());
        rig.Feed();
        for (var i = 0; i < 4; i++)
            Reward(rig, $"d{i}");
        rig.Feed();
        Assert.Equal(0, rig.Stores.Publications[^1].Interactions);
        Reward(rig, "d4");
        rig.Feed();
        Assert.Equal(5, rig.Stores.Publications[^1].Interactions);
    }

    [Fact]
    public void Age_of_parameters_stays_under_a_second_while_nothing_happens()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        for (var i = 0; i < 500; i++)
        {
            rig.Feed();
            Assert.True(rig.Now - rig.Stores.Heads[("home", 0)].Head.AsOf < 500);
            rig.Advance(TimeSpan.FromMilliseconds(20));
        }
        Assert.Single(rig.Stores.Publications);
        Assert.InRange(rig.Stores.Touches.Count, 30, 45);
    }

    [Fact]
    public void Parameters_that_do_not_reflect_the_whole_log_say_so()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Feed();
        var before = rig.Now;
        Reward(rig, "d1");
        rig.Advance(Second);
        Reward(rig, "d2");
        rig.Advance(10 * Second);
        // The first reward only: more is waiting in the log.
        rig.Feed(2);
        Assert.Equal((1L, before), (rig.Stores.Publications[^1].Interactions, rig.Stores.Publications[^1].AsOf));
        rig.Advance(Second);
        rig.Feed();
        Assert.Equal((2L, rig.Now), (rig.Stores.Publications[^1].Interactions, rig.Stores.Publications[^1].AsOf));
    }

    [Fact]
    public void Store_that_lost_its_head_gets_it_back()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Feed();
        rig.Stores.Heads.Clear();
        rig.Advance(Second);
        rig.Feed();
        Assert.False(rig.Loop.MustRejoin);
        Assert.NotEmpty(rig.Stores.Heads);
    }

    [Fact]
    public void Successor_does_not_publish_less_than_its_predecessor_did_until_it_has_caught_up()
    {
        var rig = new LearnerRig();
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        Reward(rig, "d1");
        rig.Feed();
        rig.Loop.Revoked(0);
        rig.Assign(experiment);
        for (var i = 2; i < 20; i++)
            Reward(rig, $"d{i}");
        rig.Feed();
        Assert.Equal(19, rig.Stores.Publications[^1].Interactions);

        // Killed here: 18 interactions are published and not saved.
        rig.Advance(Second);
        rig.Assign(experiment);
        rig.Feed(10);
        Assert.Equal((19L, 2L), (rig.Stores.Publications[^1].Interactions, rig.Stores.Publications[^1].Epoch));
        rig.Feed();
        Assert.Equal((19L, 3L), (rig.Stores.Publications[^1].Interactions, rig.Stores.Publications[^1].Epoch));
    }

    [Fact]
    public void Later_writer_fences_the_earlier_one_whichever_way_it_finds_out()
    {
        foreach (var act in (Action<LearnerRig>[])[r => Reward(r, "x"), static _ => { }])
        {
            var rig = new LearnerRig();
            var experiment = Streams.Experiment();
            var zombie = rig.Assign(experiment);
            Reward(rig, "d1");
            rig.Feed();
            var successor = rig.Assign(experiment);
            rig.Feed();
            act(rig);
            rig.Advance(5 * Second);
            var (saves, publications) = (rig.Stores.Saves, rig.Stores.Publications.Count);
            zombie.Handle(rig.Log[rig.Log.Records.Count - 1]);
            zombie.Idle(true);
            Assert.True(zombie.MustRejoin);
            zombie.Revoked(0);
            Assert.Equal((saves, publications), (rig.Stores.Saves, rig.Stores.Publications.Count));
            Assert.Contains(rig.Messages.All, static m => m.Id == 2003);
            rig.Feed();
            Assert.False(successor.MustRejoin);
            Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
        }
    }

    [Fact]
    public void Fenced_loop_leaves_the_log_and_comes_back_to_the_newest_checkpoint()
    {
        var rig = new LearnerRig();
        var experiment = Streams.Experiment();
        for (var i = 0; i < 10; i++)
            Reward(rig, $"d{i}");
        var pauses = new List<TimeSpan>();
        using var stopping = new CancellationTokenSource();
        var loop = new TrainingLoop(experiment, rig.Outlets, pause =>
        {
            pauses.Add(pause);
            return !stopping.IsCancellationRequested;
        });
        var rounds = 0;
        var source = new ScriptedSource((owner, token) =>
        {
            var next = owner.Assigned(0);
            for (; next < rig.Log.Records.Count; next++)
                owner.Handle(rig.Log[(int)next]);
            if (++rounds == 1)
                rig.Stores.AcquireEpoch("home", 0);
            else
                stopping.Cancel();
            for (var i = 0; i < 3 && !token.IsCancellationRequested; i++)
            {
                rig.Advance(5 * Second);
                owner.Idle(true);
            }
            Assert.True(token.IsCancellationRequested);
            owner.Revoked(0);
        });
        loop.Run(source, stopping.Token);
        Assert.Equal(2, rounds);
        Assert.Equal([TrainingLoop.RejoinAfter, TrainingLoop.RejoinAfter], pauses);
        Assert.Equal(rig.Replay(experiment).Digest, Checkpoint.Read(rig.Stores.Checkpoints[("home", 0)]).StateDigest.ToString("x16"));
        Assert.Equal(1, rig.Log.Ensured);
    }

    [Fact]
    public void Store_outage_lets_learning_go_on_within_a_bound_then_pauses_reading_and_catches_up()
    {
        var rig = new LearnerRig(new TrainingOptions { UnsavedRecordsMax = 40 });
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        rig.Feed();
        rig.Stores.Away = true;
        for (var i = 0; i < 15; i++)
            Reward(rig, $"d{i}");
        rig.Advance(3 * Second);
        rig.Feed();
        Assert.Equal(15, rig.Learner.Interactions);
        Assert.Equal(0, rig.Stores.Publications[^1].Interactions);

        var pauses = new List<double>();
        rig.Pause = pause =>
        {
            pauses.Add(pause.TotalMilliseconds);
            rig.Advance(pause);
            rig.Stores.Away = pauses.Count < 5;
            return true;
        };
        for (var i = 15; i < 30; i++)
            Reward(rig, $"d{i}");
        rig.Advance(3 * Second);
        rig.Feed();
        Assert.Equal(5, pauses.Count);
        Assert.All(pauses, static p => Assert.InRange(p, 250, 1000));
        Assert.Equal(30, rig.Stores.Publications[^1].Interactions);
        Assert.Equal(60, Checkpoint.Read(rig.Stores.Checkpoints[("home", 0)]).NextOffset);
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
        Assert.Equal(2, rig.Messages.All.Count(static m => m.Id == 2005)); // once for publishing, once for saving
    }

    [Fact]
    public void Stopping_does_not_wait_for_a_store_that_is_away()
    {
        var rig = new LearnerRig(new TrainingOptions { UnsavedRecordsMax = 1 }) { Pause = static _ => false };
        rig.Assign(Streams.Experiment());
        rig.Feed();
        rig.Stores.Away = true;
        Reward(rig, "d1");
        rig.Advance(3 * Second);
        rig.Feed();
        rig.Loop.Revoked(0);
        Assert.Empty(rig.Stores.Checkpoints);
    }

    [Fact]
    public void Assignment_waits_for_the_store_and_gives_up_only_when_stopping()
    {
        var rig = new LearnerRig();
        rig.Stores.Away = true;
        var waits = 0;
        rig.Pause = _ =>
        {
            rig.Stores.Away = ++waits < 3;
            return true;
        };
        rig.Assign(Streams.Experiment());
        Assert.Equal(3, waits);
        Assert.Single(rig.Loop.Learners);

        rig.Stores.Away = true;
        rig.Pause = static _ => false;
        rig.Assign(Streams.Experiment());
        rig.Log.Append(new TickEvent(rig.Now));
        rig.Feed();
        Assert.Empty(rig.Loop.Learners);
    }

    [Fact]
    public void Poison_is_set_aside_with_its_reason_and_the_partition_goes_on()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Log.AppendJson("not json", rig.Now);
        rig.Log.Records.Add(new Stored([9], [], EventTopics.BinaryContentType, rig.Now));
        rig.Log.Records.Add(new Stored([9], [1, 99, 0, 0, 0, 0, 0, 0, 0, 0], EventTopics.BinaryContentType, rig.Now));
        rig.Log.Append(Streams.Decision("d1", rig.Now));
        rig.Log.Append(new RewardEvent("d1", rig.Now, 2));
        rig.Log.Append(new RewardEvent("d1", rig.Now, 1));
        rig.Feed();
        Assert.Equal(1, rig.Learner.Interactions);
        rig.Advance(3 * Second);
        rig.Feed();
        Assert.Equal([0L, 1, 2, 4], rig.Log.DeadLetters.Select(static l => l.Offset));
        Assert.All(rig.Log.DeadLetters, static l => Assert.Equal(("recsys.home.events.v1", 0), (l.Topic, l.Partition)));
        Assert.Contains("outside [0, 1]", rig.Log.DeadLetters[3].Reason, StringComparison.Ordinal);
        Assert.Equal("not json", System.Text.Encoding.UTF8.GetString(rig.Log.DeadLetters[0].Value.Span));
        Assert.Matches(@"recsys_events_dead_lettered_total\{topic=""recsys.home.events.v1"",reason=""undecodable""\} 3", rig.Scrape());
        // A burst of poison is one message, not one for each.
        Assert.Single(rig.Messages.All, static m => m.Id == 2004);
    }

    [Fact]
    public void Checkpoint_waits_until_the_dead_letters_are_durable()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Log.AppendJson("not json", rig.Now);
        rig.Log.Away = true;
        rig.Advance(3 * Second);
        rig.Feed();
        Assert.Empty(rig.Stores.Checkpoints);
        rig.Log.Away = false;
        rig.Advance(3 * Second);
        rig.Feed();
        Assert.Single(rig.Log.DeadLetters);
        Assert.Single(rig.Stores.Checkpoints);
    }

    [Fact]
    public void Dead_letters_that_nobody_takes_pause_reading()
    {
        var rig = new LearnerRig(new TrainingOptions { DeadLettersMax = 3 });
        rig.Assign(Streams.Experiment());
        rig.Log.Away = true;
        for (var i = 0; i < 7; i++)
            rig.Log.AppendJson("not json", rig.Now);
        var pauses = 0;
        rig.Pause = _ =>
        {
            rig.Log.Away = ++pauses < 4;
            return true;
        };
        rig.Feed();
        Assert.Equal(4, pauses);
        Assert.Equal(6, rig.Log.DeadLetters.Count);
    }

    [Fact]
    public void Stopping_with_dead_letters_that_nobody_takes_saves_nothing_past_them()
    {
        var rig = new LearnerRig(new TrainingOptions { DeadLettersMax = 1 }) { Pause = static _ => false };
        rig.Assign(Streams.Experiment());
        rig.Log.Away = true;
        rig.Log.AppendJson("not json", rig.Now);
        rig.Feed();
        rig.Log.Away = false;
        rig.Loop.Revoked(0);
        Assert.Empty(rig.Stores.Checkpoints);
    }

    [Fact]
    public void Tick_closes_the_window_of_an_idle_stream_once()
    {
        var rig = new LearnerRig();
        var experiment = Streams.Experiment(byDefault: 0.25);
        rig.Assign(experiment);
        rig.Log.Append(Streams.Decision("d1", rig.Now));
        rig.Feed();
        rig.Advance(TimeSpan.FromSeconds(10));
        rig.Feed();
        Assert.Equal(0, rig.Log.Ticks);
        rig.Advance(TimeSpan.FromMilliseconds(100));
        for (var i = 0; i < 20; i++)
            rig.Loop.Idle(true);
        Assert.Equal(1, rig.Log.Ticks);
        rig.Feed();
        Assert.Equal((1L, 1L), (rig.Learner.Interactions, rig.Learner.Counts.Defaulted));
        for (var i = 0; i < 20; i++)
        {
            rig.Advance(Second);
            rig.Feed();
        }
        Assert.Equal(1, rig.Log.Ticks);
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
        Assert.Contains("""recsys_rewards_total{experiment="home",result="default"} 1""", rig.Scrape(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tick_that_got_lost_is_written_again()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        rig.Log.Append(Streams.Decision("d1", rig.Now));
        rig.Feed();
        rig.Log.Away = true;
        rig.Advance(TimeSpan.FromSeconds(11));
        rig.Feed();
        rig.Log.Away = false;
        rig.Feed();
        Assert.Equal(0, rig.Log.Ticks);
        rig.Advance(Second);
        rig.Feed();
        Assert.Equal(1, rig.Log.Ticks);
    }

    [Fact]
    public void Logging_mode_reads_joins_and_saves_and_learns_nothing()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment(mode: "logging"));
        for (var i = 0; i < 4; i++)
            Reward(rig, $"d{i}", learned: false);
        // Somebody else's decision does not say; the mode does.
        rig.Log.AppendJson("""{"type":"decision","decisionId":"d5","context":{"vector":[0,1]},"actions":[{"id":"a","vector":[1,0]}],"chosen":[{"id":"a","propensity":1}]}""", rig.Now);
        rig.Log.Append(new RewardEvent("d5", rig.Now, 1));
        rig.Advance(3 * Second);
        rig.Feed();
        Assert.Equal((0L, 5L), (rig.Learner.Interactions, rig.Learner.Counts.Joined));
        Assert.Equal(10, Checkpoint.Read(rig.Stores.Checkpoints[("home", 0)]).NextOffset);

        // The mode changes while the loop runs: it goes on from here.
        rig.Loop.Follow(Streams.Experiment(mode: "apprentice"));
        rig.Feed();
        Reward(rig, "d6");
        rig.Feed();
        Assert.Equal(1, rig.Learner.Interactions);
    }

    [Fact]
    public void What_was_learned_under_changing_modes_can_be_learned_again_from_the_log()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        foreach (var mode in (string[])["online", "logging", "apprentice", "logging"])
        {
            rig.Loop.Follow(Streams.Experiment(mode: mode));
            for (var i = 0; i < 5; i++)
                Reward(rig, $"{rig.Log.Records.Count}", i % 2, learned: mode != "logging");
            rig.Feed();
        }
        Assert.Equal(10, rig.Learner.Interactions);

        using var again = new PartitionState(Streams.Experiment(mode: "logging"));
        foreach (var record in rig.Log.All)
            again.Take(record, learns: false);
        Assert.Equal(rig.Learner.Digest, again.Digest());
    }

    [Fact]
    public void Discarded_loop_writes_nothing_when_its_partitions_go()
    {
        var rig = new LearnerRig();
        rig.Assign(Streams.Experiment());
        Reward(rig, "d1");
        rig.Feed();
        var publications = rig.Stores.Publications.Count;
        Reward(rig, "d2");
        rig.Loop.Handle(rig.Log[2]);
        rig.Loop.Discard();
        rig.Loop.Revoked(0);
        Assert.Equal((0, publications), (rig.Stores.Saves, rig.Stores.Publications.Count));
    }

    [Fact]
    public void Every_metric_exists_from_the_start_and_counts_a_replay_once()
    {
        var rig = new LearnerRig();
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        foreach (var result in (string[])["joined", "default", "duplicate", "late", "orphan", "invalid"])
            Assert.Contains($$"""recsys_rewards_total{experiment="home",result="{{result}}"} 0""", rig.Scrape(), StringComparison.Ordinal);
        Assert.Contains("""recsys_learner_examples_total{experiment="home"} 0""", rig.Scrape(), StringComparison.Ordinal);
        rig.Log.Append(Streams.Decision("d1", rig.Now));
        rig.Log.Append(new RewardEvent("d1", rig.Now + 3000, 1));
        rig.Feed();
        rig.Loop.Revoked(0);
        Assert.DoesNotContain("recsys_params_version{", rig.Scrape(), StringComparison.Ordinal);
        rig.Assign(experiment);
        Assert.Equal(0, rig.Next);
        rig.Feed();
        var scrape = rig.Scrape();
        Assert.Contains("""recsys_rewards_total{experiment="home",result="joined"} 1""", scrape, StringComparison.Ordinal);
        Assert.Contains("""recsys_events_consumed_total{topic="recsys.home.events.v1"} 2""", scrape, StringComparison.Ordinal);
        Assert.Contains("""recsys_params_version{experiment="home",partition="0"} 1""", scrape, StringComparison.Ordinal);
        Assert.Contains("""recsys_reward_delay_seconds_sum{experiment="home"} 3""", scrape, StringComparison.Ordinal);
    }
}
