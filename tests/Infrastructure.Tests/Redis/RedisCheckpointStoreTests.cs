using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Redis;

public sealed class RedisCheckpointStoreTests : RedisTests
{
    private const string Home = "home";

    [Fact]
    public async Task Save_then_load_gives_the_same_bytes_without_leftovers()
    {
        var store = Checkpoints();
        Assert.Null(store.Load(Home, 2));
        var epoch = store.AcquireEpoch(Home, 2);
        var big = new byte[3_000_000];
        new Random(11).NextBytes(big);
        Assert.True(store.Save(Home, 2, epoch, new byte[] { 1 }));
        Assert.True(store.Save(Home, 2, epoch, big));
        Assert.Equal(big, Checkpoints().Load(Home, 2));
        Assert.Null(store.Load(Home, 1));
        Assert.Null(await Raw.KeyTimeToLiveAsync("recsys:{home}:checkpoint:2"));
        Assert.False(await Raw.KeyExistsAsync($"recsys:{{home}}:checkpoint:2:{epoch}"));
    }

    [Fact]
    public async Task Later_tenure_fences_every_earlier_one()
    {
        var (first, second) = (Checkpoints(), Checkpoints());
        var old = first.AcquireEpoch(Home, 0);
        Assert.True(first.Save(Home, 0, old, new byte[] { 1 }));
        var next = second.AcquireEpoch(Home, 0);
        Assert.True(next > old);
        Assert.False(first.Save(Home, 0, old, new byte[] { 2 }));
        Assert.Equal([1], second.Load(Home, 0)!);
        Assert.False(await Raw.KeyExistsAsync($"recsys:{{home}}:checkpoint:0:{old}"));
        Assert.True(second.Save(Home, 0, next, new byte[] { 3 }));
        Assert.Equal([3], first.Load(Home, 0)!);
        Assert.True(first.Save(Home, 1, first.AcquireEpoch(Home, 1), new byte[] { 4 }));
    }

    [Fact]
    public void Concurrent_tenures_get_different_epochs()
    {
        // Threads of their own, as training loops have: the client reads its answers on pool threads, which must not be the ones that wait.
        var epochs = new long[4 * 50];
        var threads = Enumerable.Range(0, 4).Select(t =>
        {
            var store = Checkpoints();
            return new Thread(() =>
            {
                for (var i = 0; i < 50; i++)
                    epochs[50 * t + i] = store.AcquireEpoch(Home, 0);
            });
        }).ToList();
        threads.ForEach(static t => t.Start());
        threads.ForEach(static t => t.Join());
        Assert.Equal(epochs.Length, epochs.Distinct().Count());
    }

    [Fact]
    public void Epoch_lies_above_a_head_that_outlived_the_epochs()
    {
        var head = new ShardHead(0, 8_000_000_000_000_000, 1, 0);
        Snapshots().Publish(Home, head, new byte[] { 1 });
        Assert.Equal(head.Epoch + 1, Checkpoints().AcquireEpoch(Home, 0));
    }

    [Fact]
    public async Task Redis_away_is_unavailable_and_back_empty_takes_the_running_writer()
    {
        var store = Checkpoints();
        var epoch = store.AcquireEpoch(Home, 0);
        Assert.True(store.Save(Home, 0, epoch, new byte[] { 1 }));

        Server.Kill();
        Assert.Throws<StoreUnavailableException>(() => store.Save(Home, 0, epoch, new byte[] { 2 }));
        Assert.Throws<StoreUnavailableException>(() => store.Load(Home, 0));
        Assert.Throws<StoreUnavailableException>(() => store.AcquireEpoch(Home, 0));

        Server.Start();
        Assert.True(await Recovered(() => store.Save(Home, 0, epoch, new byte[] { 3 })));
        Assert.Equal([3], store.Load(Home, 0)!);
        // What the empty store learned from the writer fences as before, and tenures go on rising.
        Assert.False(store.Save(Home, 0, epoch - 1, new byte[] { 4 }));
        Assert.True(store.AcquireEpoch(Home, 0) > epoch);
        Assert.False(store.Save(Home, 0, epoch, new byte[] { 5 }));
    }

    [Fact]
    public async Task Tenure_begun_on_an_emptied_store_lies_above_the_forgotten_one()
    {
        var store = Checkpoints();
        var epoch = store.AcquireEpoch(Home, 0);
        Server.Kill();
        Server.Start();
        Assert.True(await Recovered(() => store.AcquireEpoch(Home, 0)) > epoch);
    }
}
