using Recsys.Bandits.Features;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>After a restart learning goes on to the bit, wherever it was cut, and bytes that are no state are refused.</summary>
public sealed class NeuralCheckpointTests
{
    private static readonly FeatureSchema Schema = new(2, 12, 2, 12);

    public static TheoryData<string, string> Settings => new()
    {
        { "neu-square-cb", "" },
        { "neu-fast-cb", "average=0.99 replay=50" },
        { "neural-ucb", "rateRule=shifting replay=100" },
        { "neural-ts", "average=0.9 rateRule=shifting optimizer=adan" },
        { "neural-epsilon-greedy", "optimizer=momentum replay=33" },
        { "neu-square-cb", "optimizer=sgd-sai actionsMax=3" },
        { "neu-fast-cb", "optimizer=lion drift=off scope=per-action replay=650" },
        { "neural-ucb", "optimizer=adopt rate=0.01" },
        { "neu-fast-cb", "batchRule=noise batch=32" },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void Cut_anywhere_learning_goes_on_to_the_bit(string kind, string settings)
    {
        var spec = Spec(kind, settings);
        var interactions = NeuralStreams.Random(Schema, 700, 21, shiftAt: 500);
        var whole = NeuralStreams.Trainer(spec);
        int[] cuts = [0, 1, 2, 7, 8, 32, 33, 34, 49, 50, 51, 63, 64, 65, 101, 130, 300, 499, 520, 540, 560, 600, 699, 700];
        var saved = new Dictionary<int, byte[]>();
        for (var t = 0; t <= interactions.Length; t++)
        {
            if (cuts.Contains(t))
                saved[t] = Shards.Bytes(whole.WriteCheckpoint);
            if (t < interactions.Length)
                whole.Learn(interactions.AsSpan(t, 1));
        }
        Assert.Equal(settings.Contains("drift=off", StringComparison.Ordinal) ? 0 : 1, whole.State.Drift.Alarms);
        Assert.True(whole.State.Ring.Count < 700);
        foreach (var cut in cuts)
        {
            var restored = NeuralStreams.Trainer(spec);
            restored.ReadCheckpoint(saved[cut]);
            Assert.Equal(saved[cut], Shards.Bytes(restored.WriteCheckpoint));
            restored.Learn(interactions.AsSpan(cut));
            Assert.Equal(Shards.Bytes(whole.WriteCheckpoint), Shards.Bytes(restored.WriteCheckpoint));
            Assert.Equal(Shards.Bytes(whole.WriteParameters), Shards.Bytes(restored.WriteParameters));
        }
    }

    [Fact]
    public void A_network_that_began_anew_does_so_again_to_the_bit_after_a_restart()
    {
        var spec = Spec("neural-ucb", "average=0.5");
        var interactions = NeuralStreams.Random(Schema, 200, 22);
        var whole = NeuralStreams.Trainer(spec);
        whole.Learn(interactions.AsSpan(0, 40));
        // A second moment that cannot be: the next step leads to no number.
        whole.State.Networks.Bias.Tensor.Slots[1][0] = -1;
        var restored = NeuralStreams.Trainer(spec);
        restored.ReadCheckpoint(Shards.Bytes(whole.WriteCheckpoint));
        whole.Learn(interactions.AsSpan(40));
        restored.Learn(interactions.AsSpan(40));
        Assert.Equal(1, restored.NetworkRestarts);
        Assert.Equal(160 - 1, whole.State.Networks.Step);
        Assert.Equal(Shards.Bytes(whole.WriteCheckpoint), Shards.Bytes(restored.WriteCheckpoint));
        Assert.Equal(Shards.Bytes(whole.WriteParameters), Shards.Bytes(restored.WriteParameters));
    }

    [Theory]
    [InlineData("hidden=32")]
    [InlineData("networks=1")]
    [InlineData("networks=3")]
    [InlineData("actionsMax=3")]
    [InlineData("replay=20")]
    [InlineData("optimizer=sgd")]
    [InlineData("average=0")]
    public void A_checkpoint_of_other_shapes_is_refused_and_changes_nothing(string settings)
    {
        var interactions = NeuralStreams.Random(Schema, 60, 23);
        var bytes = Shards.Bytes(Shards.Train(Spec("neural-ucb", ""), interactions).WriteCheckpoint);
        var other = Shards.Train(Spec("neural-ucb", settings), interactions.Take(30));
        var before = Shards.Bytes(other.WriteCheckpoint);
        Assert.Throws<SnapshotFormatException>(() => other.ReadCheckpoint(bytes));
        Assert.Equal(before, Shards.Bytes(other.WriteCheckpoint));
    }

    /// <summary>Published parameters, which catalogue-wide tests do not damage: refused, or they serve numbers.</summary>
    [Theory]
    [InlineData("neu-square-cb")]
    [InlineData("neural-ucb")]
    [InlineData("neural-epsilon-greedy")]
    public void Damaged_parameters_are_refused_or_serve(string kind)
    {
        var spec = Spec(kind, "networks=1");
        var bytes = Shards.Bytes(Shards.Train(spec, NeuralStreams.Random(Schema, 40, 24)).WriteParameters);
        var random = new Random(25);
        var (refused, served) = (0, 0);
        for (var trial = 0; trial < 4000; trial++)
        {
            var damaged = Damage(bytes, trial, random);
            try
            {
                var policy = PolicyCatalog.Find(kind).Assemble(spec, [new PolicyShard(0, 40, damaged)]);
                AssertServes(policy, random);
                served++;
            }
            catch (SnapshotFormatException)
            {
                refused++;
            }
        }
        Assert.True(refused > 500 && served > 500, $"{refused} refused, {served} served");
    }

    /// <summary>Weights at the bounds of what is accepted.</summary>
    [Theory]
    [InlineData("neu-square-cb")]
    [InlineData("neural-ucb")]
    [InlineData("neural-ts")]
    public void The_largest_weights_that_are_accepted_serve_numbers(string kind)
    {
        var spec = Spec(kind, "");
        var trainer = (NeuralTrainer)Shards.Train(spec, NeuralStreams.Random(Schema, 40, 24));
        var random = new Random(26);
        foreach (var weights in trainer.State.Networks.All)
        {
            for (var i = 0; i < weights.Tensor.Values.Length; i++)
                weights.Tensor.Values[i] = random.Next(2) == 0 ? Weights.Largest : -Weights.Largest;
        }
        AssertServes(NeuralStreams.Policy(spec, trainer), random);
        trainer.Learn(NeuralStreams.Random(Schema, 10, 27));
        trainer.ReadCheckpoint(Shards.Bytes(trainer.WriteCheckpoint));
        AssertServes(NeuralStreams.Policy(spec, trainer), random);
        trainer.State.Networks.Layer.Tensor.Values[3] = float.NaN;
        trainer.Learn(NeuralStreams.Random(Schema, 1, 27));
        Assert.True(trainer.State.Networks.Restarts > 0);
        AssertServes(NeuralStreams.Policy(spec, trainer), random);
    }

    private static void AssertServes(IPolicy policy, Random random)
    {
        Recsys.Bandits.Interactions.Candidate[] candidates = [.. Enumerable.Range(0, 5).Select(k => Shards.Candidate("a" + k, NeuralStreams.Set(random, 2)))];
        var (means, widths) = Shards.Estimate(policy, NeuralStreams.Set(random, 2), candidates);
        Assert.All(means, static m => Assert.InRange(m, -1, 2));
        Assert.All(widths, static w => Assert.True(float.IsFinite(w) && w >= 0, $"width {w}"));
        var p = new float[5];
        policy.Distribute(means, widths, p);
        Assert.Equal(1, p.Sum(), 1e-4f);
        Assert.All(p, static x => Assert.InRange(x, 0, 1));
    }

    private static byte[] Damage(byte[] bytes, int trial, Random random)
    {
        var damaged = (byte[])bytes.Clone();
        switch (trial % 4)
        {
            case 0:
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                return damaged[..random.Next(damaged.Length)];
            case 2:
                // A whole float that is large, infinite or no number.
                var at = random.Next(damaged.Length / 4) * 4;
                BitConverter.TryWriteBytes(damaged.AsSpan(at), random.Next(3) switch { 0 => 1e9f, 1 => 3e38f, _ => float.NaN });
                break;
            default:
                for (var i = 0; i < 6; i++)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                break;
        }
        return damaged;
    }

    private static PolicySpec Spec(string kind, string settings) => NeuralStreams.Spec(kind, Schema,
        [.. settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static s => (s[..s.IndexOf('=')], s[(s.IndexOf('=') + 1)..]))]);
}
