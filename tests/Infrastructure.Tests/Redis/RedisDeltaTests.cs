using System.Diagnostics;
using System.Text;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using StackExchange.Redis;
using Xunit;

namespace Recsys.Infrastructure.Tests.Redis;

/// <summary>Deltas over whole parameters: a reader is led to a head without a gap, or is told that there is one.</summary>
public sealed class RedisDeltaTests : RedisTests
{
    private const string Home = "home";
    private const string Stream = "recsys:{home}:deltas:0";
    private const string Current = "recsys:{home}:current";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ShardHead At(long interactions, long epoch = 1, long asOf = 0) => new(0, epoch, interactions, asOf);

    // What is published is the text of the versions that it leads over, so that a reader's state is what it has been led over.
    private static byte[] Whole(long interactions, long epoch = 1) => Encoding.UTF8.GetBytes($"[{epoch}-{interactions}]");

    private static byte[] Delta(long from, long to) => Encoding.UTF8.GetBytes($"{from}>{to} ");

    private static SnapshotOutcome Follow(RedisSnapshotStore store, long from, long to, long epoch = 1, long asOf = 0) =>
        store.PublishDelta(Home, At(to, epoch, asOf), from, Delta(from, to));

    private static async Task<string> Read(RedisSnapshotStore store, long? known = null)
    {
        var head = Assert.Single(await store.HeadsAsync(Home, Stop));
        return Text(await store.FetchAsync(Home, head, known, Stop));
    }

    private static string Text(ShardUpdate? update) => update is null
        ? "nothing"
        : string.Concat(update.Deltas.Prepend(update.Whole ?? default).Select(static bytes => Encoding.UTF8.GetString(bytes.Span))).TrimEnd();

    [Fact]
    public async Task Reader_gets_what_it_lacks_and_a_new_one_everything()
    {
        var store = Snapshots();
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(5), Whole(5)));
        Assert.Equal("[1-5]", await Read(store));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 5, 7, asOf: 30));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 7, 8, asOf: 20));
        Assert.Equal([new ShardHead(0, 1, 8, 30, Base: 5)], await store.HeadsAsync(Home, Stop));
        Assert.Equal("[1-5]5>7 7>8", await Read(store));
        Assert.Equal("5>7 7>8", await Read(store, known: 5));
        Assert.Equal("7>8", await Read(store, known: 7));
        Assert.Equal("", await Read(store, known: 8));
        // What it has is no version that anything starts from.
        Assert.Equal("[1-5]5>7 7>8", await Read(store, known: 6));
        Assert.Equal("[1-5]5>7 7>8", await Read(store, known: 9));
        Assert.Equal("1,8,30,5,2", (string?)await Raw.HashGetAsync(Current, "0"));
        Assert.Equal(["1-7", "1-8"], (await Raw.StreamRangeAsync(Stream)).Select(static e => (string)e.Id!));
        Assert.Null(await Raw.KeyTimeToLiveAsync("recsys:{home}:params:0:1-5"));
        // A head that was read a moment ago can still be had.
        Assert.Equal("[1-5]5>7", Text(await store.FetchAsync(Home, At(7) with { Base = 5 }, null, Stop)));
        Assert.Equal("[1-5]", Text(await store.FetchAsync(Home, At(5), null, Stop)));
    }

    [Fact]
    public async Task Many_deltas_are_read_in_pages()
    {
        var store = Snapshots();
        store.Publish(Home, At(0), Whole(0));
        for (var i = 0; i < 100; i++)
            Assert.Equal(SnapshotOutcome.Published, Follow(store, i, i + 1));
        Assert.Equal("[1-0]" + string.Concat(Enumerable.Range(0, 100).Select(static i => $"{i}>{i + 1} ")).TrimEnd(), await Read(store));
        Assert.StartsWith("3>4 4>5 ", await Read(store, known: 3), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delta_is_taken_only_where_it_continues_the_head()
    {
        var store = Snapshots();
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 1, 2));
        store.Publish(Home, At(5, epoch: 2), Whole(5, 2));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 4, 6, epoch: 2));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 6, 7, epoch: 2));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 5, 6, epoch: 3));
        Assert.Equal(SnapshotOutcome.Fenced, Follow(store, 5, 6, epoch: 1));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 5, 6, epoch: 2));
        // The answer to the first attempt may have been lost; a second one must not add the same again.
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 5, 6, epoch: 2));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 5, 7, epoch: 2));
        Assert.Equal("[2-5]5>6", await Read(store));
        Assert.Equal(1, await Raw.StreamLengthAsync(Stream));
        Assert.Throws<ArgumentOutOfRangeException>(() => Follow(store, 6, 6, epoch: 2));
    }

    [Fact]
    public void Writer_of_an_earlier_tenure_is_fenced_before_the_new_one_has_published()
    {
        var (store, checkpoints) = (Snapshots(), Checkpoints());
        var old = checkpoints.AcquireEpoch(Home, 0);
        store.Publish(Home, At(1, old), Whole(1, old));
        checkpoints.AcquireEpoch(Home, 0);
        Assert.Equal(SnapshotOutcome.Fenced, Follow(store, 1, 2, old));
    }

    [Fact]
    public async Task New_base_at_the_version_that_deltas_led_to_leaves_followers_alone()
    {
        var store = Snapshots();
        store.Publish(Home, At(0), Whole(0));
        Follow(store, 0, 1);
        Follow(store, 1, 2, asOf: 9);
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(2, asOf: 7), Whole(2)));
        Assert.Equal([At(2, asOf: 9)], await store.HeadsAsync(Home, Stop));
        Assert.Equal("[1-2]", await Read(store));
        // Who is behind the new base is still led on, and who has it needs nothing.
        Assert.Equal("0>1 1>2", await Read(store, known: 0));
        Assert.Equal("1>2", await Read(store, known: 1));
        Assert.Equal("", await Read(store, known: 2));
        Assert.NotNull(await Raw.KeyTimeToLiveAsync("recsys:{home}:params:0:1-0"));
        Assert.Null(await Raw.KeyTimeToLiveAsync("recsys:{home}:params:0:1-2"));
        Follow(store, 2, 3);
        Assert.Equal("[1-2]2>3", await Read(store));
        Assert.Equal("1>2 2>3", await Read(store, known: 1));

        // With the base after that, what led to the one before goes.
        store.Publish(Home, At(3), Whole(3));
        Follow(store, 3, 4);
        Assert.Equal("[1-3]3>4", await Read(store, known: 0));
        Assert.Equal("2>3 3>4", await Read(store, known: 2));
        Assert.Equal(["1-2", "1-3", "1-4"], (await Raw.StreamRangeAsync(Stream)).Select(static e => (string)e.Id!));
    }

    [Fact]
    public async Task Whole_parameters_of_a_later_version_or_tenure_start_over()
    {
        var store = Snapshots(Process(kept: TimeSpan.FromMilliseconds(300)));
        store.Publish(Home, At(0), Whole(0));
        Follow(store, 0, 1);
        var before = Assert.Single(await store.HeadsAsync(Home, Stop));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(3), Whole(3)));
        Assert.Equal("[1-3]", await Read(store, known: 1));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 1, 4));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(2, epoch: 2), Whole(2, 2)));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 2, 3, epoch: 2));
        Assert.Equal("[2-2]2>3", await Read(store, known: 1));
        // Who has just read the former head still gets it, for a while.
        var waited = Stopwatch.StartNew();
        while (await store.FetchAsync(Home, before, null, Stop) is { } update)
        {
            Assert.Equal("[1-0]0>1", Text(update));
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(10));
        }
        Assert.Equal("[2-2]2>3", await Read(store));
    }

    [Fact]
    public async Task Touch_moves_the_time_of_a_head_that_leans_on_a_base()
    {
        var store = Snapshots();
        store.Publish(Home, At(0, asOf: 1), Whole(0));
        Follow(store, 0, 1, asOf: 2);
        Assert.Equal(SnapshotOutcome.Published, store.Touch(Home, At(1, asOf: 5)));
        Assert.Equal([new ShardHead(0, 1, 1, 5, Base: 0)], await store.HeadsAsync(Home, Stop));
        Assert.Equal(SnapshotOutcome.Fenced, store.Touch(Home, At(0, asOf: 9)));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 1, 2));
        Assert.Equal("[1-0]0>1 1>2", await Read(store));
    }

    [Theory]
    [InlineData("everything")]
    [InlineData("the base")]
    [InlineData("the stream")]
    [InlineData("the first delta")]
    [InlineData("a delta between")]
    [InlineData("the last delta")]
    [InlineData("the head")]
    public async Task What_is_lost_is_noticed_by_reader_and_writer_and_published_whole_again(string lost)
    {
        var store = Snapshots();
        store.Publish(Home, At(0), Whole(0));
        for (var i = 0; i < 3; i++)
            Follow(store, i, i + 1);
        switch (lost)
        {
            case "everything": await Raw.ExecuteAsync("FLUSHALL"); break;
            case "the base": await Raw.KeyDeleteAsync("recsys:{home}:params:0:1-0"); break;
            case "the stream": await Raw.KeyDeleteAsync(Stream); break;
            case "the first delta": await Raw.StreamDeleteAsync(Stream, ["1-1"]); break;
            case "a delta between": await Raw.StreamDeleteAsync(Stream, ["1-2"]); break;
            case "the last delta": await Raw.StreamDeleteAsync(Stream, ["1-3"]); break;
            default: await Raw.HashDeleteAsync(Current, "0"); break;
        }
        if (lost is not ("everything" or "the head"))
            Assert.Equal("nothing", await Read(store));
        Assert.Equal(SnapshotOutcome.Missing, store.Touch(Home, At(3, asOf: 1)));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 3, 4));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(4), Whole(4)));
        var followed = Follow(store, 4, 5);
        if (followed == SnapshotOutcome.Missing)
        {
            // The stream had got ahead of the head that was lost.
            Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(5), Whole(5)));
            followed = Follow(store, 5, 6);
        }
        Assert.Equal(SnapshotOutcome.Published, followed);
        Assert.DoesNotContain("nothing", await Read(store), StringComparison.Ordinal);
        Assert.DoesNotContain("[", await Read(store, known: 4) + await Read(store, known: 5), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_from_another_past_is_thrown_away()
    {
        var store = Snapshots();
        store.Publish(Home, At(0), Whole(0));
        await Raw.StreamAddAsync(Stream, [new("f", 50), new("d", "x")], "9-60");
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 0, 1));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(1), Whole(1)));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 1, 2));
        Assert.Equal("[1-1]1>2", await Read(store));
    }

    [Fact]
    public async Task Bad_entry_or_head_is_a_gap()
    {
        var store = Snapshots();
        store.Publish(Home, At(0), Whole(0));
        Follow(store, 0, 2);
        Follow(store, 2, 3);
        await Raw.KeyDeleteAsync(Stream);
        await Raw.StreamAddAsync(Stream, [new("f", "rubbish"), new("d", "x")], "1-2");
        await Raw.StreamAddAsync(Stream, [new("f", 2)], "1-3");
        Assert.Equal("nothing", await Read(store));
        Assert.Equal("nothing", await Read(store, known: 2));
        foreach (var bad in (string[])["1,3,0,3,2", "1,3,0,4,2", "1,3,0,-1,2", "1,3,0,,2", "1,3,0,0", "1,3,0,0,x", "1,3,0,0,2,2"])
        {
            await Raw.HashSetAsync(Current, "0", bad);
            Assert.Empty(await store.HeadsAsync(Home, Stop));
        }
    }

    [Fact]
    public async Task Killed_and_empty_again_it_is_filled_by_whole_parameters_and_never_by_a_delta()
    {
        var store = Snapshots();
        store.Publish(Home, At(0), Whole(0));
        Follow(store, 0, 1);
        Server.Kill();
        Assert.Throws<StoreUnavailableException>(() => Follow(store, 1, 2));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.FetchAsync(Home, At(1) with { Base = 0 }, 0, Stop));
        Server.Start();
        Assert.Equal(SnapshotOutcome.Missing, await Recovered(() => store.Touch(Home, At(1))));
        Assert.Equal(SnapshotOutcome.Missing, await Recovered(() => Follow(store, 1, 2)));
        Assert.Empty(await store.HeadsAsync(Home, Stop));
        Assert.Equal(SnapshotOutcome.Published, await Recovered(() => store.Publish(Home, At(2), Whole(2))));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 2, 3));
        Assert.Equal("2>3", await Read(store, known: 2));
        Assert.Equal("[1-2]2>3", await Read(store, known: 1));
    }

    [Fact]
    public async Task Whole_parameters_of_any_length_come_back_from_their_pieces()
    {
        const int piece = 8;
        var store = new RedisSnapshotStore(Process(kept: TimeSpan.FromMilliseconds(300)), Microsoft.Extensions.Logging.Abstractions.NullLogger<RedisSnapshotStore>.Instance)
        {
            PieceBytes = piece,
        };
        for (var length = 0; length <= 3 * piece + 1; length++)
        {
            var framed = new byte[length];
            new Random(length).NextBytes(framed);
            Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(length), framed));
            var head = Assert.Single(await store.HeadsAsync(Home, Stop));
            Assert.Equal(framed, (await store.FetchAsync(Home, head, null, Stop))!.Whole!.Value.ToArray());
            Assert.Equal(SnapshotOutcome.Published, store.Touch(Home, head));
        }
        // Of all those pieces, only those of the last stay.
        var waited = Stopwatch.StartNew();
        var server = Raw.Multiplexer.GetServers()[0];
        while (await server.KeysAsync(pattern: "recsys:{home}:params:*").CountAsync(Stop) != 4)
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(10));
        await Raw.KeyDeleteAsync("recsys:{home}:params:0:1-25:2");
        Assert.Equal("nothing", await Read(store));
        Assert.Equal(SnapshotOutcome.Missing, store.Touch(Home, At(3 * piece + 1)));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 3 * piece + 1, 99));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(3 * piece + 1), new byte[3 * piece + 1]));
        Assert.Equal(3 * piece + 1, (await store.FetchAsync(Home, At(3 * piece + 1), null, Stop))!.Whole!.Value.Length);

        Assert.False(await Experiments().DeleteAsync(Home, Stop));
        Assert.Empty(await server.KeysAsync(pattern: "recsys:{home}:params:*").ToListAsync(Stop));
    }

    [Fact]
    public async Task Deleting_the_experiment_deletes_its_deltas()
    {
        var store = Snapshots();
        var epoch = Checkpoints().AcquireEpoch(Home, 0);
        store.Publish(Home, At(0, epoch), Whole(0, epoch));
        Follow(store, 0, 1, epoch);
        await Experiments().DeleteAsync(Home, Stop);
        var left = await Raw.Multiplexer.GetServers()[0].KeysAsync(pattern: "recsys:{home}:*").ToListAsync(Stop);
        Assert.Equal(["recsys:{home}:epochs"], left.Select(static k => (string)k!));
        Assert.Equal(SnapshotOutcome.Fenced, Follow(store, 1, 2, epoch));
    }

    /// <summary>Whatever is published, lost and published again: who follows by what is answered has been led over every version once.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Any_interleaving_leads_over_every_version_once(int seed)
    {
        var random = new Random(seed);
        var store = Snapshots();
        var (epoch, version, published) = (1L, 0L, false);
        var readers = new (long Epoch, long Version)[3];
        for (var step = 0; step < 400; step++)
        {
            var next = version + random.Next(3);
            switch (random.Next(20))
            {
                case 0:
                    await Raw.ExecuteAsync("FLUSHALL");
                    break;
                case 1:
                    await Raw.StreamTrimAsync(Stream, random.Next(4));
                    break;
                case 2:
                    await Raw.KeyDeleteAsync($"recsys:{{home}}:params:0:{epoch}-{version}");
                    break;
                case 3:
                    (epoch, version, published) = (epoch + 1, random.NextInt64(version + 1), false);
                    break;
                case < 7:
                    published = store.Publish(Home, At(next, epoch), Whole(next, epoch)) == SnapshotOutcome.Published;
                    version = next;
                    break;
                case < 14 when published && next > version:
                    published = Follow(store, version, next, epoch) == SnapshotOutcome.Published;
                    version = next;
                    break;
                case 14 when published:
                    published = store.Touch(Home, At(version, epoch, step)) == SnapshotOutcome.Published;
                    break;
            }
            var reader = random.Next(readers.Length);
            readers[reader] = await Read(store, readers[reader]);
        }
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, At(version + 1, epoch), Whole(version + 1, epoch)));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, version + 1, version + 2, epoch));
        foreach (var reader in readers)
            Assert.Equal((epoch, version + 2), await Read(store, reader));
    }

    private static async Task<(long Epoch, long Version)> Read(RedisSnapshotStore store, (long Epoch, long Version) reader)
    {
        if ((await store.HeadsAsync(Home, Stop)) is not [var head] || (head.Epoch, head.Interactions).CompareTo((reader.Epoch, reader.Version)) <= 0)
            return reader;
        if (await store.FetchAsync(Home, head, head.Epoch == reader.Epoch ? reader.Version : null, Stop) is not { } update)
            return reader;
        var at = reader.Version;
        if (update.Whole is { } whole)
        {
            at = head.Base ?? head.Interactions;
            Assert.Equal(Whole(at, head.Epoch), whole.ToArray());
        }
        foreach (var delta in update.Deltas)
        {
            var text = Encoding.UTF8.GetString(delta.Span).TrimEnd();
            Assert.StartsWith($"{at}>", text, StringComparison.Ordinal);
            at = long.Parse(text.AsSpan(text.IndexOf('>', StringComparison.Ordinal) + 1));
        }
        Assert.Equal(head.Interactions, at);
        return (head.Epoch, at);
    }
}
