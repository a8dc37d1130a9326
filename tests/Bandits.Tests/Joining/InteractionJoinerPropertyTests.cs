using CsCheck;
using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Bandits.Tests.Joining;

/// <summary>The joiner against its slow twin, and against itself after a restart at every point of the log.</summary>
public sealed class InteractionJoinerPropertyTests
{
    // Fixed so that a run can be repeated; CsCheck prints the failing case's own seed.
    private const string Seed = "0000000000000";

    [Fact]
    public void Apply_random_logs_agrees_with_the_naive_twin()
    {
        Gen.Select(JoinScript.Settings, JoinScript.Logs).Sample(
            (settings, log) =>
            {
                var joiner = new InteractionJoiner(settings.Rule, settings.Limits);
                var twin = new NaiveJoiner(settings.Rule, settings.Limits);
                var (mine, theirs) = (new List<Interaction>(), new List<Interaction>());
                foreach (var step in log)
                {
                    var outcome = joiner.Apply(step.Event, step.Offset, step.AppendedAt, mine);
                    Assert.Equal(twin.Apply(step, theirs), outcome);
                    Assert.Equal(theirs.Select(JoinScript.Describe), mine.Select(JoinScript.Describe));
                    Assert.Equal(twin.Counts, joiner.Counts);
                    Assert.Equal(twin.Pending, joiner.Pending);
                    Assert.Equal(twin.NextDeadline, joiner.NextDeadline);
                }
            },
            seed: Seed, iter: 3_000, threads: 1);
    }

    [Fact]
    public void Resume_at_every_point_of_random_logs_continues_as_if_nothing_had_happened()
    {
        Gen.Select(JoinScript.Settings, JoinScript.Logs).Sample(
            (settings, log) =>
            {
                var whole = Run(new InteractionJoiner(settings.Rule, settings.Limits), log, log[0].Offset, out var points);
                for (var cut = 0; cut <= log.Length; cut++)
                {
                    var (point, counts) = points[cut];
                    var resumed = InteractionJoiner.Resume(settings.Rule, settings.Limits, point, counts);
                    var discarded = new List<Interaction>();
                    foreach (var step in log.Take(cut).Where(s => s.Offset >= point.Offset))
                        resumed.Apply(step.Event, step.Offset, step.AppendedAt, discarded);
                    Assert.Empty(discarded);
                    Assert.Equal(counts, resumed.Counts);
                    Assert.Equal(whole[cut].Pending, resumed.Pending);
                    Assert.Equal(whole[cut].NextDeadline, resumed.NextDeadline);
                    var rest = Run(resumed, log[cut..], cut == 0 ? log[0].Offset : log[cut - 1].Offset + 1, out var again);
                    Assert.Equal(whole[cut..], rest);
                    Assert.Equal(Bytes(points[^1].Point), Bytes(again[^1].Point));
                }
            },
            seed: Seed, iter: 1_000, threads: 1);
    }

    [Fact]
    public void Apply_every_reward_is_counted_exactly_once()
    {
        Gen.Select(JoinScript.Settings, JoinScript.Logs).Sample(
            (settings, log) =>
            {
                var joiner = new InteractionJoiner(settings.Rule, settings.Limits);
                var activations = 0L;
                foreach (var step in log.Append(new JoinStep(new TickEvent(1_000_000), 1_000_000, 1_000_000)))
                {
                    joiner.Apply(step.Event, step.Offset, step.AppendedAt, []);
                    activations += step.Event is ActivationEvent ? 1 : 0;
                }
                Assert.Equal(0, joiner.Pending);
                Assert.Null(joiner.NextDeadline);
                var counts = joiner.Counts;
                Assert.Equal(
                    log.Count(s => s.Event is RewardEvent) + activations,
                    counts.Joined + counts.Duplicate + counts.Late + counts.Orphan + counts.Invalid + counts.Activations);
                Assert.Equal(log.Count(s => s.Event is DecisionEvent), counts.Decisions + counts.RepeatedDecisions);
            },
            seed: Seed, iter: 1_000, threads: 1);
    }

    [Fact]
    public void Apply_every_expected_impression_becomes_one_interaction()
    {
        var (most, unactivated) = (0, 0L);
        Gen.Select(JoinScript.Settings, JoinScript.Logs).Sample(
            (settings, log) =>
            {
                var joiner = new InteractionJoiner(settings.Rule, settings.Limits);
                var (open, joined, expected) = (new List<string>(), new List<Interaction>(), new List<Impression>());
                for (var i = 0; i <= log.Length; i++)
                {
                    // What is awaited follows from what was expected and came, and from the state; a joiner resumed here has the same.
                    Assert.Equal(open.Order(), Open(joiner));
                    var point = joiner.ResumePoint(i == 0 ? log[0].Offset : log[i - 1].Offset + 1);
                    var resumed = InteractionJoiner.Resume(settings.Rule, settings.Limits, point, joiner.Counts);
                    foreach (var again in log.Take(i).Where(s => s.Offset >= point.Offset))
                        resumed.Apply(again.Event, again.Offset, again.AppendedAt, joined, expected);
                    Assert.Empty(joined);
                    Assert.Empty(expected);
                    Assert.Equal(open.Order(), Open(resumed));
                    // At last the windows of all that was really shown close.
                    var step = i < log.Length ? log[i] : new JoinStep(new TickEvent(1_000_000), 1_000_000, 1_000_000);
                    joiner.Apply(step.Event, step.Offset, step.AppendedAt, joined, expected);
                    open.AddRange(expected.Select(Describe));
                    most = Math.Max(most, open.Count);
                    Assert.All(joined, interaction => Assert.True(open.Remove(Describe(interaction.Impression)), "not expected, or twice"));
                    Assert.True(open.Count <= joiner.Counts.InFlight);
                    joined.Clear();
                    expected.Clear();
                }
                Assert.Empty(open);
                unactivated += joiner.Counts.Unactivated;
            },
            seed: Seed, iter: 300, threads: 1);
        Assert.True(most > 3 && unactivated > 0);

        static IEnumerable<string> Open(InteractionJoiner joiner)
        {
            var open = new List<Impression>();
            joiner.Expected(open);
            return open.Select(Describe).Order();
        }

        static string Describe(Impression impression) => $"{impression.Action.Value:x}/{string.Join(',', impression.Clusters.ToArray())}/{impression.Learned}";
    }

    private static (string Joined, JoinOutcome Outcome, JoinCounts Counts, int Pending, long? NextDeadline, long Watermark)[] Run(
        InteractionJoiner joiner, JoinStep[] log, long nextOffset, out (JoinResumePoint Point, JoinCounts Counts)[] points)
    {
        // Entry i is the state before event i and what event i brought; the last entry is the end.
        var seen = new (string, JoinOutcome, JoinCounts, int, long?, long)[log.Length + 1];
        points = new (JoinResumePoint, JoinCounts)[log.Length + 1];
        for (var i = 0; i <= log.Length; i++)
        {
            points[i] = (joiner.ResumePoint(i == 0 ? nextOffset : log[i - 1].Offset + 1), joiner.Counts);
            var (counts, pending, deadline, watermark) = (joiner.Counts, joiner.Pending, joiner.NextDeadline, joiner.Watermark);
            var joined = new List<Interaction>();
            var outcome = i == log.Length ? default : joiner.Apply(log[i].Event, log[i].Offset, log[i].AppendedAt, joined);
            seen[i] = (string.Join(';', joined.Select(JoinScript.Describe)), outcome, counts, pending, deadline, watermark);
        }
        return seen;
    }

    private static string Bytes(JoinResumePoint point) => $"{point.Offset} {point.Watermark} {Convert.ToHexString(point.Starts.Span)}";
}
