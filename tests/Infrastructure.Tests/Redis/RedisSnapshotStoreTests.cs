using System.Diagnostics;
using Recsys.Bandits.Snapshots;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Redis;

public sealed class RedisSnapshotStoreTests : RedisTests
{
    private const string Home = "home";
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static byte[] Framed(byte content, long epoch = 1, long interactions = 1) =>
        SnapshotFraming.Frame(new SnapshotHeader(7, 0, epoch, interactions), [content, content]);

    [Fact]
    public async Task Publish_then_heads_and_fetch_give_the_same_bytes()
    {
        var store = Snapshots();
        var blob = Framed(9);
        Assert.Empty(await store.HeadsAsync(Home, Stop));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, new ShardHead(3, 5, 100, 1_764_000_000_123), blob));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, new ShardHead(1, 6, 0, 0), Framed(8)));

        var heads = await store.HeadsAsync(Home, Stop);
        Assert.Equal([new ShardHead(1, 6, 0, 0), new ShardHead(3, 5, 100, 1_764_000_000_123)], heads);
        Assert.Equal(blob, await Whole(store, heads[1]));
        Assert.True(await Raw.KeyExistsAsync("recsys:{home}:params:3:5-100"));
        Assert.Null(await Raw.KeyTimeToLiveAsync("recsys:{home}:params:3:5-100"));
        Assert.Equal("5,100,1764000000123", (string?)await Raw.HashGetAsync("recsys:{home}:current", "3"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(",protocol=resp2")]
    public async Task Publish_moves_forward_only(string settings)
    {
        var store = Snapshots(Process(settings));
        var model = (Epoch: -1L, Interactions: -1L);
        var random = new Random(20_307);
        for (var i = 0; i < 300; i++)
        {
            var (epoch, interactions) = (random.NextInt64(1, 6), random.NextInt64(0, 12));
            var forward = epoch > model.Epoch || (epoch == model.Epoch && interactions >= model.Interactions);
            var outcome = store.Publish(Home, new ShardHead(0, epoch, interactions, i), Framed((byte)i, epoch, interactions));
            Assert.Equal(forward ? SnapshotOutcome.Published : SnapshotOutcome.Fenced, outcome);
            if (forward)
                model = (epoch, interactions);
            var head = Assert.Single(await store.HeadsAsync(Home, Stop));
            Assert.Equal(model, (head.Epoch, head.Interactions));
            Assert.NotNull(await store.FetchAsync(Home, head, null, Stop));
        }
    }

    [Fact]
    public async Task Publish_again_after_a_lost_answer_succeeds_and_keeps_the_blob()
    {
        var store = Snapshots();
        var head = new ShardHead(0, 1, 10, 50);
        store.Publish(Home, head, Framed(1));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, head with { AsOf = 40 }, Framed(1)));
        Assert.Equal(head, Assert.Single(await store.HeadsAsync(Home, Stop)));
        Assert.Null(await Raw.KeyTimeToLiveAsync("recsys:{home}:params:0:1-10"));
    }

    [Fact]
    public async Task Replaced_blob_stays_a_while_and_then_reads_as_null()
    {
        var store = Snapshots(Process(kept: TimeSpan.FromMilliseconds(300)));
        var first = new ShardHead(0, 1, 1, 0);
        store.Publish(Home, first, Framed(1));
        store.Publish(Home, new ShardHead(0, 1, 2, 0), Framed(2));
        Assert.NotNull(await store.FetchAsync(Home, first, null, Stop));
        var waited = Stopwatch.StartNew();
        while (await store.FetchAsync(Home, first, null, Stop) is not null)
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(10));
        Assert.NotNull(await store.FetchAsync(Home, new ShardHead(0, 1, 2, 0), null, Stop));
    }

    [Fact]
    public async Task Refused_blob_goes_away_by_itself()
    {
        var store = Snapshots();
        store.Publish(Home, new ShardHead(0, 2, 5, 0), Framed(1));
        Assert.Equal(SnapshotOutcome.Fenced, store.Publish(Home, new ShardHead(0, 1, 9, 0), Framed(2)));
        Assert.NotNull(await Raw.KeyTimeToLiveAsync("recsys:{home}:params:0:1-9"));
    }

    [Fact]
    public void Writer_of_an_earlier_tenure_is_fenced_before_the_new_one_has_published()
    {
        var (store, checkpoints) = (Snapshots(), Checkpoints());
        var old = checkpoints.AcquireEpoch(Home, 0);
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, new ShardHead(0, old, 1, 0), Framed(1)));
        var next = checkpoints.AcquireEpoch(Home, 0);
        Assert.Equal(SnapshotOutcome.Fenced, store.Publish(Home, new ShardHead(0, old, 2, 0), Framed(2)));
        Assert.Equal(SnapshotOutcome.Fenced, store.Touch(Home, new ShardHead(0, old, 1, 9)));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, new ShardHead(0, next, 0, 0), Framed(3)));
    }

    [Fact]
    public async Task Touch_moves_the_time_of_the_current_head_only()
    {
        var store = Snapshots();
        store.Publish(Home, new ShardHead(0, 2, 5, 100), Framed(1));
        Assert.Equal(SnapshotOutcome.Published, store.Touch(Home, new ShardHead(0, 2, 5, 200)));
        Assert.Equal(SnapshotOutcome.Published, store.Touch(Home, new ShardHead(0, 2, 5, 150)));
        Assert.Equal(200, Assert.Single(await store.HeadsAsync(Home, Stop)).AsOf);
        Assert.Equal(SnapshotOutcome.Fenced, store.Touch(Home, new ShardHead(0, 2, 4, 300)));
        Assert.Equal(SnapshotOutcome.Fenced, store.Touch(Home, new ShardHead(0, 1, 5, 300)));
        Assert.Equal(SnapshotOutcome.Missing, store.Touch(Home, new ShardHead(7, 1, 5, 300)));
        Assert.Equal(200, Assert.Single(await store.HeadsAsync(Home, Stop)).AsOf);
    }

    [Fact]
    public async Task Bad_bytes_reach_the_reader_as_a_format_error_and_a_bad_head_as_no_head()
    {
        var store = Snapshots();
        var head = new ShardHead(0, 1, 1, 0);
        store.Publish(Home, head, Framed(1));
        var flipped = Framed(1);
        flipped[^1] ^= 1;
        await Raw.StringSetAsync("recsys:{home}:params:0:1-1", flipped);
        var fetched = await Whole(store, head);
        Assert.Throws<SnapshotFormatException>(() => SnapshotFraming.Open(fetched, 7, out _));

        await Raw.HashSetAsync("recsys:{home}:current", [new("0", "rubbish"), new("x", "1,2,3"), new("1", "1,99999999999999999999,3")]);
        Assert.Empty(await store.HeadsAsync(Home, Stop));
        Assert.Equal(SnapshotOutcome.Published, store.Publish(Home, head, Framed(1)));
        Assert.Equal(head, Assert.Single(await store.HeadsAsync(Home, Stop)));
    }

    [Fact]
    public async Task Bell_wakes_a_waiting_reader_and_one_that_was_busy()
    {
        var (writer, reader) = (Snapshots(), Snapshots());
        await reader.WaitForChangeAsync(Home, Stop);
        // A bell takes a millisecond, the fallback 250. Timings on a busy machine vary, so the fastest of several counts.
        var fastest = TimeSpan.MaxValue;
        for (var i = 1; i <= 20; i++)
        {
            var waiting = reader.WaitForChangeAsync(Home, Stop);
            var clock = Stopwatch.StartNew();
            writer.Publish(Home, new ShardHead(0, 1, i, 0), Framed(1));
            await waiting;
            fastest = clock.Elapsed < fastest ? clock.Elapsed : fastest;
        }
        Assert.True(fastest < TimeSpan.FromMilliseconds(125), $"The fastest bell took {fastest}.");
    }

    [Fact]
    public async Task Channels_have_their_own_versions_and_names_and_share_the_tenure()
    {
        var process = Process();
        var (parameters, memory) = (Snapshots(process), Snapshots(process, SnapshotChannel.Memory));
        Assert.Equal(SnapshotOutcome.Published, parameters.Publish(Home, new ShardHead(0, 5, 100, 1), Framed(1)));
        Assert.Empty(await memory.HeadsAsync(Home, Stop));
        Assert.Equal(SnapshotOutcome.Missing, memory.PublishDelta(Home, new ShardHead(0, 5, 101, 1), 100, Framed(2)));
        Assert.Equal(SnapshotOutcome.Published, memory.Publish(Home, new ShardHead(0, 5, 7, 2), Framed(3)));
        Assert.Equal(SnapshotOutcome.Published, memory.PublishDelta(Home, new ShardHead(0, 5, 8, 3), 7, Framed(4)));
        Assert.Equal(SnapshotOutcome.Published, memory.Touch(Home, new ShardHead(0, 5, 8, 4)));

        Assert.Equal([new ShardHead(0, 5, 100, 1)], await parameters.HeadsAsync(Home, Stop));
        var head = Assert.Single(await memory.HeadsAsync(Home, Stop));
        Assert.Equal(new ShardHead(0, 5, 8, 4, 7), head);
        var update = await memory.FetchAsync(Home, head, null, Stop);
        Assert.Equal(Framed(3), update!.Whole!.Value.ToArray());
        Assert.Equal(Framed(4), Assert.Single(update.Deltas).ToArray());
        var names = (await Raw.Multiplexer.GetServers()[0].KeysAsync(pattern: "recsys:{home}:*").ToListAsync(Stop)).Select(static k => (string)k!);
        Assert.Equal(
            [
                "recsys:{home}:current", "recsys:{home}:memory:current", "recsys:{home}:memory:deltas:0", "recsys:{home}:memory:params:0:5-7",
                "recsys:{home}:params:0:5-100",
            ],
            names.Order(StringComparer.Ordinal));

        var next = Checkpoints(process).AcquireEpoch(Home, 0);
        Assert.Equal(SnapshotOutcome.Fenced, memory.Publish(Home, new ShardHead(0, 5, 9, 5), Framed(5)));
        Assert.Equal(SnapshotOutcome.Published, memory.Publish(Home, new ShardHead(0, next, 0, 6), Framed(6)));
    }

    [Theory]
    [InlineData(SnapshotChannel.Parameters)]
    [InlineData(SnapshotChannel.Memory)]
    public async Task Bell_of_one_channel_is_heard_while_the_other_is_waited_for_as_well(SnapshotChannel rung)
    {
        var (here, there) = (Process(), Process());
        var readers = Enum.GetValues<SnapshotChannel>().ToDictionary(static c => c, c => Snapshots(here, c));
        var writer = Snapshots(there, rung);
        foreach (var reader in readers.Values)
            await reader.WaitForChangeAsync(Home, Stop);
        var (fastest, quiet) = (TimeSpan.MaxValue, 0);
        for (var i = 1; i <= 20; i++)
        {
            var waiting = readers.ToDictionary(static r => r.Key, r => r.Value.WaitForChangeAsync(Home, Stop));
            var clock = Stopwatch.StartNew();
            writer.Publish(Home, new ShardHead(0, 1, i, 0), Framed(1));
            await waiting[rung];
            fastest = clock.Elapsed < fastest ? clock.Elapsed : fastest;
            var other = waiting.Single(w => w.Key != rung).Value;
            quiet += other.IsCompleted ? 0 : 1;
            await other;
        }
        Assert.True(fastest < TimeSpan.FromMilliseconds(125), $"The fastest bell took {fastest}.");
        Assert.True(quiet > 0, "What was published on one channel woke those who wait for the other.");
    }

    [Fact]
    public async Task Cancelled_wait_ends()
    {
        var reader = Snapshots();
        using var cancelled = new CancellationTokenSource();
        var waiting = reader.WaitForChangeAsync(Home, cancelled.Token);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Redis_away_is_unavailable_and_back_empty_is_filled_again()
    {
        var store = Snapshots();
        var head = new ShardHead(0, 3, 10, 100);
        store.Publish(Home, head, Framed(1));

        Server.Kill();
        var problem = Assert.Throws<StoreUnavailableException>(() => store.Publish(Home, head with { Interactions = 11 }, Framed(2)));
        Assert.Contains("Redis:Configuration", problem.Message, StringComparison.Ordinal);
        Assert.Throws<StoreUnavailableException>(() => store.Touch(Home, head));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.HeadsAsync(Home, Stop));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.FetchAsync(Home, head, null, Stop));
        await store.WaitForChangeAsync(Home, Stop);

        Server.Start();
        // An idle learner only touches; that alone brings the parameters back.
        Assert.Equal(SnapshotOutcome.Published, await Recovered(() => store.Touch(Home, head with { AsOf = 200 })));
        var back = Assert.Single(await Recovered(() => store.HeadsAsync(Home, Stop)));
        Assert.Equal(head with { AsOf = 200 }, back);
        Assert.Equal(Framed(1), await Recovered(() => Whole(store, back)));
        Assert.Equal(SnapshotOutcome.Published, await Recovered(() => store.Publish(Home, head with { Interactions = 11 }, Framed(2))));
    }

    private static async Task<byte[]?> Whole(RedisSnapshotStore store, ShardHead head) => (await store.FetchAsync(Home, head, null, Stop))?.Whole?.ToArray();
}
