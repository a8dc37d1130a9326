using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Sums with decay against every interaction weighed by its age.</summary>
public sealed class ForgettingTests
{
    private const double HalfLife = 86_400;
    private const long Period = (long)(HalfLife * Forgetting.HalfLivesPerPeriod), Start = 1_700_000_000_000 / Period * Period;
    private static readonly PolicySpec Spec = Shards.Spec("diag-lin-ucb", null, null, ("halfLifeDays", "0.001"));

    [Fact]
    public void Sums_are_those_of_interactions_weighed_by_their_age()
    {
        var random = new Random(1);
        // Almost four periods, in any order.
        var log = EdgeLogs.Random(4000, 2).Select(x => x with { DecidedAt = Start + (long)(3.9 * Period * random.NextDouble()) }).ToArray();
        var newest = log.Max(static x => x.DecidedAt);
        var read = Math.Ceiling(newest / HalfLife * Forgetting.StepsPerHalfLife) / Forgetting.StepsPerHalfLife * HalfLife;
        Assert.InRange(read - newest, 0, HalfLife / Forgetting.StepsPerHalfLife);
        var kept = Start + 2 * Period;
        var picture = Picture(log);
        foreach (var edges in log.SelectMany(static x => x.Clusters.ToArray().Select(c => (Key: new EdgeKey(c.Cluster, x.Action), W: (double)c.Weight, Shown: x)))
            .GroupBy(static x => x.Key))
        {
            var view = picture.Find(edges.Key);
            double Sum(Func<(EdgeKey Key, double W, Interaction Shown), double> of, bool all) =>
                edges.Where(x => all || x.Shown.DecidedAt >= kept).Sum(x => Math.Pow(2, -(read - x.Shown.DecidedAt) / HalfLife) * of(x));
            var rounding = 1e-6 * edges.Count();
            Assert.Equal(Sum(static x => x.W * x.W, false), view.Precision, rounding);
            Assert.Equal(Sum(static x => x.W * x.Shown.Reward, false), view.Reward, rounding);
            Assert.Equal(Sum(static x => x.W, false), view.Weight, rounding);
            // What is no longer kept would count for less than 1 in 256 each.
            Assert.Equal(Sum(static x => x.W, true), view.Weight, rounding + edges.Count(x => x.Shown.DecidedAt < kept) / (double)Forgetting.GrowthMax);
            Assert.Equal(edges.Count(x => x.Shown.DecidedAt >= kept), view.Count);
        }
    }

    [Fact]
    public void Pooled_estimates_are_those_of_interactions_weighed_by_their_age()
    {
        var world = new AffinityWorld(4);
        // Across the border of two periods.
        var log = world.Log(3000, i => Start + Period - (long)(3 * HalfLife) + (long)(i * 5 * HalfLife / 3000));
        var newest = log.Max(static x => x.DecidedAt);
        var read = Math.Ceiling(newest / HalfLife * Forgetting.StepsPerHalfLife) / Forgetting.StepsPerHalfLife * HalfLife;
        var naive = new NaivePooling(log, x => Math.Pow(2, -(read - x.DecidedAt) / HalfLife));
        var policy = Shards.Assemble(Spec, log);
        for (var trial = 0; trial < 100; trial++)
        {
            var (user, clusters) = (world.User(), world.Clusters());
            Candidate[] candidates = [.. Enumerable.Range(0, 6).Select(_ => world.Candidate(world.Next(25), clusters.Length))];
            var (means, widths) = Shards.Estimate(policy, user, candidates, clusters);
            for (var j = 0; j < candidates.Length; j++)
            {
                var (mean, width, known) = naive.Estimate(user, candidates[j], clusters);
                Assert.True(known);
                Assert.Equal(mean, means[j], 1e-4);
                Assert.Equal(width, widths[j], 1e-4);
            }
        }
    }

    [Fact]
    public void Any_order_and_any_split_give_the_same_bits_across_periods()
    {
        var world = new AffinityWorld(5);
        var random = new Random(6);
        var log = world.Log(1500, _ => Start + (long)(4.5 * Period * random.NextDouble()));
        var reference = Shards.Shard(Spec, 0, log).Parameters.ToArray();
        Assert.NotEmpty(EdgeTable.Read(reference).Previous.Keys);
        for (var trial = 0; trial < 6; trial++)
        {
            // Split by chance, or by time, so that shards lie in different periods.
            var byTime = trial % 2 == 0;
            var parts = log.OrderBy(_ => random.Next()).GroupBy(x => byTime ? (int)((x.DecidedAt - Start) / Period) % 3 : random.Next(3));
            var merged = parts.Select(part => EdgeTable.Read(Shards.Shard(Spec, 0, part).Parameters.Span)).OrderBy(_ => random.Next()).Aggregate(NaiveTables.Merge);
            Assert.Equal(reference, Shards.Bytes(merged.Write));
        }
    }

    [Fact]
    public void An_interaction_counts_half_after_a_half_life_and_never_more_than_itself()
    {
        var forgetting = new Forgetting(HalfLife);
        for (var lives = 0.0; lives < 16; lives += 0.37)
        {
            var time = Start + (long)(lives * HalfLife);
            var later = time + (long)(3 * HalfLife);
            var left = forgetting.Growth(time) * forgetting.Factor(forgetting.PeriodOf(time), forgetting.StepOf(later));
            Assert.InRange(left, 0.125 * Math.Pow(2, -1.0 / Forgetting.StepsPerHalfLife) * 0.9999, 0.125 * 1.0001);
            Assert.InRange(forgetting.Growth(time), 1, Forgetting.GrowthMax);
            Assert.InRange(forgetting.Growth(time) * forgetting.Factor(forgetting.PeriodOf(time), forgetting.StepOf(time)), 0, 1);
        }
        Assert.Equal(0, forgetting.PeriodOf(-5));
    }

    [Fact]
    public void With_no_half_life_time_does_not_matter()
    {
        var never = new Forgetting(0);
        Assert.False(never.IsOn);
        Assert.Equal((0L, 1.0, 0L, 1.0), (never.PeriodOf(Start), never.Growth(Start), never.StepOf(Start), never.Factor(0, 0)));
        var spec = Shards.Spec("diag-lin-ucb");
        var world = new AffinityWorld(7);
        var log = world.Log(300, static i => 1_000_000_000L * i);
        var still = log.Select(static x => x with { DecidedAt = 0 });
        var table = EdgeTable.Read(Shards.Shard(spec, 0, log).Parameters.Span);
        Assert.Equal(Shards.Shard(spec, 0, still).Parameters.ToArray(), Shards.Bytes((table with { Newest = 0 }).Write));
    }

    private static EdgePicture Picture(IEnumerable<Interaction> log) =>
        EdgePicture.Empty(DiagLinUcbKind.ForgettingOf(Spec), pooled: true).With(0, EdgeTable.Read(Shards.Shard(Spec, 0, log).Parameters.Span));
}
