using CsCheck;
using Recsys.Bandits.Memory;
using Recsys.Bandits.Snapshots;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

/// <summary>State is a function of the samples and of time, bit by bit.</summary>
public sealed class ErrorMemoryTests
{
    private static readonly MemoryShape Shape = new(5, 10);

    private static readonly Gen<(int Seed, int Count)> Logs = Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[0, 60]);

    [Fact]
    public void Any_order_and_any_split_merged_give_the_same_bytes() =>
        Logs.Sample(
            static log =>
            {
                var samples = Samples(log.Seed, log.Count);
                var union = Learn(samples);
                var random = new Random(log.Seed + 1);
                var shuffled = samples.ToArray();
                random.Shuffle(shuffled);
                Assert.Equal(Memories.Whole(union), Memories.Whole(Learn(shuffled)));

                var shards = Enumerable.Range(0, 3).Select(_ => new List<Sample>()).ToArray();
                foreach (var sample in shuffled)
                    shards[random.Next(3)].Add(sample);
                var merged = Learn(shards[2]);
                merged.Merge(Learn(shards[0]));
                merged.Merge(Learn(shards[1]));
                Assert.Equal(Memories.Whole(union), Memories.Whole(merged));
                Assert.Equal(log.Count, merged.Samples);
            },
            seed: "0000000000000", iter: 300, threads: 1);

    /// <summary>Shards whose time has come to different buckets merge to the memory that saw everything when it happened.</summary>
    [Fact]
    public void Shards_at_different_times_merge_to_the_memory_of_the_union() =>
        Gen.Select(Logs, Gen.Int[0, 3], Gen.Int[0, 3]).Sample(
            static (log, first, second) =>
            {
                var samples = Samples(log.Seed, log.Count);
                var union = new ErrorMemory(Shape);
                ErrorMemory[] shards = [new(Shape), new(Shape)];
                for (var bucket = 0; bucket < 4; bucket++)
                {
                    union.Advance(bucket);
                    for (var i = bucket; i < samples.Length; i += 4)
                    {
                        var shard = i / 4 % 2;
                        if (bucket > (shard == 0 ? first : second))
                            continue;
                        shards[shard].Advance(bucket);
                        samples[i].AddTo(shards[shard]);
                        samples[i].AddTo(union);
                    }
                }
                var newest = Math.Max(shards[0].Bucket, shards[1].Bucket);
                shards[0].Merge(shards[1]);
                Assert.Equal(newest, shards[0].Bucket);
                shards[0].Advance(3);
                Assert.Equal(Memories.Whole(union), Memories.Whole(shards[0]));
            },
            seed: "0000000000000", iter: 500, threads: 1);

    [Fact]
    public void What_was_written_is_read_back()
    {
        var memory = Learn(Samples(3, 500));
        memory.Advance(7);
        foreach (var sample in Samples(4, 100))
            sample.AddTo(memory);
        memory.Advance(8);
        foreach (var sample in Samples(5, 10))
            sample.AddTo(memory);
        var again = Learn(Samples(6, 20));
        again.Read(Memories.Whole(memory));
        Assert.Equal((8, 110), (again.Bucket, again.Samples));
        Assert.Equal(Memories.Whole(memory), Memories.Whole(again));
        // And goes on alike.
        foreach (var both in new[] { memory, again })
        {
            Samples(9, 1)[0].AddTo(both);
            both.Advance(9);
        }
        Assert.Equal(Memories.Whole(memory), Memories.Whole(again));
        Assert.Null(Memories.Delta(again));
    }

    [Fact]
    public void Samples_are_kept_for_their_bucket_and_the_next()
    {
        var memory = Learn(Samples(1, 30));
        memory.Advance(0);
        Assert.Equal(30, memory.Samples);
        memory.Advance(1);
        Assert.Equal(30, memory.Samples);
        Samples(2, 1)[0].AddTo(memory);
        memory.Advance(0);
        Assert.Equal((1, 31), (memory.Bucket, memory.Samples));
        memory.Advance(2);
        Assert.Equal(1, memory.Samples);
        memory.Advance(4);
        Assert.Equal(0, memory.Samples);
        var fresh = new ErrorMemory(Shape);
        fresh.Advance(4);
        Assert.Equal(Memories.Whole(fresh), Memories.Whole(memory));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Advance(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Advance(ErrorMemory.BucketMax + 1));
    }

    [Fact]
    public void Cleared_is_as_new_but_for_the_time()
    {
        var memory = Learn(Samples(1, 30));
        memory.Advance(3);
        memory.MarkPublished();
        memory.Clear();
        Assert.Null(Memories.Delta(memory));
        Samples(2, 1)[0].AddTo(memory);
        var fresh = new ErrorMemory(Shape);
        fresh.Advance(3);
        Samples(2, 1)[0].AddTo(fresh);
        Assert.Equal(Memories.Whole(fresh), Memories.Whole(memory));
    }

    [Fact]
    public void A_delta_holds_what_has_changed_and_no_more()
    {
        var memory = Learn(Samples(1, 300));
        Assert.Null(Memories.Delta(memory));
        memory.MarkPublished();
        var nothing = Memories.Delta(memory)!.Length;
        Samples(2, 1)[0].AddTo(memory);
        var one = Memories.Delta(memory)!.Length;
        Assert.True(one > nothing && one < nothing + 5 * 40, $"{nothing} and {one}");
        Assert.True(Memories.Whole(memory).Length > 10 * one);
        memory.MarkPublished();
        Assert.Equal(nothing, Memories.Delta(memory)!.Length);
    }

    [Fact]
    public void What_cannot_be_a_sample_is_refused_and_changes_nothing()
    {
        var memory = Learn(Samples(1, 3));
        var before = Memories.Whole(memory);
        var codes = new ushort[5];
        foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.001, 1.001 })
            Memories.Refused(() => memory.Add(codes, bad, 0.5), "reward");
        foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            Memories.Refused(() => memory.Add(codes, 0.5, bad), "prediction");
        Memories.Refused(() => memory.Add([0, 0, 0, 0], 0.5, 0.5), "4 codes, 5 are needed");
        Memories.Refused(() => memory.Add([0, 0, 0, 0, 1024], 0.5, 0.5), "more than 10 bits");
        Memories.Refused(() => memory.Merge(memory), "another");
        Memories.Refused(() => memory.Merge(new ErrorMemory(new MemoryShape(5, 9))), "another");
        Assert.Equal(before, Memories.Whole(memory));
        memory.Add(codes, 1, 1.7);
        memory.Add(codes, 0, -0.3);
        Assert.Equal(5, memory.Samples);
    }

    /// <summary>Damaged bytes are refused with nothing changed, or they are a state, which then is written and served.</summary>
    [Fact]
    public void Damaged_bytes_are_refused_or_are_a_state()
    {
        var source = Learn(Samples(1, 40));
        source.Advance(1);
        Samples(2, 1)[0].AddTo(source);
        source.MarkPublished();
        Samples(3, 1)[0].AddTo(source);
        var random = new Random(5);
        var target = Learn(Samples(7, 10));
        var before = Memories.Whole(target);
        var frozen = FrozenMemory.Empty(new MemoryOptions(Shape)).With(Memories.Shard(0, source));
        var codes = Memories.Codes(random, Shape, 4);
        var served = Memories.Read(frozen, codes, [0.1f, 0.5f, 0.5f, 0.9f]);
        var (refused, accepted) = (0, 0);
        foreach (var bytes in new[] { Memories.Whole(source), Memories.Delta(source)! })
        {
            for (var trial = 0; trial < 4000; trial++)
            {
                var damaged = Damage(bytes, trial, random);
                try
                {
                    target.Read(damaged);
                    accepted++;
                    target.Read(Memories.Whole(target));
                    target.Read(before);
                }
                catch (SnapshotFormatException)
                {
                    refused++;
                }
                Assert.Equal(before, Memories.Whole(target));
                try
                {
                    var next = frozen.With(new MemoryShard(0, MemoryChange.Read(damaged, Shape)));
                    Assert.All(Memories.Read(next, codes, [0.1f, 0.5f, 0.5f, 0.9f]).Corrected, static c => Assert.InRange(c, 0, 1));
                }
                catch (SnapshotFormatException)
                {
                    refused++;
                }
            }
        }
        Memories.SameBits(served.Corrected, Memories.Read(frozen, codes, [0.1f, 0.5f, 0.5f, 0.9f]).Corrected);
        Assert.True(refused > 8000, $"only {refused} refused");
        Assert.True(accepted > 0);
    }

    [Fact]
    public void Bytes_of_something_else_are_refused_with_the_reason()
    {
        var memory = Learn(Samples(1, 4));
        memory.MarkPublished();
        var delta = Memories.Delta(memory)!;
        Memories.Damaged(() => memory.Read(delta), "a delta is no state");
        Memories.Damaged(() => memory.Read([]), "it ends early");
        Memories.Damaged(() => memory.Read(new byte[200]), "neither whole nor a delta");
        var whole = Memories.Whole(memory);
        Memories.Damaged(() => memory.Read([.. whole, 0]), "follow");
        Memories.Damaged(() => MemoryChange.Read(whole, new MemoryShape(5, 9)), "5 arrays of 10 bits, not 5 of 9");
    }

    [Fact]
    public void Adding_allocates_nothing_once_pages_are_there()
    {
        var memory = Learn(Samples(1, 2000));
        var sample = Samples(2, 1)[0];
        Assert.Equal(0, Allocation.Least(() => sample.AddTo(memory)));
    }

    private static byte[] Damage(byte[] bytes, int trial, Random random)
    {
        var damaged = (byte[])bytes.Clone();
        int At() => random.Next(random.Next(2) == 0 ? Math.Min(80, damaged.Length) : damaged.Length);
        switch (trial % 5)
        {
            case 0:
                damaged[At()] ^= (byte)(1 << random.Next(8));
                return damaged;
            case 1:
                damaged[At()] = (byte)random.Next(256);
                return damaged;
            case 2:
                return damaged[..random.Next(damaged.Length)];
            case 3:
                return [.. damaged, .. new byte[random.Next(1, 60)]];
            default:
                for (var i = random.Next(1, 9); i > 0; i--)
                    damaged[At()] = random.Next(2) == 0 ? (byte)255 : (byte)0;
                return damaged;
        }
    }

    private static ErrorMemory Learn(IEnumerable<Sample> samples)
    {
        var memory = new ErrorMemory(Shape);
        foreach (var sample in samples)
            sample.AddTo(memory);
        return memory;
    }

    private static Sample[] Samples(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => new Sample(Memories.Codes(random, Shape), random.NextDouble(), random.NextDouble()))];
    }

    private sealed record Sample(ushort[] Codes, double Reward, double Prediction)
    {
        public void AddTo(ErrorMemory memory) => memory.Add(Codes, Reward, Prediction);
    }
}
