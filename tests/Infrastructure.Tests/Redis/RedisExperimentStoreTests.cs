using System.Text;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Redis;

public sealed class RedisExperimentStoreTests : RedisTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Experiment Make(string name, long createdAt = 5, GraphHead? graph = null)
    {
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(
            Encoding.UTF8.GetBytes($$"""{ "policy": { "kind": "uniform" }, "reward": { "default": 0.{{createdAt % 10}} } }"""), errors);
        Assert.Empty(errors);
        return new Experiment(name, definition!, createdAt, graph ?? GraphHead.None);
    }

    private static async Task<string> Names(RedisExperimentStore store) =>
        string.Join(' ', (await Recovered(() => store.ListAsync(Stop))).Select(static e => e.Name));

    [Fact]
    public async Task Put_then_list_elsewhere_gives_the_same_experiments_in_order()
    {
        var (here, there) = (Experiments(), Experiments());
        Assert.Empty(await there.ListAsync(Stop));
        var offers = Make("offers", 7);
        await here.PutAsync(offers, Stop);
        await here.PutAsync(Make("home"), Stop);

        var listed = await there.ListAsync(Stop);
        Assert.Equal(["home", "offers"], listed.Select(static e => e.Name));
        Assert.Equal(offers.Definition.Json, listed[1].Definition.Json);
        Assert.Equal(offers.Definition.Generation, listed[1].Definition.Generation);
        Assert.Equal(7, listed[1].CreatedAt);
        Assert.Equal(GraphHead.None, listed[1].Graph);

        await here.PutAsync(offers with { CreatedAt = 9, Graph = new GraphHead(3, 0, 5) }, Stop);
        var replaced = (await there.ListAsync(Stop))[1];
        Assert.Equal(9, replaced.CreatedAt);
        Assert.Equal(new GraphHead(3, 0, 5), replaced.Graph);
    }

    [Fact]
    public async Task Every_change_raises_the_revision_and_wakes_a_waiting_process()
    {
        var (here, there) = (Experiments(), Experiments());
        var seen = await there.WaitForChangeAsync(-1, Stop);
        Assert.Equal(0, seen);
        Assert.Equal(seen, await there.WaitForChangeAsync(seen, Stop));
        await here.PutAsync(Make("home"), Stop);
        var afterPut = await there.WaitForChangeAsync(seen, Stop);
        Assert.True(afterPut > seen);
        await here.PutAsync(Make("home", 6), Stop);
        var afterReplace = await there.WaitForChangeAsync(afterPut, Stop);
        Assert.True(afterReplace > afterPut);
        await here.DeleteAsync("home", Stop);
        Assert.True(await there.WaitForChangeAsync(afterReplace, Stop) > afterReplace);
    }

    [Fact]
    public async Task Bad_definition_is_skipped_and_the_others_are_listed()
    {
        var store = Experiments();
        foreach (var name in (string[])["a-bad-json", "b-bad-kind", "c-bad-graph", "d-good", "e-gone", "f-no-time"])
            await store.PutAsync(Make(name), Stop);
        await Raw.HashSetAsync("recsys:{a-bad-json}:definition", "json", "{");
        await Raw.HashSetAsync("recsys:{b-bad-kind}:definition", "json", """{ "policy": { "kind": "no-such" } }""");
        await Raw.HashSetAsync("recsys:{c-bad-graph}:definition", "graph", "1,2");
        await Raw.KeyDeleteAsync("recsys:{e-gone}:definition");
        await Raw.HashSetAsync("recsys:{f-no-time}:definition", "createdAt", "yesterday");
        Assert.Equal("d-good", await Names(Experiments()));
    }

    [Fact]
    public async Task Delete_removes_everything_and_fences_the_running_learner()
    {
        var (store, snapshots, checkpoints) = (Experiments(), Snapshots(), Checkpoints());
        var memory = Snapshots(channel: SnapshotChannel.Memory);
        await store.PutAsync(Make("home"), Stop);
        await store.PutAsync(Make("home-2"), Stop);
        var (onPlan, blob) = GraphPlans.On(Make("home"), GraphPlans.Sample(1));
        Assert.True(await store.PutAsync(onPlan, blob, Stop));
        var epochs = new Dictionary<int, long>();
        foreach (var partition in (int[])[0, 3])
        {
            epochs[partition] = checkpoints.AcquireEpoch("home", partition);
            snapshots.Publish("home", new ShardHead(partition, epochs[partition], 4, 0), new byte[] { 1 });
            memory.Publish("home", new ShardHead(partition, epochs[partition], 2, 0), new byte[] { 1 });
            Assert.Equal(SnapshotOutcome.Published, memory.PublishDelta("home", new ShardHead(partition, epochs[partition], 9, 0), 2, new byte[] { 2 }));
            checkpoints.Save("home", partition, epochs[partition], new byte[] { 1 });
        }
        // Memory alone is forgotten too.
        memory.Publish("home", new ShardHead(7, 1, 2, 0), new byte[] { 1 });
        var other = checkpoints.AcquireEpoch("home-2", 0);
        checkpoints.Save("home-2", 0, other, new byte[] { 2 });

        Assert.True(await store.DeleteAsync("home", Stop));
        Assert.False(await store.DeleteAsync("home", Stop));
        Assert.False(await store.DeleteAsync("never", Stop));

        var left = (await Raw.Multiplexer.GetServers()[0].KeysAsync(pattern: "recsys:{home}:*").ToListAsync(Stop)).Select(static k => (string)k!);
        Assert.Equal(["recsys:{home}:epochs"], left);
        Assert.NotNull(await Raw.KeyTimeToLiveAsync("recsys:{home}:epochs"));
        Assert.Equal(SnapshotOutcome.Fenced, snapshots.Publish("home", new ShardHead(0, epochs[0], 5, 0), new byte[] { 1 }));
        Assert.Equal(SnapshotOutcome.Fenced, memory.Publish("home", new ShardHead(0, epochs[0], 10, 0), new byte[] { 1 }));
        Assert.False(checkpoints.Save("home", 3, epochs[3], new byte[] { 1 }));
        Assert.Equal("home-2", await Names(Experiments()));
        Assert.Equal([2], checkpoints.Load("home-2", 0)!);
        // The name can be used again.
        Assert.True(checkpoints.Save("home", 3, checkpoints.AcquireEpoch("home", 3), new byte[] { 3 }));
        Assert.Null(await Raw.KeyTimeToLiveAsync("recsys:{home}:epochs"));
    }

    [Fact]
    public async Task Emptied_store_is_filled_again_by_whoever_knew()
    {
        var (here, there) = (Experiments(), Experiments());
        await here.PutAsync(Make("home"), Stop);
        await here.PutAsync(Make("gone"), Stop);
        await here.DeleteAsync("gone", Stop);
        Assert.Equal("home", await Names(there));
        Assert.Equal("home", await Names(here));
        var seen = await there.WaitForChangeAsync(-1, Stop);

        Server.Kill();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => there.ListAsync(Stop));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => here.PutAsync(Make("new"), Stop));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => here.DeleteAsync("home", Stop));
        Assert.Equal(seen, await there.WaitForChangeAsync(seen, Stop));
        Server.Start();

        // The newer definition was put before the other process noticed; it must not be undone.
        Assert.True(await Recovered(() => Task.Run(async () => { await here.PutAsync(Make("offers"), Stop); return true; })));
        Assert.Equal("home offers", await Names(there));
        Assert.Equal("home offers", await Names(here));
        Assert.True(await there.WaitForChangeAsync(seen, Stop) > seen);
    }

    [Fact]
    public async Task Deleting_elsewhere_is_not_taken_for_a_loss()
    {
        var (here, there) = (Experiments(), Experiments());
        await here.PutAsync(Make("home"), Stop);
        Assert.Equal("home", await Names(there));
        await here.DeleteAsync("home", Stop);
        Assert.Equal("", await Names(there));
        Assert.Equal("", await Names(here));
    }

    [Fact]
    public async Task Put_back_does_not_replace_what_is_there()
    {
        var (here, there) = (Experiments(), Experiments());
        await here.PutAsync(Make("home", 5), Stop);
        Assert.Equal("home", await Names(there));
        await Raw.ExecuteAsync("FLUSHALL");
        await here.PutAsync(Make("home", 6), Stop);
        Assert.Equal(6, Assert.Single(await there.ListAsync(Stop)).CreatedAt);
    }

    [Fact]
    public async Task Experiment_from_before_graphs_had_versions_is_read_and_its_cluster_ids_stay_used()
    {
        var store = Experiments();
        await store.PutAsync(Make("home"), Stop);
        await Raw.HashDeleteAsync("recsys:{home}:definition", "graph");
        await Raw.HashSetAsync("recsys:{home}:definition", "centroids", new byte[] { 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 });
        Assert.Equal(new GraphHead(0, 0, 3), Assert.Single(await store.ListAsync(Stop)).Graph);
        var (first, blob) = GraphPlans.On(Make("home"), GraphPlans.Sample(1));
        Assert.True(await store.PutAsync(first, blob, Stop));
        Assert.Equal(first.Graph, Assert.Single(await store.ListAsync(Stop)).Graph);
    }

    [Fact]
    public async Task Plan_is_fetched_elsewhere_and_only_moves_forward()
    {
        var (here, there) = (Experiments(), Experiments());
        var home = Make("home");
        var (first, firstBlob) = GraphPlans.On(home, GraphPlans.Sample(1));
        Assert.False(await here.PutAsync(first, firstBlob, Stop));
        await here.PutAsync(home, Stop);
        var seen = await there.WaitForChangeAsync(-1, Stop);
        Assert.True(await here.PutAsync(first, firstBlob, Stop));
        Assert.True(await there.WaitForChangeAsync(seen, Stop) > seen);
        var listed = Assert.Single(await there.ListAsync(Stop));
        Assert.Equal(first.Graph, listed.Graph);
        Assert.Equal(firstBlob, (await there.FetchAsync("home", listed.Graph, Stop))!.Value.ToArray());
        Assert.Null(await Raw.KeyTimeToLiveAsync(Key(first.Graph)));
        Assert.Null(await there.FetchAsync("home", new GraphHead(2, 3, 4), Stop));

        // The same again is no conflict; another of that version is, and so is one for an experiment that was made anew.
        Assert.True(await here.PutAsync(first, firstBlob, Stop));
        var (rival, rivalBlob) = GraphPlans.On(home, GraphPlans.Sample(1) with { Rows = null });
        Assert.False(await there.PutAsync(rival, rivalBlob, Stop));
        var (second, secondBlob) = GraphPlans.On(home, GraphPlans.Sample(2));
        Assert.False(await there.PutAsync(second with { CreatedAt = 6 }, secondBlob, Stop));
        Assert.True(await there.PutAsync(second, secondBlob, Stop));
        Assert.False(await here.PutAsync(first, firstBlob, Stop));
        Assert.Equal(second.Graph, Assert.Single(await here.ListAsync(Stop)).Graph);

        // The one before stays for those who have just seen its head, and what was refused goes away by itself.
        Assert.Equal(firstBlob, (await there.FetchAsync("home", first.Graph, Stop))!.Value.ToArray());
        Assert.NotNull(await Raw.KeyTimeToLiveAsync(Key(first.Graph)));
        Assert.NotNull(await Raw.KeyTimeToLiveAsync(Key(rival.Graph)));
        Assert.Null(await Raw.KeyTimeToLiveAsync(Key(second.Graph)));
    }

    [Fact]
    public async Task Definition_put_by_somebody_who_missed_the_latest_plan_keeps_it()
    {
        var store = Experiments();
        await store.PutAsync(Make("home"), Stop);
        var (first, blob) = GraphPlans.On(Make("home"), GraphPlans.Sample(1));
        Assert.True(await store.PutAsync(first, blob, Stop));
        await store.PutAsync(Make("home") with { Definition = Make("home", 7).Definition }, Stop);
        var listed = Assert.Single(await store.ListAsync(Stop));
        Assert.Equal((first.Graph, Make("home", 7).Definition.Json), (listed.Graph, listed.Definition.Json));
        // Dropping it on purpose is a version of its own.
        await store.PutAsync(first with { Graph = first.Graph.WithoutPlan() }, Stop);
        Assert.False(Assert.Single(await store.ListAsync(Stop)).Graph.HasPlan);
        Assert.NotNull(await Raw.KeyTimeToLiveAsync(Key(first.Graph)));
    }

    [Fact]
    public async Task Emptied_store_gets_its_plans_back_from_whoever_has_one()
    {
        var (server, learner) = (Experiments(), Experiments());
        await server.PutAsync(Make("home"), Stop);
        var (first, blob) = GraphPlans.On(Make("home"), GraphPlans.Sample(1));
        Assert.True(await server.PutAsync(first, blob, Stop));
        Assert.Equal("home", await Names(server));
        Assert.Equal("home", await Names(learner));
        await Raw.ExecuteAsync("FLUSHALL");
        // Somebody who never saw the plan puts back the experiment before the other one looks.
        Assert.Equal("home", await Names(learner));
        Assert.Null(await learner.FetchAsync("home", first.Graph, Stop));
        Assert.Equal("home", await Names(server));
        Assert.Equal(blob, (await learner.FetchAsync("home", first.Graph, Stop))!.Value.ToArray());
        Assert.Null(await Raw.KeyTimeToLiveAsync(Key(first.Graph)));

        // A plan that nobody refers to any more is not brought back for good.
        await Raw.ExecuteAsync("FLUSHALL");
        await learner.PutAsync(Make("home", 6), Stop);
        Assert.Equal("home", await Names(server));
        Assert.NotNull(await Raw.KeyTimeToLiveAsync(Key(first.Graph)));
    }

    private static string Key(GraphHead head) => $"recsys:{{home}}:graph:{head.Version}-{head.Checksum:x16}";
}
