using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;
using Xunit;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>The two structures that pictures share, against a dictionary and an array.</summary>
public sealed class SharingTests
{
    [Fact]
    public void GrowingIndex_finds_exactly_the_keys_that_its_user_knows()
    {
        var random = new Random(1);
        var versions = new List<(GrowingIndex<EdgeKey> Index, Dictionary<EdgeKey, int> Known)> { (new(), []) };
        for (var step = 0; step < 60; step++)
        {
            // From any version, the newest or one that others have gone on from.
            var (index, known) = versions[random.Next(3) == 0 ? random.Next(versions.Count) : versions.Count - 1];
            var next = new Dictionary<EdgeKey, int>(known);
            var grown = index.Continue(known.Count);
            for (var i = random.Next(300); i > 0; i--)
            {
                var key = Key(random.Next(20_000));
                if (!next.ContainsKey(key))
                    next.Add(key, grown.Add(key));
            }
            Assert.Equal(next.Count, next.Values.Distinct().Count());
            versions.Add((grown, next));
        }
        foreach (var (index, known) in versions)
        {
            for (var i = 0; i < 20_000; i += 7)
                Assert.Equal(known.TryGetValue(Key(i), out var number) ? number : -1, index.Find(Key(i), known.Count));
            Assert.All(known, pair => Assert.Equal(pair.Key, index[pair.Value]));
        }
        Assert.Contains(versions.Skip(1), v => v.Index != versions[0].Index);
        Assert.Equal(-1, new GrowingIndex<EdgeKey>().Find(default, 0));
    }

    [Fact]
    public void GrowingIndex_is_read_while_it_grows()
    {
        const int Count = 60_000;
        var index = new GrowingIndex<EdgeKey>();
        var (known, wrong, reading) = (0, 0, 0);
        var readers = Enumerable.Range(0, 2).Select(seed => new Thread(() =>
        {
            var random = new Random(seed);
            int now;
            do
            {
                now = Volatile.Read(ref known);
                var number = random.Next(Count);
                if (index.Find(Key(number), now) != (number < now ? number : -1))
                    Interlocked.Increment(ref wrong);
                Interlocked.Increment(ref reading);
            }
            while (now < Count);
        })).ToArray();
        foreach (var reader in readers)
            reader.Start();
        for (var number = 0; number < Count; number++)
        {
            // Some keys stay unpublished for a while: there, and not to be found.
            index.Add(Key(number));
            if (number % 5 == 4)
                Volatile.Write(ref known, number + 1);
        }
        foreach (var reader in readers)
            reader.Join();
        Assert.Equal(0, wrong);
        Assert.True(reading > 2);
    }

    [Fact]
    public void PagedArray_keeps_every_version_as_it_was()
    {
        var random = new Random(2);
        var versions = new List<(PagedArray<long> Paged, long[] Plain)> { (PagedArray<long>.Empty, new long[5000]) };
        for (var step = 0; step < 80; step++)
        {
            var (paged, plain) = versions[random.Next(versions.Count)];
            var copy = (long[])plain.Clone();
            var length = random.Next(1, 5000);
            var changes = paged.Change(length);
            for (var i = random.Next(200); i > 0; i--)
            {
                var at = random.Next(length);
                changes[at] += i;
                copy[at] += i;
            }
            versions.Add((changes.Freeze(), copy));
        }
        foreach (var (paged, plain) in versions)
            Assert.Equal(plain, Enumerable.Range(0, plain.Length).Select(i => paged[i]));
        Assert.Equal(0, versions[^1].Paged[int.MaxValue]);
    }

    private static EdgeKey Key(int number) => new(number % 37, ActionKey.Of($"a{number}"));
}
