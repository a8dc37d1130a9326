using MathNet.Numerics.LinearAlgebra;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Numerics;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Linear;
using Recsys.Bandits.Policies.Neural.NeuralLinear;
using Recsys.Bandits.Snapshots;
using Recsys.Bandits.Tests.Policies.Linear;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural.NeuralLinear;

/// <summary>Heads against their slow twin: whose features are in the sums, what is solved from them, and how long they live.</summary>
public sealed class NeuralLinearTests
{
    private const string Name = "neural-linear";

    [Theory]
    [InlineData("per-action", 4096, 40)]
    [InlineData("per-action", 2, 4096)]
    [InlineData("both", 4096, 200)]
    [InlineData("both", 2, 40)]
    public void Estimate_is_the_regression_on_the_frozen_trunk(string scope, int actions, int replay)
    {
        var spec = Spec(("scope", scope), ("actionsMax", $"{Math.Min(actions, 4)}"), ("replay", $"{replay}"));
        var (trainer, twin) = (Trainer(spec), new NaiveHeads(spec));
        foreach (var (x, i) in LinearLogs.Random(220, 3).Select(static (x, i) => (x, i)))
        {
            trainer.Learn([x]);
            twin.Follow(trainer, x);
            if (i % 23 == 2)
                AssertEstimates(Policy(spec, trainer), [twin], i);
        }
        Assert.True(twin.Replacements > 10);
    }

    [Fact]
    public void Partitions_have_their_own_trunks_and_their_predictions_are_combined()
    {
        var spec = Spec();
        var log = LinearLogs.Random(200, 5);
        // The second partition learned more, so that weights matter.
        var parts = log.GroupBy(static x => x.DecidedAt % 4 == 0 ? 0 : 1).OrderBy(static g => g.Key).Select(g => Followed(spec, [.. g])).ToList();
        var policy = PolicyCatalog.Find(Name).Assemble(spec, [.. parts.Select(static (part, p) => Shard(p, part.Trainer))]);
        AssertEstimates(policy, [.. parts.Select(static part => part.Twin)], 1);
    }

    [Fact]
    public void Several_networks_are_averaged_and_being_several_makes_them_no_surer()
    {
        var spec = Spec(("networks", "2"));
        var trainer = Trainer(spec);
        NaiveHeads[] twins = [new(spec), new(spec, 1)];
        foreach (var x in LinearLogs.Random(90, 6))
        {
            trainer.Learn([x]);
            foreach (var twin in twins)
                twin.Follow(trainer, x);
        }
        var context = LinearLogs.Context(new Random(2), 9);
        var (means, widths) = Shards.Estimate(Policy(spec, trainer), context, LinearLogs.Candidates);
        for (var k = 0; k < means.Length; k++)
        {
            var members = twins.Select(twin => twin.Estimate(context, LinearLogs.Candidates[k])).ToList();
            Assert.Equal(members.Average(static m => Math.Clamp(m.Mean, -1, 2)), means[k], 1e-3);
            Assert.Equal(Math.Sqrt(members.Average(static m => m.Width * m.Width)), widths[k], 1e-3);
        }
    }

    [Fact]
    public void Sums_have_features_of_one_trunk_at_every_moment()
    {
        var spec = Spec(("replay", "60"), ("actionsMax", "3"));
        var (trainer, twin) = (Trainer(spec), new NaiveHeads(spec));
        double farthest = 0;
        foreach (var x in LinearLogs.Random(150, 9))
        {
            trainer.Learn([x]);
            twin.Follow(trainer, x);
            foreach (var sums in trainer.Heads[0].Sums.Own.Append(trainer.Heads[0].Sums.Others))
            {
                ActionKey? key = ReferenceEquals(sums, trainer.Heads[0].Sums.Others) ? null : new ActionKey(sums.Key);
                Assert.Equal(0, Distance(sums, twin.Sums(key, y => twin.Features(y.Context, y.ActionFeatures))), 1e-4);
                farthest = Math.Max(farthest, Distance(sums, twin.Sums(key, y => twin.LiveFeatures(trainer, y))));
            }
        }
        Assert.True(farthest > 0.01, $"the live trunk is {farthest} away: the test could not tell them apart");
    }

    [Fact]
    public void Learns_what_no_line_separates()
    {
        // The right action is "x" where both numbers have one sign and "y" elsewhere; a linear model earns a half.
        var spec = Shards.Spec(Name, new FeatureSchema(ContextVector: 2), null, ("hidden", "32"));
        var trainer = Trainer(spec);
        var random = new Random(12);
        Candidate[] candidates = [Shards.Candidate("x"), Shards.Candidate("y")];
        IPolicy? policy = null;
        double late = 0;
        for (var round = 0; round < 1500; round++)
        {
            float a = random.NextSingle() * 2 - 1, b = random.NextSingle() * 2 - 1;
            var context = new FeatureSet(default, new[] { a, b });
            policy = PolicyCatalog.Find(Name).Assemble(spec, [Shard(0, trainer)], policy);
            var (means, widths) = Shards.Estimate(policy, context, candidates);
            var p = new float[2];
            policy.Distribute(means, widths, p);
            var chosen = random.NextSingle() < p[0] ? 0 : 1;
            var reward = chosen == (a * b > 0 ? 0 : 1) ? 1 : 0;
            late += round >= 1000 ? reward : 0;
            trainer.Learn([new Interaction(context, candidates[chosen].Key, default, default, p[chosen], reward, round)]);
        }
        Assert.True(late / 500 > 0.85, $"earned {late / 500}");
    }

    [Fact]
    public void A_drift_alarm_replaces_the_trunk_and_forgets_what_is_not_replayed()
    {
        var spec = Spec(("trunkEvery", "100000"), ("replay", "100000"));
        var trainer = Trainer(spec);
        var random = new Random(4);
        var replaced = false;
        for (var i = 0; i < 2000 && !replaced; i++)
        {
            var side = random.Next(2);
            var reward = (side == 1) == (i < 1200) ? 1 : 0;
            trainer.Learn([new Interaction(new FeatureSet(default, new[] { side, 0.5f }), ActionKey.Of("a"), LinearLogs.Action(0), default, 1, reward, i)]);
            if (!trainer.State.Drift.IsAlarm)
                continue;
            Assert.True(i >= 1200, "an alarm without a shift");
            Assert.Equal(64, trainer.Heads[0].Sums.Own[0].Gram[0]);
            Assert.Equal(0, trainer.Since);
            Assert.Equal(TwinNetwork.Part(trainer.State.Networks.Layer.Served, 0, trainer.State.Networks.Options), trainer.Heads[0].Trunk.Layer);
            replaced = true;
        }
        Assert.True(replaced);
    }

    [Fact]
    public void Learning_goes_on_to_the_bit_after_a_checkpoint()
    {
        var spec = Spec(("replay", "60"));
        var log = LinearLogs.Random(200, 7);
        for (var cut = 1; cut < 120; cut += 17)
        {
            var (whole, first, second) = (Trainer(spec), Trainer(spec), Trainer(spec));
            whole.Learn(log);
            first.Learn(log.AsSpan(0, cut));
            second.Learn(log.AsSpan(100, 3));
            second.ReadCheckpoint(Shards.Bytes(first.WriteCheckpoint));
            second.Learn(log.AsSpan(cut));
            Assert.Equal(Shards.Bytes(whole.WriteCheckpoint), Shards.Bytes(second.WriteCheckpoint));
            Assert.Equal(Shards.Bytes(whole.WriteParameters), Shards.Bytes(second.WriteParameters));
        }
    }

    [Fact]
    public void Assemble_shares_what_has_not_changed_and_gives_the_numbers_of_a_fresh_solve()
    {
        var spec = Spec(("trunkEvery", "64"), ("scope", "per-action"));
        var kind = PolicyCatalog.Find(Name);
        var trainer = Trainer(spec);
        var log = LinearLogs.Random(400, 8);
        IPolicy? previous = null;
        var (shared, solved) = (0, 0);
        for (var i = 0; i < log.Length; i += 2)
        {
            trainer.Learn(log.AsSpan(i, 2));
            var fresh = kind.Assemble(spec, [Shard(0, trainer)]);
            var next = kind.Assemble(spec, [Shard(0, trainer)], previous);
            var context = LinearLogs.Context(new Random(i), 15);
            var (expected, actual) = (Shards.Estimate(fresh, context, LinearLogs.Candidates), Shards.Estimate(next, context, LinearLogs.Candidates));
            Assert.Equal(expected.Means, actual.Means);
            Assert.Equal(expected.Widths, actual.Widths);
            foreach (var (key, block) in Blocks(next))
            {
                var isShared = previous is not null && Blocks(previous).TryGetValue(key, out var old) && ReferenceEquals(old, block);
                (shared, solved) = isShared ? (shared + 1, solved) : (shared, solved + 1);
            }
            previous = next;
        }
        Assert.True(shared > solved / 2 && solved > 0, $"{shared} shared, {solved} solved");
    }

    [Fact]
    public void An_action_never_seen_has_the_mean_reward_and_the_widest_width()
    {
        var spec = Spec(("scope", "per-action"));
        var policy = Policy(spec, Followed(spec, LinearLogs.Random(120, 2)).Trainer);
        var context = LinearLogs.Context(new Random(3), 5);
        // With the same features, so that only experience differs.
        var (means, widths) = Shards.Estimate(policy, context, [.. LinearLogs.Candidates.Select(static c => c with { Features = LinearLogs.Action(1) })]);
        Assert.InRange(means[4], 0.3f, 0.7f);
        Assert.All(widths[..4], w => Assert.True(w < widths[4]));
    }

    [Fact]
    public void A_batch_with_a_vector_of_another_length_teaches_nothing()
    {
        var spec = Spec();
        var trainer = Trainer(spec);
        var log = LinearLogs.Random(3, 1);
        var before = Shards.Bytes(trainer.WriteCheckpoint);
        Assert.Throws<ArgumentException>(() => trainer.Learn([log[0], log[1] with { ActionFeatures = default }]));
        Assert.Equal(before, Shards.Bytes(trainer.WriteCheckpoint));
    }

    [Fact]
    public void Sums_that_no_interactions_lead_to_are_refused()
    {
        var spec = Spec();
        void Refused(Action<RidgeSums> damage)
        {
            var trainer = Followed(spec, LinearLogs.Random(30, 1)).Trainer;
            damage(trainer.Heads[0].Sums.Own[1]);
            Assert.Throws<SnapshotFormatException>(() => Trainer(spec).ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint)));
            Assert.Throws<SnapshotFormatException>(() => Policy(spec, trainer));
        }

        Refused(static sums => sums.Gram[5] = double.NaN);
        Refused(static sums => sums.Moments[3] = double.PositiveInfinity);
        Refused(static sums => sums.Moments[0] = -1);
        Refused(static sums => sums.Moments[0] = sums.Gram[0] + 1);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(31, 1)]
    [InlineData(32, 2)]
    [InlineData(1600, 100)]
    [InlineData(8192, 128)]
    public void A_trunk_lives_for_a_sixteenth_of_what_is_replayed_up_to_its_bound(int replayed, int interval) =>
        Assert.Equal(interval, NeuralLinearOptions.From(Shards.Spec(Name)).Interval(replayed));

    private static PolicySpec Spec(params (string Name, string Value)[] parameters)
    {
        List<(string Name, string Value)> all = [("hidden", "16"), ("trunkEvery", "8"), ("rate", "0.01"), ("batch", "8")];
        all.RemoveAll(one => parameters.Any(given => given.Name == one.Name));
        return Shards.Spec(Name, LinearLogs.Schema, null, [.. all, .. parameters]);
    }

    private static NeuralLinearTrainer Trainer(PolicySpec spec) => (NeuralLinearTrainer)PolicyCatalog.Find(Name).CreateTrainer(spec);

    private static (NeuralLinearTrainer Trainer, NaiveHeads Twin) Followed(PolicySpec spec, Interaction[] log)
    {
        var (trainer, twin) = (Trainer(spec), new NaiveHeads(spec));
        foreach (var x in log)
        {
            trainer.Learn([x]);
            twin.Follow(trainer, x);
        }
        return (trainer, twin);
    }

    private static PolicyShard Shard(int partition, NeuralLinearTrainer trainer) => new(partition, trainer.Interactions, Shards.Bytes(trainer.WriteParameters));

    private static IPolicy Policy(PolicySpec spec, NeuralLinearTrainer trainer) => PolicyCatalog.Find(Name).Assemble(spec, [Shard(0, trainer)]);

    private static Dictionary<ulong, SolvedBlock> Blocks(IPolicy policy) =>
        ((IEstimatorPolicy<NeuralLinearEstimator>)policy).Estimator.Heads(0)!.Members[0].Solved;

    private static double Distance(RidgeSums sums, (Matrix<double> Gram, Vector<double> Moments) twin)
    {
        double farthest = 0;
        for (var i = 0; i < sums.Dimension; i++)
        {
            farthest = Math.Max(farthest, Math.Abs(sums.Moments[i] - twin.Moments[i]));
            for (var j = 0; j <= i; j++)
                farthest = Math.Max(farthest, Math.Abs(sums.Gram[PackedLower.Row(i) + j] - twin.Gram[i, j]));
        }
        return farthest;
    }

    private static void AssertEstimates(IPolicy policy, NaiveHeads[] twins, int seed)
    {
        var random = new Random(seed);
        for (var trial = 0; trial < 3; trial++)
        {
            var context = LinearLogs.Context(random, 20);
            var (means, widths) = Shards.Estimate(policy, context, LinearLogs.Candidates);
            for (var k = 0; k < means.Length; k++)
            {
                var parts = twins.Select(twin => (Estimate: twin.Estimate(context, LinearLogs.Candidates[k]), twin.Interactions)).ToList();
                var mean = parts.Sum(static p => p.Interactions * Math.Clamp(p.Estimate.Mean, -1, 2)) / parts.Sum(static p => p.Interactions);
                var width = 1 / Math.Sqrt(parts.Sum(static p => 1 / (p.Estimate.Width * p.Estimate.Width)));
                Assert.Equal(mean, means[k], 1e-3);
                Assert.Equal(width, widths[k], 1e-3);
            }
        }
    }
}
