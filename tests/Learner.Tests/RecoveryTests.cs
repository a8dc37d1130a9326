using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

/// <summary>Nothing lost, nothing twice: whatever happens to the process, the state is what the log says.</summary>
public sealed class RecoveryTests
{
    // Saving and publishing every few records, so that a kill meets every kind of step.
    private static TrainingOptions Often(int batch) => new()
    {
        BatchMax = batch,
        PublishInterval = TimeSpan.FromMilliseconds(20),
        HeartbeatInterval = TimeSpan.FromMilliseconds(30),
        CheckpointInterval = TimeSpan.FromMilliseconds(50),
        TickInterval = TimeSpan.FromMilliseconds(50),
    };

    public static TheoryData<string, string> KindsAndAggregates()
    {
        var data = new TheoryData<string, string>();
        foreach (var kind in PolicyCatalog.Kinds.Values.Select(Short).Append("diag-lin-ucb selection=pending"))
        {
            foreach (var aggregate in (string[])["first", "sum", "mean"])
                data.Add(kind, aggregate);
        }
        return data;
    }

    /// <summary>A kind, with networks as small as they come: every run here is repeated some hundred times.</summary>
    private static string Short(IPolicyKind kind) =>
        kind.Hyperparameters.Any(static h => h.Name == "hidden") ? kind.Name + " hidden=16 networks=1 batch=2 replay=16" : kind.Name;

    /// <summary>Runs to the end of the log; dies at a step and comes back as often as there are killers.</summary>
    private static LearnerRig Run(Experiment experiment, int seed, int records, IEnumerable<int> kills, out int steps)
    {
        var random = new Random(seed);
        var rig = new LearnerRig(Often(batch: 1 + random.Next(9)));
        Streams.Fill(rig.Log, seed, records);
        var last = rig.Log.Records[^1].AppendedAt;
        var deaths = new Queue<int>(kills);
        while (true)
        {
            var killer = new Killer(deaths.TryDequeue(out var at) ? at : int.MaxValue);
            rig.Stores.Killer = rig.Log.Killer = killer;
            try
            {
                rig.Assign(experiment);
                while (rig.Next < rig.Log.Records.Count || rig.Now < last + 30_000)
                {
                    killer.Step();
                    rig.Feed(1 + random.Next(7));
                    // Once the recorded stream is over the host's clock moves on, and ticks close what is open.
                    rig.Advance(rig.Next < rig.Log.Records.Count ? TimeSpan.FromMilliseconds(1 + random.Next(37)) : TimeSpan.FromSeconds(1));
                    if (rig.Next >= rig.Log.Records.Count && rig.Now < last)
                        rig.Time.SetUtcNow(DateTimeOffset.FromUnixTimeMilliseconds(last));
                }
                rig.Feed();
                rig.Loop.Revoked(0);
                steps = killer.Steps;
                rig.Stores.Killer = rig.Log.Killer = new Killer();
                rig.Assign(experiment);
                rig.Feed();
                return rig;
            }
            catch (KilledException)
            {
                // The next turn of the loop is the next process.
            }
        }
    }

    private static void AssertEqualsLog(LearnerRig rig, Experiment experiment)
    {
        var expected = rig.Replay(experiment);
        Assert.Equal(expected.Digest, rig.Digest);
        Assert.Equal(expected.Interactions, rig.Learner.Interactions);
        var counts = rig.Learner.Counts;
        Assert.Equal(
            (expected.Decisions, expected.Joined, expected.Defaulted, expected.Duplicate, expected.Late, expected.Orphan, expected.Invalid, expected.Unactivated),
            (counts.Decisions, counts.Joined, counts.Defaulted, counts.Duplicate, counts.Late, counts.Orphan, counts.Invalid, counts.Unactivated));
        Assert.True(expected.Interactions > 5, "The stream taught next to nothing, so the test would prove nothing.");

        var (head, framed) = rig.Stores.Heads[("home", 0)];
        Assert.Equal(expected.Interactions, head.Interactions);
        var spec = experiment.Definition.Policy;
        SnapshotFraming.Open(framed, spec.Fingerprint, out _);
        // Where deltas were published, each led on from the one before, and none is there twice.
        if (PolicyCatalog.Find(spec.Kind) is IDeltaKind deltas)
        {
            var served = rig.Stores.Assemble(deltas, spec, "home", 0);
            Assert.Equal(expected.Interactions, served.Descriptor.Version);
            // All windows are closed: whoever followed the deltas awaits nothing any more.
            Assert.Equal(0, (served as IEstimatorPolicy<DiagLinUcbEstimator>)?.Estimator.PendingEdges ?? 0);
        }

        // A dead letter may come twice, never not at all.
        var poison = rig.Log.All.Where(r => !r.Headers.ContentType!.EndsWith("event", StringComparison.Ordinal) && !IsReward(r)).Select(static r => r.Offset);
        var letters = rig.Log.DeadLetters.Select(static l => l.Offset).ToHashSet();
        Assert.All(poison, offset => Assert.Contains(offset, letters));
    }

    private static bool IsReward(Recsys.Infrastructure.Events.LogRecord record) => System.Text.Encoding.UTF8.GetString(record.Value.Span).Contains("value", StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(KindsAndAggregates))]
    public void Kill_at_any_step_ends_in_the_state_of_the_log(string kind, string aggregate)
    {
        var experiment = Streams.Experiment(kind, aggregate);
        AssertEqualsLog(Run(experiment, seed: 1, records: 120, [], out var steps), experiment);
        Assert.True(steps > 150, $"Only {steps} steps.");
        for (var at = 0; at < steps; at++)
            AssertEqualsLog(Run(experiment, seed: 1, records: 120, [at], out _), experiment);
    }

    [Theory]
    [MemberData(nameof(KindsAndAggregates))]
    public void Killed_again_and_again_it_still_ends_in_the_state_of_the_log(string kind, string aggregate)
    {
        var experiment = Streams.Experiment(kind, aggregate);
        for (var seed = 2; seed < 22; seed++)
        {
            var random = new Random(1000 + seed);
            AssertEqualsLog(Run(experiment, seed, records: 150, Enumerable.Range(0, 12).Select(_ => random.Next(60)), out _), experiment);
        }
    }

    [Fact]
    public void Result_does_not_depend_on_how_batches_are_cut()
    {
        var experiment = Streams.Experiment();
        var digests = new HashSet<string>();
        foreach (var batch in (int[])[1, 3, 64, 4096])
        {
            var rig = new LearnerRig(Often(batch));
            Streams.Fill(rig.Log, 5, 400);
            rig.Assign(experiment);
            rig.Feed();
            digests.Add(rig.Digest);
        }
        Assert.Single(digests);
    }

    [Fact]
    public void Restart_without_a_checkpoint_reads_from_the_beginning()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 3, 50);
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        rig.Feed(20);
        rig.Assign(experiment);
        Assert.Equal(0, rig.Next);
        rig.Feed();
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
    }

    [Fact]
    public void Revoked_saves_so_that_the_successor_learns_nothing_again()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 3, 80);
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        rig.Feed();
        var (digest, interactions) = (rig.Digest, rig.Learner.Interactions);
        rig.Loop.Revoked(0);
        rig.Assign(experiment);
        Assert.Equal(digest, rig.Digest);
        rig.Feed();
        Assert.Equal((digest, interactions), (rig.Digest, rig.Learner.Interactions));
    }

    [Fact]
    public void Lost_partition_writes_nothing()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 3, 80);
        rig.Assign(Streams.Experiment());
        rig.Feed();
        var saves = rig.Stores.Saves;
        var publications = rig.Stores.Publications.Count;
        rig.Loop.Lost(0);
        rig.Loop.Handle(rig.Log[0]);
        rig.Loop.Idle(true);
        Assert.Equal((saves, publications), (rig.Stores.Saves, rig.Stores.Publications.Count));
    }

    [Fact]
    public void Corrupt_checkpoint_is_said_and_everything_learned_again_before_anything_is_published()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 4, 100);
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        rig.Feed();
        rig.Loop.Revoked(0);
        rig.Stores.Checkpoints[("home", 0)][60] ^= 1;
        var published = rig.Stores.Publications.Count;

        rig.Advance(TimeSpan.FromDays(1));
        rig.Assign(experiment);
        Assert.Equal(0, rig.Next);
        Assert.Contains(rig.Messages.All, static m => m.Id == 2012);
        rig.Feed(50);
        rig.Advance(TimeSpan.FromMinutes(5));
        rig.Feed(1);
        Assert.Equal(published, rig.Stores.Publications.Count);
        rig.Feed();
        Assert.True(rig.Stores.Publications.Count > published);
        // The clock is a day ahead, so a tick has closed what was open.
        rig.Feed();
        Assert.Equal(rig.Replay(experiment).Digest, rig.Digest);
    }

    [Fact]
    public void Changed_generation_learns_again_from_the_retained_log()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 4, 100);
        rig.Assign(Streams.Experiment());
        rig.Feed();
        rig.Loop.Revoked(0);
        var changed = Streams.Experiment(aggregate: "sum");
        rig.Assign(changed);
        Assert.Equal(0, rig.Next);
        Assert.Contains(rig.Messages.All, static m => m.Id == 2002);
        rig.Feed();
        Assert.Equal(rig.Replay(changed).Digest, rig.Digest);
        Assert.NotEqual(rig.Replay(Streams.Experiment()).Digest, rig.Digest);
    }

    [Fact]
    public void Changed_mode_keeps_what_was_learned()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 4, 100);
        rig.Assign(Streams.Experiment());
        rig.Feed();
        var learned = rig.Learner.Interactions;
        rig.Loop.Revoked(0);
        rig.Assign(Streams.Experiment(mode: "apprentice"));
        Assert.Equal(learned, rig.Learner.Interactions);
    }

    [Fact]
    public void Experiment_created_again_ignores_what_its_predecessor_decided()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 4, 100);
        rig.Assign(Streams.Experiment());
        rig.Feed();
        rig.Loop.Revoked(0);

        var createdAt = rig.Log.Records[^1].AppendedAt + 1;
        var again = Streams.Experiment(createdAt: createdAt);
        rig.Assign(again);
        rig.Feed();
        Assert.Equal((0L, 0L), (rig.Learner.Interactions, rig.Learner.Counts.Decisions));
        Assert.Matches(@"recsys_events_ignored_total\{[^}]*\} [1-9]", rig.Scrape());
        rig.Log.Append(Streams.Decision("new", createdAt));
        rig.Log.Append(new Bandits.Interactions.RewardEvent("new", createdAt + 1, 1));
        rig.Feed();
        Assert.Equal(1, rig.Learner.Interactions);
    }

    [Fact]
    public void Log_shorter_than_the_checkpoint_is_said_and_read_on_after_a_while()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 4, 100);
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        rig.Feed();
        var learned = rig.Learner.Interactions;
        rig.Loop.Revoked(0);
        rig.Log.Records.RemoveRange(99, 1);

        rig.Assign(experiment);
        Assert.True(rig.Next < 99, "The checkpoint should have open joins.");
        rig.Feed();
        rig.Advance(PartitionLearner.RebuildPatience / 2);
        rig.Feed();
        Assert.DoesNotContain(rig.Messages.All, static m => m.Id == 2015);
        rig.Advance(PartitionLearner.RebuildPatience);
        rig.Feed();
        Assert.Contains(rig.Messages.All, static m => m.Id == 2015);
        var time = rig.Log.Records[^1].AppendedAt;
        rig.Log.Append(Streams.Decision("new", time));
        rig.Log.Append(new Bandits.Interactions.RewardEvent("new", time + 1, 1));
        rig.Feed();
        Assert.Equal(learned + 1, rig.Learner.Interactions);
    }

    [Fact]
    public void Replaced_log_is_followed_from_where_it_is()
    {
        var rig = new LearnerRig();
        Streams.Fill(rig.Log, 4, 100);
        rig.Log.Append(new Bandits.Interactions.TickEvent(Streams.Start + 3_600_000));
        var experiment = Streams.Experiment();
        rig.Assign(experiment);
        rig.Feed();
        var learned = rig.Learner.Interactions;
        rig.Loop.Revoked(0);
        rig.Log.Records.Clear();
        rig.Assign(experiment);
        Assert.Equal(101, rig.Next);

        rig.Next = 0;
        rig.Log.Append(Streams.Decision("new", Streams.Start + 3_700_000));
        rig.Log.Append(new Bandits.Interactions.RewardEvent("new", Streams.Start + 3_700_001, 1));
        rig.Feed();
        Assert.Contains(rig.Messages.All, static m => m.Id == 2015);
        Assert.Equal(learned + 1, rig.Learner.Interactions);
        rig.Loop.Revoked(0);
        Assert.Equal(2, Checkpoint.Read(rig.Stores.Checkpoints[("home", 0)]).NextOffset);
    }
}
