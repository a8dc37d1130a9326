using System.Numerics;
using Recsys.Bandits.Memory;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>What an error memory is for, from vectors to corrected predictions.</summary>
public sealed class SpecificationTests
{
    private const int D = 16, Regions = 8;
    private static readonly MemoryShape Shape = new(32, 10);

    [Fact]
    public void Lambda_0_reproduces_the_base_bit_for_bit()
    {
        var world = new World(1);
        var memory = new ErrorMemory(Shape);
        for (var i = 0; i < 500; i++)
            memory.Add(world.Draw(i % Regions), 1, 0.2);
        var predictions = Enumerable.Range(0, 64).Select(_ => world.Random.NextSingle()).ToArray();
        var codes = world.DrawMany(64);
        var with = Memories.Freeze(new MemoryOptions(Shape, Lambda: 0.5), memory);
        Assert.All(Memories.Read(with, codes, predictions).Corrected.Zip(predictions), static both => Assert.NotEqual(both.First, both.Second));
        Memories.SameBits(predictions, Memories.Read(Memories.Freeze(new MemoryOptions(Shape, Lambda: 0), memory), codes, predictions).Corrected);
    }

    /// <summary>The base goes on predicting 0.9 in a region where the rate has become 0.1. Predict, then write, sample by sample.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void A_flipped_region_recovers_within_its_evidence_and_the_others_stay(double gamma)
    {
        const int Evidence = 20, Rounds = 15 * Evidence;
        var options = new MemoryOptions(Shape, Lambda: 1, Gamma: gamma, Evidence: Evidence);
        var world = new World(2);
        ErrorMemory flipped = new(Shape), still = new(Shape);
        double[] rates = [.. Enumerable.Range(0, Regions).Select(static r => r % 2 == 0 ? 0.9 : 0.1)];
        var losses = new double[Rounds];
        var moved = 0d;
        for (var round = 0; round < Rounds; round++)
        {
            for (var region = 0; region < Regions; region++)
            {
                var codes = world.Draw(region);
                var prediction = (float)rates[region];
                double reward = world.Random.NextDouble() < rates[region] ? 1 : 0;
                if (round % 5 == 0 || region == 0)
                {
                    var corrected = Memories.Read(Memories.Freeze(options, flipped), codes, [prediction]).Corrected[0];
                    if (region == 0)
                        losses[round] = -Math.Log(Math.Max(1e-6, reward == 1 ? 1 - corrected : corrected));
                    else
                        moved = Math.Max(moved, Math.Abs(corrected - Memories.Read(Memories.Freeze(options, still), codes, [prediction]).Corrected[0]));
                }
                flipped.Add(codes, region == 0 ? 1 - reward : reward, prediction);
                still.Add(codes, reward, prediction);
            }
        }
        // Without a memory 2.08, with the right rate 0.33.
        Assert.InRange(losses[..5].Average(), 1.2, 2.6);
        Assert.InRange(losses[Evidence..(5 * Evidence)].Average(), 0.25, 0.9);
        Assert.InRange(losses[(7 * Evidence)..].Average(), 0.25, 0.5);
        Assert.InRange(moved, 0, 0.03);
    }

    [Fact]
    public void Merged_sketches_of_two_shards_are_the_sketch_of_the_union()
    {
        var world = new World(3);
        ErrorMemory union = new(Shape), left = new(Shape), right = new(Shape);
        for (var i = 0; i < 1000; i++)
        {
            var codes = world.Draw(i % Regions);
            double reward = world.Random.Next(2);
            union.Add(codes, reward, 0.3);
            (i % 3 == 0 ? left : right).Add(codes, reward, 0.3);
        }
        left.Merge(right);
        Assert.Equal(Memories.Whole(union), Memories.Whole(left));
    }

    /// <summary>
    /// Samples nearby, against the sum of (1 − θ/π)^L − 2^−L over all samples: the error relative to the largest such sum falls with 1/√K, fourfold from 16 to 256 arrays.
    /// </summary>
    [Fact]
    public void The_sketch_estimates_the_kernel_sum_with_an_error_that_falls_with_the_root_of_the_arrays()
    {
        const int Samples = 300, Bits = 6, Seeds = 12;
        var random = new Random(4);
        var stored = Enumerable.Range(0, Samples).Select(i => Near(random, Memories.Gaussian(new Random(i % 5), D), 0.7)).ToArray();
        var queries = Enumerable.Range(0, 40).Select(i => Near(random, Memories.Gaussian(new Random(i % 5), D), 0.7)).ToArray();
        double[] exact = [.. queries.Select(q => stored.Sum(s => Math.Pow(1 - Angle(q, s) / Math.PI, Bits) - Math.Pow(2, -Bits)))];
        double[] rewards = [.. stored.Select(static (_, i) => i % 5 == 0 ? 1.0 : 0.0)];
        double[] regression = [.. queries.Select(q => stored.Zip(rewards, (s, y) => y * (Math.Pow(1 - Angle(q, s) / Math.PI, Bits) - Math.Pow(2, -Bits))).Sum())];
        var errors = new Dictionary<int, double>();
        foreach (var arrays in new[] { 16, 64, 256 })
        {
            var (sum, bias, ratio) = (0d, 0d, 0d);
            for (var seed = 0; seed < Seeds; seed++)
            {
                var shape = new MemoryShape(arrays, Bits);
                var hash = new SimHash(shape, D, (ulong)(seed + 1));
                var memory = new ErrorMemory(shape);
                for (var i = 0; i < Samples; i++)
                    memory.Add(Codes(hash, stored[i]), rewards[i], 0);
                var frozen = Memories.Freeze(new MemoryOptions(shape, Lambda: 1, Evidence: 0), memory);
                for (var q = 0; q < queries.Length; q++)
                {
                    var (corrected, evidence) = Memories.Read(frozen, Codes(hash, queries[q]), [0.5f]);
                    var error = (evidence[0] - exact[q]) / exact.Max();
                    sum += error * error;
                    bias += error;
                    ratio += Math.Pow(corrected[0] - Math.Clamp(regression[q] / exact[q], 0, 1), 2);
                }
            }
            errors[arrays] = Math.Sqrt(sum / Seeds / queries.Length);
            Assert.InRange(bias / Seeds / queries.Length, -errors[arrays] / 4, errors[arrays] / 4);
            if (arrays == 256)
                Assert.InRange(Math.Sqrt(ratio / Seeds / queries.Length), 0, 0.08);
        }
        Assert.InRange(errors[16] / errors[64], 1.5, 2.7);
        Assert.InRange(errors[16] / errors[256], 2.8, 5.6);
        Assert.InRange(errors[256], 0, 0.05);
    }

    /// <summary>
    /// The base learns what the memory knows and is published. With γ = 1 the correction is of what is left, at once. With γ = 0 the memory would repair the error a second
    /// time: until it is cleared, or as far as a window has passed since the old base predicted.
    /// </summary>
    [Fact]
    public void An_error_that_the_base_has_learned_is_not_corrected_twice()
    {
        const float Old = 0.5f, Rate = 0.8f;
        var world = new World(5);
        var memory = new ErrorMemory(Shape);
        for (var i = 0; i < 4000; i++)
            memory.Add(world.Draw(i % Regions), i % 5 == 0 ? 0 : 1, Old);
        MemoryOptions neighbours = new(Shape, Lambda: 1, Gamma: 1, Evidence: 10), residuals = neighbours with { Gamma = 0 };
        Assert.InRange(Correction(Memories.Freeze(neighbours, memory), Old), 0.25, 0.32);
        Assert.InRange(Correction(Memories.Freeze(residuals, memory), Old), 0.2, 0.32);

        // Published: the base predicts the rate.
        Assert.InRange(Correction(Memories.Freeze(neighbours, memory), Rate), -0.03, 0.03);
        Assert.InRange(Correction(Memories.Freeze(residuals, memory), Rate), 0.15, 0.2);
        memory.Advance(1);
        for (var i = 0; i < 4000; i++)
            memory.Add(world.Draw(i % Regions), i % 5 == 0 ? 0 : 1, Rate);
        // The larger the window, the less of it has passed.
        var decaying = new[] { 1_000_000_000, 8000, 4444, 4000 }.Select(window => Correction(Memories.Freeze(residuals with { Window = window }, memory), Rate)).ToArray();
        Assert.Equal(decaying.OrderDescending(), decaying);
        Assert.InRange(decaying[0], 0.1, 0.2);
        Assert.InRange(decaying[^1], -0.02, 0.02);
        memory.Clear();
        Assert.Equal(0, Correction(Memories.Freeze(residuals, memory), Rate));

        double Correction(FrozenMemory frozen, float prediction)
        {
            float[] predictions = [.. Enumerable.Repeat(prediction, 80)];
            return Memories.Read(frozen, world.DrawMany(80), predictions).Corrected.Average() - prediction;
        }
    }

    private static ushort[] Codes(SimHash hash, float[] vector)
    {
        var codes = new ushort[hash.Shape.Arrays];
        hash.Hash(vector, [], codes);
        return codes;
    }

    private static float[] Near(Random random, float[] centre, double noise) => [.. centre.Zip(Memories.Gaussian(random, D), (c, e) => (float)(c + noise * e))];

    private static double Angle(float[] left, float[] right)
    {
        static double Dot(float[] a, float[] b) => a.Zip(b, static (x, y) => (double)x * y).Sum();
        return Math.Acos(Math.Clamp(Dot(left, right) / Math.Sqrt(Dot(left, left) * Dot(right, right)), -1, 1));
    }

    /// <summary>Vectors around the centres of some regions, which are orthogonal to each other, hashed.</summary>
    private sealed class World(int seed)
    {
        private readonly SimHash _hash = new(Shape, D, 77);
        private readonly float[][] _centres = [.. Enumerable.Range(0, Regions).Select(static r =>
            Enumerable.Range(0, D).Select(d => BitOperations.PopCount((uint)(r & d)) % 2 == 0 ? 1f : -1f).ToArray())];

        public Random Random { get; } = new(seed);

        public ushort[] Draw(int region) => Codes(_hash, Near(Random, _centres[region], 0.1));

        public ushort[] DrawMany(int rows)
        {
            var codes = new ushort[rows * Shape.Arrays];
            _hash.Hash([.. Enumerable.Range(0, rows).SelectMany(r => Near(Random, _centres[r % Regions], 0.1))], [], codes);
            return codes;
        }
    }
}
