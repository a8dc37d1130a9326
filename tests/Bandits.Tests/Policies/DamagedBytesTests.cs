using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Policies;

/// <summary>
/// State bytes of every kind, damaged at random: they are refused with the one exception that callers handle and the trainer is as before, or they still are a
/// state, which then serves finite numbers and a distribution.
/// </summary>
public sealed class DamagedBytesTests
{
    public static TheoryData<string> Kinds => [.. PolicyCatalog.Kinds.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ReadCheckpoint_and_Assemble_refuse_or_serve(string name) => RefuseOrServe(Shards.Spec(name, new FeatureSchema(2, 12, 1), null, Shards.Small(name)));

    [Fact]
    public void Times_that_cannot_be_are_refused_or_served_where_sums_fade() =>
        RefuseOrServe(Shards.Spec("diag-lin-ucb", new FeatureSchema(2, 12, 1), null, ("halfLifeDays", "0.001")));

    private static void RefuseOrServe(PolicySpec spec)
    {
        var kind = PolicyCatalog.Find(spec.Kind);
        var good = Shards.Train(spec, Interactions(40));
        var bytes = Shards.Bytes(good.WriteCheckpoint);
        var before = Shards.Bytes(good.WriteCheckpoint);
        var random = new Random(17);
        var (refused, served) = (0, 0);
        for (var trial = 0; trial < 3000; trial++)
        {
            var damaged = Damage(bytes, trial, random);
            try
            {
                good.ReadCheckpoint(damaged);
                served++;
                good.Learn(Interactions(3));
                var again = kind.CreateTrainer(spec);
                again.ReadCheckpoint(Shards.Bytes(good.WriteCheckpoint));
                good.ReadCheckpoint(before);
            }
            catch (SnapshotFormatException)
            {
                refused++;
            }
            Assert.Equal(before, Shards.Bytes(good.WriteCheckpoint));
            try
            {
                Serve(kind.Assemble(spec, [new PolicyShard(0, 40, damaged), new PolicyShard(1, 40, before)]));
                Serve(kind.Assemble(spec, [new PolicyShard(0, 40, damaged)]));
            }
            catch (SnapshotFormatException)
            {
                refused++;
            }
        }
        Assert.True(refused > 1000, $"only {refused} refused");
        Assert.True(served > 0);
    }

    private static byte[] Damage(byte[] bytes, int trial, Random random)
    {
        var damaged = (byte[])bytes.Clone();
        // Headers are short and everything depends on them, so half of the damage is there.
        int At() => random.Next(random.Next(2) == 0 ? Math.Min(44, damaged.Length) : damaged.Length);
        switch (trial % 5)
        {
            case 0:
                damaged[At()] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                damaged[At()] = (byte)random.Next(256);
                break;
            case 2:
                return damaged[..random.Next(damaged.Length)];
            case 3:
                return [.. damaged, .. new byte[random.Next(1, 60)]];
            default:
                for (var i = 0; i < 8; i++)
                    damaged[At()] = random.Next(3) switch { 0 => 0, 1 => 0xFF, _ => 0x7F };
                break;
        }
        return damaged;
    }

    private static void Serve(IPolicy policy)
    {
        Candidate[] candidates = [Shards.Candidate("a0", Features(1)), Shards.Candidate("a1", Features(2)), Shards.Candidate("new", Features(3))];
        var (means, widths) = Shards.Estimate(policy, Context(4), candidates, [new(0, 0.7f), new(1, 0.3f)]);
        Assert.All(means, static m => Assert.True(float.IsFinite(m)));
        Assert.All(widths, static w => Assert.True(float.IsFinite(w) && w >= 0));
        var p = new float[3];
        policy.Distribute(means, widths, p);
        Assert.Equal(1, p.Sum(), 1e-5f);
    }

    private static Interaction[] Interactions(int count) => [.. Enumerable.Range(0, count).Select(static i => new Interaction(
        Context(i), ActionKey.Of("a" + i % 3), Features(i), new[] { new ClusterWeight(i % 2, 0.7f), new ClusterWeight(5, 0.3f) }, 0.5f, i % 4 == 0 ? 1 : 0, i))];

    private static FeatureSet Context(int i) => new(new[] { new SparseFeature((uint)i % 4, 1) }, new[] { i % 5 / 5f, 1 });

    private static FeatureSet Features(int i) => new(default, new[] { i % 7 / 7f });
}
