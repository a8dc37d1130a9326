using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Policies.Neural.Optimizers;
using Recsys.Bandits.Snapshots;
using Xunit;
using Input = Recsys.Bandits.Tests.Policies.Neural.TwinNetwork.Input;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>Minibatches that are as large as the noise of their gradient asks for.</summary>
public sealed class BatchRuleTests
{
    /// <summary>The noise comes from norms in closed form; the twin has every row's gradient.</summary>
    [Theory]
    [InlineData("square", 3, 2, "auto", "10")]
    [InlineData("log", 3, 0, "per-action", "0.01")]
    [InlineData("log", 0, 2, "both", "10")]
    public void The_size_is_that_of_the_gradients_of_single_rows(string loss, int context, int action, string scope, string clip)
    {
        var schema = new FeatureSchema(context, 12, action, 12);
        var options = NeuralStreams.Options(NeuralStreams.Spec("neu-square-cb", schema, ("loss", loss), ("scope", scope), ("clip", clip), ("batchRule", "noise"),
            ("batch", "1024"), ("actionsMax", "3"), ("rate", "0.01")));
        var table = new InputTable(options);
        Example[] examples = [.. NeuralStreams.Random(schema, 200, 31).Select(table.Encode)];
        foreach (var example in examples)
            table.Scaler.Observe(example.Dense);
        var networks = new NeuralEnsemble(options, table);
        networks.Cover();
        var sizes = new List<int>();
        for (var t = 0; t < 30; t++)
        {
            var twins = TwinNetwork.Of(networks, options);
            var batch = examples[(5 * t)..(5 * t + 20)];
            Input[] inputs = [.. batch.Select(example => Input.Of(example, table))];
            var noise = GradientNoise.OfMicroBatches(inputs.Sum(input => Squared(twins, [input])), inputs.Length, 1, Squared(twins, inputs));
            networks.BatchSize = 100;
            networks.Learn([.. Enumerable.Repeat(batch, options.Networks).SelectMany(static rows => rows)], options.Rate);
            // Up to rounding of the ratio just below or above a whole number.
            Assert.InRange(networks.BatchSize - options.BatchSize!.Next(100, noise), -1, 1);
            sizes.Add(networks.BatchSize);
        }
        // Between the half and the double of what it was: not bounds are compared.
        Assert.Contains(sizes, static size => size is > 50 and < 200);
    }

    /// <summary>
    /// The actions' mean rewards change places. What is replayed is soon of the new world alone, and the network slow to follow: until it has, gradients agree.
    /// </summary>
    [Fact]
    public void Batches_grow_while_the_world_stands_still_and_shrink_after_a_shift()
    {
        var spec = NeuralStreams.Spec("neu-square-cb", new FeatureSchema(1), ("batchRule", "noise"), ("batch", "64"), ("networks", "1"), ("rate", "0.0001"), ("replay", "64"));
        var trainer = NeuralStreams.Trainer(spec);
        var random = new Random(32);
        int[] Run(int count, int best) => [.. Enumerable.Range(0, count).Select(t =>
        {
            var action = random.Next(2);
            var reward = (action == best ? 0.8 : 0.2) + 0.4 * (random.NextDouble() - 0.5);
            trainer.Learn([new Interaction(new FeatureSet(default, new[] { random.NextSingle() }), ActionKey.Of("a" + action), default, default, 0.5f, (float)reward, t)]);
            return trainer.State.Networks.BatchSize;
        })];
        Assert.Equal(8, Run(1, 0)[0]);
        var before = Run(6000, 0);
        Assert.True(before[^100..].Average() > 50, $"{before[^100..].Average()}");
        var after = Run(6000, 1);
        var (least, usual) = (Least(after), Least(before[^2000..]));
        Assert.True(least < 30 && usual > 50, $"from {usual} to {least} only");
        Assert.True(after[^100..].Average() > 50, $"{after[^100..].Average()}");
        Assert.All([.. before, .. after], static size => Assert.InRange(size, 8, 64));

        // Single sizes are as noisy as the gradients are.
        static double Least(int[] sizes) => Enumerable.Range(0, sizes.Length - 20).Min(i => sizes[i..(i + 20)].Average());
    }

    [Fact]
    public void A_size_out_of_bounds_in_a_checkpoint_is_refused()
    {
        var schema = new FeatureSchema(1);
        var fixedSpec = NeuralStreams.Spec("neu-square-cb", schema, ("batch", "32"));
        var trainer = NeuralStreams.Trainer(fixedSpec);
        trainer.Learn(NeuralStreams.Random(schema, 50, 33, isHashed: false));
        Assert.Equal(32, trainer.State.Networks.BatchSize);
        trainer.State.Networks.BatchSize = 31;
        Assert.Throws<SnapshotFormatException>(() => NeuralStreams.Trainer(fixedSpec).ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint)));
    }

    private static double Squared(TwinNetwork[] twins, Input[] batch) => twins.Sum(twin => twin.LossGradient(batch).Values.Sum(static g => g.Sum(static x => x * x)));
}
