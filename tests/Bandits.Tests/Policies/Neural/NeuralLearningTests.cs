using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>What networks are for: what is not linear, rates that are rates, and a world that moves.</summary>
public sealed class NeuralLearningTests
{
    private static readonly FeatureSchema Schema = new(ContextVector: 2);

    public static TheoryData<string> Kinds => [.. NeuralStreams.Kinds];

    /// <summary>
    /// Which of two actions is right is whether the signs of two numbers differ; a third never is. No line tells them apart, so a linear model
    /// stays near one half.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Learns_what_no_line_tells_apart(string kind)
    {
        var linear = Run(Shards.Spec("linear-square-cb", Schema), 3000).Skip(2000).Average();
        var neural = Run(Spec(kind), 3000).Skip(2000).Average();
        Assert.InRange(linear, 0, 0.7);
        Assert.True(neural > linear + 0.2, $"{kind} earned {neural}, linear {linear}");
    }

    /// <summary>The right actions change places halfway. The newest thousand decisions tell whether the old world was forgotten.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void After_a_shift_it_is_nearly_as_good_as_before_and_without_the_alarm_it_is_not(string kind)
    {
        double[] watching = Run(Spec(kind), 5000, shiftAt: 3000), blind = Run(Spec(kind, ("drift", "off")), 5000, shiftAt: 3000);
        var (before, after, without) = (watching[2000..3000].Average(), watching[4000..].Average(), blind[4000..].Average());
        Assert.True(after > before - 0.06, $"{kind} earned {before} before and {after} after");
        Assert.True(without < after - 0.05, $"{kind} earned {after} with and {without} without the alarm");
    }

    [Theory]
    [InlineData("log")]
    [InlineData("square")]
    public void Fractional_rewards_are_predicted_by_their_means(string loss)
    {
        var spec = Spec("neu-fast-cb", ("loss", loss));
        var random = new Random(3);
        // The mean is 0.2 + 0.5·x1·x2 for one action, 0.6 for the other.
        Interaction Next(int t)
        {
            float x = random.NextSingle(), y = random.NextSingle();
            var mean = t % 2 == 0 ? 0.2 + 0.5 * x * y : 0.6;
            return new Interaction(Context(x, y), ActionKey.Of("a" + t % 2), default, default, 0.5f, (float)(mean + 0.3 * (random.NextDouble() - 0.5)), t);
        }
        var policy = NeuralStreams.Policy(spec, Shards.Train(spec, Enumerable.Range(0, 4000).Select(Next)));
        Candidate[] candidates = [Shards.Candidate("a0"), Shards.Candidate("a1")];
        var (sum, squared, expected) = (new double[2], 0.0, 0.0);
        for (var trial = 0; trial < 1000; trial++)
        {
            float x = random.NextSingle(), y = random.NextSingle();
            var (means, _) = Shards.Estimate(policy, Context(x, y), candidates);
            (sum[0], sum[1]) = (sum[0] + means[0] / 1000, sum[1] + means[1] / 1000);
            var mean = 0.2 + 0.5 * x * y;
            expected += mean / 1000;
            squared += (means[0] - mean) * (means[0] - mean) / 1000;
        }
        Assert.Equal(expected, sum[0], 0.03);
        Assert.Equal(0.6, sum[1], 0.03);
        // The deviation of the mean itself is 0.11.
        Assert.True(Math.Sqrt(squared) < 0.06, $"root mean squared error {Math.Sqrt(squared)}");
    }

    private static PolicySpec Spec(string kind, params (string Name, string Value)[] parameters) =>
        NeuralStreams.Spec(kind, Schema, [("hidden", "32"), ("batch", "16"), ("rate", "0.01"), .. parameters]);

    private static double[] Run(PolicySpec spec, int rounds, int shiftAt = int.MaxValue)
    {
        const int PublishEvery = 10;
        var (random, kind) = (new Random(11), PolicyCatalog.Find(spec.Kind));
        var trainer = kind.CreateTrainer(spec);
        Candidate[] candidates = [.. Enumerable.Range(0, 3).Select(static a => Shards.Candidate("a" + a))];
        float[] means = new float[3], widths = new float[3], scratch = new float[SlateSampler.ScratchLength(3)];
        var order = new int[3];
        var slots = new ChosenSlot[1];
        var rewards = new double[rounds];
        var batch = new List<Interaction>();
        ClusterWeight[] clusters = [new(0, 1)];
        var policy = NeuralStreams.Policy(spec, trainer);
        for (var round = 0; round < rounds; round++)
        {
            float x = 2 * random.NextSingle() - 1, y = 2 * random.NextSingle() - 1;
            var right = x > 0 != y > 0 != round >= shiftAt ? 0 : 1;
            policy.Estimate(new DecisionQuery(Context(x, y), candidates, clusters), means, widths);
            SlateSampler.Draw(policy, means, widths, new DecisionSeed((ulong)round * 0x9E3779B97F4A7C15), slots, scratch, order);
            rewards[round] = slots[0].Action == right ? 1 : 0;
            batch.Add(new Interaction(Context(x, y), candidates[slots[0].Action].Key, default, clusters, slots[0].Propensity, (float)rewards[round], round));
            if (batch.Count < PublishEvery)
                continue;
            trainer.Learn(batch.ToArray());
            batch.Clear();
            policy = NeuralStreams.Policy(spec, trainer);
        }
        return rewards;
    }

    private static FeatureSet Context(float x, float y) => new(default, new[] { x, y });
}
