using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Memory.Keys;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;
using Recsys.Bandits.Snapshots;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>What an error memory hashes: of the input and of the last hidden layer.</summary>
public sealed class KeysTests
{
    private static readonly ClusterWeight[] Clusters = [new(0, 1)];

    [Theory]
    [InlineData(5, 3)]
    [InlineData(100, 28)]
    [InlineData(100, 60)]
    public void Input_keys_are_scaled_and_folded_as_loops_do_it(int contextLength, int actionLength)
    {
        var random = new Random(contextLength + actionLength);
        var schema = new FeatureSchema { ContextVector = contextLength, ActionVector = actionLength };
        var dense = contextLength + actionLength;
        float[] shift = Memories.Gaussian(random, dense), scale = Memories.Gaussian(random, dense), mean = Memories.Gaussian(random, 64);
        var bytes = new ArrayBufferWriter<byte>();
        InputKeys.Write(new StateWriter(bytes), new KeySpace(3), shift, scale, mean);
        var keys = FrozenKeys.Read(bytes.WrittenSpan, Spec("lin-ucb", schema));
        var places = Math.Min(128, dense);
        Assert.Equal((new KeySpace(3), places + 64), (keys.Space, keys.Dimension));
        var context = Draw(random, contextLength);
        var candidates = Candidates(random, actionLength);
        var rows = Fill(keys, context, candidates);
        for (var k = 0; k < candidates.Length; k++)
        {
            var expected = new double[keys.Dimension];
            for (var i = 0; i < 64; i++)
                expected[places + i] = -mean[i];
            Add(context, 0, NetworkInputs.ContextId);
            Add(candidates[k].Features, contextLength, NetworkInputs.ActionId);
            for (var d = 0; d < expected.Length; d++)
                Assert.Equal(expected[d], rows[k * keys.Dimension + d], 1e-4);

            void Add(FeatureSet features, int start, Func<uint, FeatureSchema, ulong> id)
            {
                for (var i = 0; i < features.Dense.Length; i++)
                {
                    var scaled = Math.Clamp(((double)features.Dense.Span[i] - shift[start + i]) * scale[start + i], -5, 5);
                    if (dense <= 128)
                        expected[start + i] += scaled;
                    else
                        Fold((ulong)(start + i), scaled, 0xD15E, 0, places);
                }
                foreach (var feature in features.Sparse.ToArray())
                    Fold(id(feature.Hash, schema), Math.Clamp(feature.Value, -5, 5), 0x5BA5, places, 64);
            }

            void Fold(ulong name, double value, ulong seed, int from, int length)
            {
                var one = new float[length];
                FeatureFolding.Add([name], [1], seed, one);
                for (var i = 0; i < length; i++)
                    expected[from + i] += one[i] * value;
            }
        }
    }

    [Theory]
    [InlineData("lin-ucb")]
    [InlineData("neu-fast-cb")]
    public void A_vector_is_the_same_alone_and_among_others_and_without_features_it_is_the_contexts(string kind)
    {
        var keys = Learned(kind, out _);
        var random = new Random(4);
        for (var i = 0; i < 20; i++)
        {
            var context = Draw(random, 5);
            var candidates = Candidates(random, 0);
            var rows = Fill(keys, context, candidates);
            float[] plain = Fill(keys, context, [new Candidate(default, new ActionKey(99), FeatureSet.Empty)]);
            Assert.Contains(plain, static v => v != 0);
            for (var k = 0; k < candidates.Length; k++)
            {
                var row = rows.AsSpan(k * keys.Dimension, keys.Dimension);
                Memories.SameBits(Fill(keys, context, [candidates[k]]), row);
                if (candidates[k].Features.Sparse.IsEmpty)
                    Memories.SameBits(plain, row);
                else
                    Assert.NotEqual(plain, row.ToArray());
            }
        }
    }

    [Theory]
    [InlineData("lin-ucb")]
    [InlineData("neu-fast-cb")]
    public void Wild_inputs_give_finite_vectors(string kind)
    {
        var keys = Learned(kind, out _);
        float[] wild = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, -float.MaxValue];
        var features = wild.Select(static (v, i) => new SparseFeature((uint)i, v)).ToArray();
        var candidates = new[] { new Candidate(default, new ActionKey(1), new FeatureSet(features, default)) };
        Assert.All(Fill(keys, new FeatureSet(features, wild), candidates), static v => Assert.True(float.IsFinite(v)));
    }

    [Theory]
    [InlineData("lin-ucb")]
    [InlineData("neu-fast-cb")]
    public void Damaged_keys_are_refused_or_usable(string kind)
    {
        _ = Learned(kind, out var bytes);
        var (random, spec, refused) = (new Random(6), Spec(kind, new FeatureSchema { ContextVector = 5 }), 0);
        for (var i = 0; i < 1000; i++)
        {
            var damaged = bytes.ToArray();
            damaged[random.Next(i % 2 == 0 ? Math.Min(100, damaged.Length) : damaged.Length)] ^= (byte)(1 << random.Next(8));
            if (i % 4 == 0)
                damaged = damaged[..random.Next(damaged.Length)];
            try
            {
                var keys = FrozenKeys.Read(damaged, spec);
                Fill(keys, Draw(random, 5), Candidates(random, 0));
            }
            catch (SnapshotFormatException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 250, 999);
    }

    private static FrozenKeys Learned(string kind, out byte[] bytes)
    {
        var (random, schema) = (new Random(8), new FeatureSchema { ContextVector = 5 });
        var spec = Spec(kind, schema);
        var trainer = PolicyCatalog.Find(kind).CreateTrainer(spec);
        var statistics = new InputStatistics(schema);
        for (var i = 0; i < 100; i++)
        {
            var candidate = Candidates(random, 0)[i % 4];
            var interaction = new Interaction(Draw(random, 5), candidate.Key, candidate.Features, Clusters, 0.5f, i % 2, 0);
            trainer.Learn([interaction]);
            statistics.Observe(interaction);
        }
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal(kind == "neu-fast-cb", trainer is IKeySource);
        if (trainer is IKeySource source)
            source.WriteKeys(new StateWriter(output), new KeySpace(7));
        else
            statistics.WriteKeys(new StateWriter(output), new KeySpace(7));
        bytes = output.WrittenSpan.ToArray();
        return FrozenKeys.Read(bytes, spec);
    }

    private static PolicySpec Spec(string kind, FeatureSchema schema)
    {
        var errors = new List<string>();
        var spec = PolicyCatalog.Configure(PolicyCatalog.Find(kind), [], schema, RewardRange.Unit, 0, errors);
        Assert.Empty(errors);
        return spec;
    }

    private static FeatureSet Draw(Random random, int dense) =>
        new(new[] { new SparseFeature((uint)random.Next(8), 1), new SparseFeature((uint)random.Next(8, 16), random.NextSingle() * 12 - 6) }, Memories.Gaussian(random, dense));

    // Every second one has no features.
    private static Candidate[] Candidates(Random random, int dense) =>
        [.. Enumerable.Range(0, 4).Select(i => new Candidate(default, new ActionKey((ulong)i + 1), i % 2 == 0 ? FeatureSet.Empty : Draw(random, dense)))];

    private static float[] Fill(FrozenKeys keys, FeatureSet context, Candidate[] candidates)
    {
        var rows = new float[candidates.Length * keys.Dimension];
        keys.Fill(new DecisionQuery(context, candidates, Clusters), rows);
        return rows;
    }
}
