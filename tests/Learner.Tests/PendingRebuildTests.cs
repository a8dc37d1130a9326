using Microsoft.Extensions.Time.Testing;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Infrastructure.Events;
using Recsys.Learner.Tests.Support;
using Recsys.Learner.Training;

namespace Recsys.Learner.Tests;

/// <summary>Awaited impressions are no part of a checkpoint: they come back with the open joins, the same ones.</summary>
public sealed class PendingRebuildTests
{
    private const long End = Streams.Start + 3_600_000;

    private static LogRecord[] Log(int seed)
    {
        var log = new MemoryLog(new FakeTimeProvider());
        Streams.Fill(log, seed, 110);
        var time = log.Records[^1].AppendedAt;
        // Shown and not to be learned: joined, and never awaited.
        log.Append(Streams.Decision("control", time) with { Learned = false }, time);
        log.Append(new RewardEvent("control", time, 1), time);
        log.Append(Streams.Decision("treated", time), time);
        log.Append(Streams.Decision("control again", time) with { Learned = false }, time);
        return [.. log.All];
    }

    private static PartitionState Fed(Infrastructure.Experiments.Experiment experiment, ReadOnlySpan<LogRecord> records, Checkpoint? checkpoint = null)
    {
        var state = checkpoint is null ? new PartitionState(experiment) : new PartitionState(experiment, checkpoint);
        foreach (var record in records)
            state.Take(record, learns: true);
        return state;
    }

    private static Checkpoint Saved(PartitionState state) => Checkpoint.Read(state.Capture(1).Write());

    private static byte[] Published(PartitionState state) => state.Parameters().ToArray();

    private static PendingList Awaited(PartitionState state) => EdgeTable.Read(state.Parameters().Span).Pending;

    private static LogRecord Tick(long offset)
    {
        var log = new MemoryLog(new FakeTimeProvider());
        log.Append(new TickEvent(End));
        return log[0] with { Offset = offset };
    }

    [Theory]
    [InlineData("first", 1)]
    [InlineData("sum", 2)]
    public void Stopped_at_any_record_it_awaits_what_it_awaited(string aggregate, int seed)
    {
        var experiment = Streams.Experiment("diag-lin-ucb selection=pending", aggregate);
        var log = Log(seed);
        var most = 0L;
        for (var cut = 0; cut <= log.Length; cut++)
        {
            var saved = Saved(Fed(experiment, log.AsSpan(0, cut)));
            var begin = (int)saved.Resume.Offset;
            var again = Fed(experiment, log.AsSpan(begin..cut), saved);
            Assert.False(again.IsRebuilding);
            Assert.Equal(Published(Fed(experiment, log.AsSpan(0, cut))), Published(again));
            most = Math.Max(most, Awaited(again).Sums.Sum(static s => s.Count));

            // Stopped again on the way, it goes on as if it had never been.
            var on = Math.Min(cut + 7, log.Length);
            var further = Saved(Fed(experiment, log.AsSpan(begin..on), saved));
            var last = Fed(experiment, log.AsSpan((int)further.Resume.Offset..), further);
            Assert.Equal(Published(Fed(experiment, log)), Published(last));
            last.Take(Tick(log.Length), learns: true);
            Assert.Empty(Awaited(last).Keys);
        }
        Assert.True(most >= 5, $"Never more than {most} were awaited.");
    }

    [Fact]
    public void Only_what_will_be_learned_is_awaited()
    {
        var experiment = Streams.Experiment("diag-lin-ucb selection=pending");
        var log = Log(3);
        var state = Fed(experiment, log);
        var before = Awaited(Fed(experiment, log.AsSpan(0, log.Length - 4))).Sums.Sum(static s => s.Count);
        Assert.Equal(before + 1, Awaited(state).Sums.Sum(static s => s.Count));
        state.Take(Tick(log.Length), learns: true);
        Assert.Empty(Awaited(state).Keys);
    }

    [Fact]
    public void Where_the_log_has_lost_the_open_decisions_nothing_of_them_stays_awaited()
    {
        var experiment = Streams.Experiment("diag-lin-ucb selection=pending");
        var log = Log(4);
        for (var cut = 20; cut < 80; cut += 3)
        {
            var before = Fed(experiment, log.AsSpan(0, cut));
            Published(before);
            before.MarkPublished();
            var saved = Saved(before);
            var begin = (int)saved.Resume.Offset;

            // Given up at once, or met halfway through, or with every other record missing.
            before.ForgetJoins(cut);
            var halfway = Fed(experiment, log.AsSpan(begin..((begin + cut) / 2)), saved);
            var holes = Fed(experiment, [.. log[begin..cut].Where(static r => r.Offset % 2 == 0)], saved);
            foreach (var state in (PartitionState[])[before, halfway, holes])
            {
                foreach (var record in log[cut..])
                    state.Take(record, learns: true);
                state.Take(Tick(log.Length), learns: true);
                // Only what was published can be followed by a delta.
                Assert.Equal(state == before, state.Delta() is not null);
                Assert.Empty(Awaited(state).Keys);
            }
        }
    }
}
