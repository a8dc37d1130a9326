using CsCheck;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

public sealed class FrozenMemoryTests
{
    private static readonly MemoryShape Shape = new(6, 11);

    public static TheoryData<double, MemoryReadout, double, int, int> Ways => new()
    {
        { 1, MemoryReadout.Ratio, 0, 6, 11 }, { 0, MemoryReadout.Ratio, 0.25, 6, 11 }, { 0.3, MemoryReadout.Ratio, 1, 6, 11 }, { 0.7, MemoryReadout.Ratio, 0.5, 1, 1 },
        { 1, MemoryReadout.Attention, 0, 6, 11 }, { 0, MemoryReadout.Attention, 0.25, 6, 11 }, { 0.3, MemoryReadout.Attention, 0.9, 33, 3 },
        { 0.5, MemoryReadout.Ratio, 0.1, 33, 3 }, { 1, MemoryReadout.Ratio, 0.4, 2, 16 }, { 0, MemoryReadout.Ratio, 0.4, 256, 8 },
    };

    /// <summary>Against all samples kept and looked at in double precision; codes are few, so that cells are shared.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public void Read_is_what_all_samples_say(double gamma, MemoryReadout readout, double elapsed, int arrays, int bits)
    {
        var shape = new MemoryShape(arrays, bits);
        // Each partition's current bucket will hold 150 samples, and that of the one that falls behind as many.
        var window = elapsed == 0 ? MemoryOptions.WindowMax : (int)Math.Round(150 / elapsed);
        var options = new MemoryOptions(shape, Window: window, Lambda: 0.8, Gamma: gamma, Evidence: 3, Readout: readout, Temperature: 0.05);
        var random = new Random(arrays + bits);
        ErrorMemory[] memories = [new(shape), new(shape), new(shape)];
        NaiveMemory[] twins = [new(), new(), new()];
        for (var bucket = 0; bucket < 4; bucket++)
        {
            for (var p = 0; p < 3; p++)
            {
                // The third partition falls behind.
                if (p == 2 && bucket == 3)
                    continue;
                memories[p].Advance(bucket);
                twins[p].Bucket = bucket;
                for (var i = 0; i < 150; i++)
                {
                    var codes = Memories.Codes(random, shape, 1, 5);
                    var (reward, prediction) = ((double)random.Next(2), random.NextDouble());
                    memories[p].Add(codes, reward, prediction);
                    twins[p].Add(codes, reward, prediction);
                }
            }
        }
        var frozen = Memories.Freeze(options, memories);
        foreach (var rows in new[] { 1, 3, 4, 16, 21, 100 })
        {
            var codes = Memories.Codes(random, shape, rows, 6);
            float[] predictions = [.. Enumerable.Range(0, rows).Select(_ => random.NextSingle() * 1.4f - 0.2f)];
            var (corrected, evidence) = Memories.Read(frozen, codes, predictions);
            for (var r = 0; r < rows; r++)
            {
                var (samples, expected) = NaiveMemory.Read(options, twins, Memories.Row(codes, arrays, r), predictions[r]);
                // Sums of K floats of up to 900 samples; rewards and predictions to half a millionth.
                Assert.Equal(samples, evidence[r], 1e-6 * 900);
                Assert.Equal(expected, corrected[r], 2e-5);
            }
        }
    }

    /// <summary>Whatever partitions do and whenever they publish, deltas one after the other give the bits of whole states.</summary>
    [Fact]
    public void Deltas_give_the_bits_of_whole_states() =>
        Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[1, 3], Gen.Double[0, 1]).Sample(
            static (seed, partitions, gamma) =>
            {
                var random = new Random(seed);
                var options = new MemoryOptions(Shape, Window: 1 + random.Next(40), Gamma: gamma, Evidence: 1);
                var memories = Enumerable.Range(0, partitions).Select(static _ => new ErrorMemory(Shape)).ToArray();
                var known = new MemoryShard?[partitions];
                var picture = FrozenMemory.Empty(options);
                for (var step = 0; step < 40; step++)
                {
                    var p = random.Next(partitions);
                    var memory = memories[p];
                    switch (random.Next(12))
                    {
                        case 0:
                            memory.Advance(memory.Bucket + random.Next(3));
                            break;
                        case 1 when random.Next(3) == 0:
                            memory.Clear();
                            break;
                        default:
                            for (var i = random.Next(6); i > 0; i--)
                                memory.Add(Memories.Codes(random, Shape, 1, 9), random.NextDouble(), random.NextDouble());
                            break;
                    }
                    if (random.Next(3) == 0)
                        continue;
                    var bytes = Memories.Delta(memory) ?? Memories.Whole(memory);
                    known[p] = Memories.Shard(p, memory);
                    // A delta may come again, and may never be heard to have come: then the next one holds it.
                    var shard = new MemoryShard(p, MemoryChange.Read(bytes, Shape));
                    picture = random.Next(4) == 0 ? picture.With(shard, shard) : picture.With(shard);
                    if (random.Next(3) > 0)
                        memory.MarkPublished();
                    MemoryShard[] shards = [.. known.OfType<MemoryShard>()];
                    random.Shuffle(shards);
                    Same(FrozenMemory.Empty(options).With(shards), picture, random);
                }
            },
            seed: "0000000000000", iter: 150, threads: 1);

    [Fact]
    public void Partitions_give_the_bits_of_one_memory_of_all_samples()
    {
        var random = new Random(3);
        var union = new ErrorMemory(Shape);
        ErrorMemory[] shards = [new(Shape), new(Shape), new(Shape)];
        for (var i = 0; i < 600; i++)
        {
            var codes = Memories.Codes(random, Shape, 1, 8);
            var (reward, prediction) = (random.NextDouble(), random.NextDouble());
            union.Add(codes, reward, prediction);
            shards[random.Next(3)].Add(codes, reward, prediction);
        }
        var options = new MemoryOptions(Shape, Gamma: 0.4);
        Same(Memories.Freeze(options, union), Memories.Freeze(options, shards), random);
    }

    [Fact]
    public void A_picture_stays_as_it_is_while_others_are_made_of_it()
    {
        var random = new Random(4);
        var memory = Filled(random, 200);
        var options = new MemoryOptions(Shape);
        var (first, same) = (Memories.Freeze(options, memory), Memories.Freeze(options, memory));
        memory.MarkPublished();
        memory.Add(Memories.Codes(random, Shape, 1, 9), 1, 0);
        memory.Advance(1);
        var second = first.With(new MemoryShard(0, MemoryChange.Read(Memories.Delta(memory)!, Shape)));
        second.With(Memories.Shard(1, memory)).Without(0);
        Same(same, first, random);
        Assert.Equal((200, 201), (first.Entries, second.Entries));
        Assert.Equal(0, second.Without(0).Entries);
    }

    [Fact]
    public void Candidates_that_share_a_row_are_read_as_if_each_had_its_own()
    {
        var random = new Random(5);
        var memory = new ErrorMemory(Shape);
        ActionKey[] actions = [.. Enumerable.Range(0, 100).Select(static i => ActionKey.Of($"a{i}"))];
        var row = Memories.Codes(random, Shape);
        var salted = actions.Select(a =>
        {
            var codes = new ushort[6];
            ActionSalt.Apply(Shape, row, a, codes);
            return codes;
        }).ToArray();
        for (var i = 0; i < 400; i++)
            memory.Add(salted[random.Next(60)], random.NextDouble(), 0.5);
        var predictions = Enumerable.Range(0, 100).Select(_ => random.NextSingle()).ToArray();
        foreach (var readout in Enum.GetValues<MemoryReadout>())
        {
            var frozen = Memories.Freeze(new MemoryOptions(Shape, Gamma: 0.5, Readout: readout), memory);
            foreach (var count in new[] { 0, 1, 16, 23, 100 })
            {
                ushort[] all = [.. Enumerable.Range(0, 6).SelectMany(k => salted.Take(count).Select(s => s[k]))];
                var (expected, expectedEvidence) = Memories.Read(frozen, all, predictions[..count]);
                float[] corrected = new float[count], evidence = new float[count];
                frozen.Read(row, actions.AsSpan(0, count), predictions.AsSpan(0, count), corrected, evidence);
                Memories.SameBits(expected, corrected);
                Memories.SameBits(expectedEvidence, evidence);
                if (count == 100)
                {
                    // Actions seen are hits, others mostly misses.
                    Assert.True(evidence.Take(60).Count(static e => e > 0) > 55);
                    Assert.True(evidence.Skip(60).Count(static e => e > 0.2) < 10);
                }
                // In place, without asking for evidence.
                var inPlace = predictions[..count];
                frozen.Read(row, actions.AsSpan(0, count), inPlace, inPlace);
                Memories.SameBits(corrected, inPlace);
            }
        }
    }

    [Fact]
    public void A_thousand_candidates_are_read_as_one_by_one()
    {
        var random = new Random(6);
        var frozen = Memories.Freeze(new MemoryOptions(Shape, Gamma: 0.5), Filled(random, 3000));
        var codes = Memories.Codes(random, Shape, 1000, 9);
        var predictions = Enumerable.Range(0, 1000).Select(_ => random.NextSingle()).ToArray();
        var (all, evidence) = Memories.Read(frozen, codes, predictions);
        for (var r = 0; r < 1000; r++)
        {
            var (one, oneEvidence) = Memories.Read(frozen, Memories.Row(codes, 6, r), [predictions[r]]);
            Memories.SameBits([all[r], evidence[r]], [one[0], oneEvidence[0]]);
        }
    }

    [Fact]
    public void Nothing_known_nothing_near_and_lambda_0_change_no_bit()
    {
        var random = new Random(7);
        float[] predictions = [0, -0f, 1, 0.3f, 1.25f, -0.5f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon];
        var codes = Memories.Codes(random, Shape, predictions.Length, 9);
        var empty = Memories.Read(FrozenMemory.Empty(new MemoryOptions(Shape, Lambda: 1)), codes, predictions);
        Memories.SameBits(predictions, empty.Corrected);
        Assert.All(empty.Evidence, static e => Assert.Equal(0, e));
        var far = Memories.Freeze(new MemoryOptions(Shape, Lambda: 1, Evidence: 0), Filled(random, 50));
        ushort[] elsewhere = [.. Enumerable.Repeat((ushort)2000, codes.Length)];
        Memories.SameBits(predictions, Memories.Read(far, elsewhere, predictions).Corrected);
        var near = Memories.Read(far, codes, predictions);
        Assert.Contains(near.Evidence, static e => e > 1);
        // Not finite: as they are. Outside: towards the range, never further out.
        Memories.SameBits(predictions.AsSpan(6, 3), near.Corrected.AsSpan(6, 3));
        Assert.InRange(near.Corrected[4], 0, 1.25f);
        Assert.InRange(near.Corrected[5], -0.5f, 1);
    }

    [Fact]
    public void The_fuller_the_bucket_the_less_counts_the_one_before()
    {
        var memory = new ErrorMemory(Shape);
        var codes = new ushort[6];
        for (var i = 0; i < 8; i++)
            memory.Add(codes, 1, 0);
        memory.Advance(1);
        for (var i = 0; i < 4; i++)
            memory.Add(codes, 0, 0);
        // Four samples are in the current bucket.
        foreach (var window in new[] { 4, 5, 8, 16, 400 })
        {
            var frozen = Memories.Freeze(new MemoryOptions(Shape, Window: window, Lambda: 1, Evidence: 0), memory);
            var (corrected, evidence) = Memories.Read(frozen, codes, [0.5f]);
            var old = 8 * (1 - 4.0 / window);
            Assert.Equal(old / (old + 4), corrected[0], 1e-6);
            Assert.Equal((old + 4) * (1 - 1.0 / 2048), evidence[0], 1e-5);
            Assert.Equal((evidence[0], corrected[0]), frozen.Look(codes));
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var random = new Random(8);
        var memory = Filled(random, 20);
        var options = new MemoryOptions(Shape);
        var frozen = Memories.Freeze(options, memory);
        float[] one = [0.5f], two = [0.5f, 0.5f];
        Memories.Refused(() => frozen.Read(new ushort[5], one, one), "5 codes, 6 are needed");
        Memories.Refused(() => frozen.Read(new ushort[6], one, two), "Room for 2 corrections, 1 are made");
        Memories.Refused(() => frozen.Read(new ushort[6], one, one, two), "Room for the evidence of 2, there are 1");
        Memories.Refused(() => frozen.Read(new ushort[6], [default, default], one, one), "2 actions, 1 predictions");
        for (var at = 0; at < 12; at++)
        {
            var codes = new ushort[12];
            codes[at] = 2048;
            Memories.Refused(() => frozen.Read(codes, two, two), "more than 11 bits");
        }
        var other = new ErrorMemory(new MemoryShape(6, 10));
        Memories.Refused(() => frozen.With(Memories.Shard(0, other)), "A change of");

        // Deltas of a memory that is not known, of an earlier time, and over other cells than those that are known.
        memory.MarkPublished();
        memory.Advance(2);
        memory.Advance(3);
        var late = MemoryChange.Read(Memories.Delta(memory)!, Shape);
        Memories.Damaged(() => frozen.With(new MemoryShard(1, late)), "nothing is known of partition 1");
        memory.Add(new ushort[6], 1, 1);
        memory.MarkPublished();
        memory.Add(new ushort[6], 1, 1);
        var gap = MemoryChange.Read(Memories.Delta(memory)!, Shape);
        var current = frozen.With(new MemoryShard(0, late));
        memory.MarkPublished();
        memory.Add([1, 2, 3, 4, 5, 6], 1, 1);
        var unheard = MemoryChange.Read(Memories.Delta(memory)!, Shape);
        Assert.Equal(2, current.With(new MemoryShard(0, gap)).Entries);
        Memories.Damaged(() => current.With(new MemoryShard(0, unheard)), "adds up to");
        var early = Filled(random, 5);
        early.MarkPublished();
        Memories.Damaged(() => current.With(new MemoryShard(0, MemoryChange.Read(Memories.Delta(early)!, Shape))), "a delta of bucket 0 follows bucket 3");

        foreach (var bad in new[]
        {
            options with { Lambda = -0.1 }, options with { Lambda = double.NaN }, options with { Gamma = 1.1 }, options with { Evidence = -1 },
            options with { Evidence = double.PositiveInfinity }, options with { Window = 0 }, options with { RenewAfter = 0 }, options with { Keys = (MemoryKeys)7 }, options with { Temperature = 0 }, options with { Readout = (MemoryReadout)7 },
            options with { Shape = new MemoryShape(0, 3) }, options with { Shape = new MemoryShape(128, 16) },
        })
        {
            Assert.ThrowsAny<ArgumentException>(() => FrozenMemory.Empty(bad));
        }
    }

    [Theory]
    [InlineData(MemoryReadout.Ratio)]
    [InlineData(MemoryReadout.Attention)]
    public void Reading_allocates_nothing(MemoryReadout readout)
    {
        var random = new Random(9);
        var shape = new MemoryShape(64, 12);
        var memory = new ErrorMemory(shape);
        for (var i = 0; i < 2000; i++)
            memory.Add(Memories.Codes(random, shape), random.NextDouble(), 0.5);
        var frozen = Memories.Freeze(new MemoryOptions(shape, Readout: readout), memory);
        ushort[] codes = Memories.Codes(random, shape, 1000), row = Memories.Codes(random, shape);
        float[] predictions = new float[1000], corrected = new float[1000], evidence = new float[1000];
        var actions = Enumerable.Range(0, 1000).Select(static i => new ActionKey((ulong)i)).ToArray();
        Assert.Equal(0, Allocation.Least(() => frozen.Read(codes, predictions, corrected, evidence), 50));
        Assert.Equal(0, Allocation.Least(() => frozen.Read(row, actions, predictions, corrected, evidence), 50));
    }

    private static ErrorMemory Filled(Random random, int count)
    {
        var memory = new ErrorMemory(Shape);
        for (var i = 0; i < count; i++)
            memory.Add(Memories.Codes(random, Shape, 1, 9), random.NextDouble(), random.NextDouble());
        return memory;
    }

    private static void Same(FrozenMemory expected, FrozenMemory actual, Random random)
    {
        Assert.Equal(expected.Entries, actual.Entries);
        var codes = Memories.Codes(random, Shape, 50, 9);
        var predictions = Enumerable.Range(0, 50).Select(_ => random.NextSingle()).ToArray();
        var (left, right) = (Memories.Read(expected, codes, predictions), Memories.Read(actual, codes, predictions));
        Memories.SameBits(left.Corrected, right.Corrected);
        Memories.SameBits(left.Evidence, right.Evidence);
    }
}
