using Recsys.Bandits.Memory;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

public sealed class TrustLearnerTests
{
    private static readonly MemoryOptions Options = new(new MemoryShape(2, 2), Lambda: 0.9, Gamma: 0.6);

    /// <summary>Fixed share as the paper has it, written out.</summary>
    [Fact]
    public void Weights_are_those_of_fixed_share()
    {
        var random = new Random(1);
        var learner = new TrustLearner(Options);
        double[] numbers = [double.PositiveInfinity, 0.01, 0.1, 1, 10, 100], initial = [0.5, 0.1, 0.1, 0.1, 0.1, 0.1], weights = [.. initial];
        for (var round = 0; round < 400; round++)
        {
            var (expected, samples, local, reward) = (random.NextDouble(), random.NextDouble() * 30, random.NextDouble() * 1.4 - 0.4, random.NextDouble());
            learner.Observe(expected, samples, local, reward);
            for (var i = 0; i < 6; i++)
            {
                var trust = double.IsInfinity(numbers[i]) ? 0 : samples / (samples + numbers[i]);
                var p = Math.Min(0.999, Math.Max(0.001, expected + 0.9 * trust * (local - 0.6 * expected)));
                weights[i] *= Math.Pow(p, reward) * Math.Pow(1 - p, 1 - reward);
            }
            var sum = weights.Sum();
            for (var i = 0; i < 6; i++)
                weights[i] = 0.995 * weights[i] / sum + 0.005 * initial[i];
            Assert.Equal(1, weights.Sum(), 1e-12);
            for (var i = 0; i < 5; i++)
                Assert.Equal(weights[1 + i], learner.Weights[i], 1e-9);
        }
        Assert.Equal(0.9 * 0 + Enumerable.Range(1, 5).Sum(i => weights[i] * 7 / (7 + numbers[i])), learner.Trust.Of(7f), 1e-9);
    }

    /// <summary>Whichever expert is right, and when the right one changes, the mixture is soon nearly as good.</summary>
    [Fact]
    public void The_mixture_loses_little_more_than_the_best_expert_of_each_half()
    {
        var random = new Random(2);
        var learner = new TrustLearner(new MemoryOptions(new MemoryShape(2, 2)));
        var (mixture, best) = (0d, 0d);
        const int Half = 2000;
        for (var round = 0; round < 2 * Half; round++)
        {
            // At first the model is right and the memory noise, then the other way round.
            var right = random.NextDouble();
            var wrong = random.NextDouble();
            var (expected, local) = round < Half ? (right, wrong) : (wrong, right);
            double reward = random.NextDouble() < right ? 1 : 0;
            mixture += TrustLearner.CrossEntropy(expected + learner.Trust.Of(5f) * (local - expected), reward);
            best += TrustLearner.CrossEntropy(round < Half ? expected : expected + 5 / 5.01 * (local - expected), reward);
            learner.Observe(expected, 5, local, reward);
        }
        // ln 2 and ln 10 to find the experts, and what a two hundredth given back costs each round.
        Assert.InRange((mixture - best) / (2 * Half), -0.01, 0.02);
    }

    [Fact]
    public void Given_evidence_or_without_samples_there_is_nothing_to_learn()
    {
        var given = new TrustLearner(Options with { Evidence = 4 });
        given.Observe(0.9, 10, 0, 0);
        Assert.Equal(0.5, given.Trust.Of(4f));
        var learner = new TrustLearner(Options);
        var before = learner.Weights.ToArray();
        learner.Observe(0.9, 0, 0, 0);
        Assert.Equal(before, learner.Weights.ToArray());
        Assert.Throws<ArgumentException>(() => MemoryTrust.Of([1, 2], [0.5]));
        Assert.Throws<ArgumentException>(() => MemoryTrust.Of([1, 2], [0.5, 0.6]));
        Assert.Throws<ArgumentException>(() => MemoryTrust.Of([1], [-0.1]));
    }
}
