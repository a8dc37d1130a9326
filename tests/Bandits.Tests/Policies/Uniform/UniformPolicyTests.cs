using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Uniform;

public sealed class UniformPolicyTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 1e-9)]
    [InlineData(-1e12, 3e12)]
    public void Estimate_is_the_mean_reward_whatever_its_scale(double minimum, double maximum)
    {
        var spec = Shards.Spec("uniform", null, new RewardRange(minimum, maximum));
        var rewards = Enumerable.Range(0, 100).Select(i => (float)(minimum + (maximum - minimum) * (i % 10) / 10)).ToArray();
        var policy = Shards.Assemble(spec, rewards[..37].Select(Interaction), rewards[37..].Select(Interaction));
        var (means, widths) = Shards.Estimate(policy, default, [Shards.Candidate("a"), Shards.Candidate("b")]);
        Assert.All(means, m => Assert.Equal(rewards.Average(static r => (double)r), m, 1e-6 * (maximum - minimum)));
        Assert.All(widths, static w => Assert.Equal(0, w));
        Assert.Equal(100, policy.Descriptor.Version);
    }

    [Fact]
    public void Estimate_before_any_reward_is_the_middle_of_the_range() =>
        Assert.Equal(7, Shards.Estimate(Shards.Assemble(Shards.Spec("uniform", null, new RewardRange(4, 10))), default, [Shards.Candidate("a")]).Means[0]);

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(3, -1)]
    [InlineData(3, (3L << 20) + 1)]
    [InlineData(long.MaxValue, 5)]
    public void ReadCheckpoint_refuses_impossible_counts(long interactions, long sum)
    {
        var trainer = Shards.Train(Shards.Spec("uniform"), []);
        Assert.Throws<SnapshotFormatException>(() => trainer.ReadCheckpoint([.. BitConverter.GetBytes(interactions), .. BitConverter.GetBytes(sum)]));
    }

    private static Interaction Interaction(float reward) => new(default, ActionKey.Of("a"), default, default, 1, reward, 0);
}
