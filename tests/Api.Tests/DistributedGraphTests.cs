using System.Diagnostics;
using System.Net;
using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>Graphs in every replica: fetched once per version, taken down within a second, back after the store has lost everything.</summary>
[Collection(DistributedCollection.Name)]
public sealed class DistributedGraphTests
{
    private readonly DistributedDeployment _deployment;

    public DistributedGraphTests(DistributedDeployment deployment)
    {
        _deployment = deployment;
        if (deployment.Missing is { } reason)
            Assert.Skip(reason);
    }

    [Fact]
    public async Task Every_replica_serves_the_latest_graph_and_takes_down_within_a_second()
    {
        var loop = await GraphLoop.CreateAsync(_deployment.Apis, "replicas", "\"clustersPerUser\":1,\"itemsPerCluster\":20");
        var items = Enumerable.Range(0, 20).Select(static i => ($"i{i}", new float[] { 1, i })).ToArray();
        await loop.ItemsAsync(items);
        string[] ids = [.. items.Select(static i => i.Item1)];
        for (var version = 1; version <= 3; version++)
            Assert.Equal(version, await loop.ServeAsync(new { centroids = new float[][] { [1, 0], [0, 1] }, edges = new[] { ids, [.. ids.Reverse()] } }));
        foreach (var api in loop.Apis)
            Assert.Equal(1, Assert.Single(await loop.ClustersOfAsync(api, 1, 0)));

        var waits = new List<double>();
        foreach (var id in ids[..15])
        {
            Assert.Equal(HttpStatusCode.NoContent, (await loop.Apis[0].SendAsync(HttpMethod.Delete, $"{loop.Path}/items/{id}")).Status);
            var started = Stopwatch.GetTimestamp();
            Assert.DoesNotContain(id, await loop.ProposedAsync(loop.Apis[0], 1, 0));
            await Eventually.IsTrueAsync(async () => !(await loop.ProposedAsync(loop.Apis[1], 1, 0)).Contains(id), () => $"{id} was taken down everywhere");
            waits.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        var percentiles = new Percentiles(waits);
        System.Console.WriteLine($"[distributed] item deleted at one replica to gone from the other, ms: {percentiles}");
        Assert.True(percentiles.At(0.5) < 1000, $"Milliseconds: {percentiles}");
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Replicas_that_put_graphs_at_once_end_on_one()
    {
        var loop = await GraphLoop.CreateAsync(_deployment.Apis, "rivals");
        await loop.ItemsAsync(("a", [1, 0]));
        for (var round = 0; round < 5; round++)
        {
            var answers = await Task.WhenAll(loop.Apis.Select((api, n) => api.SendAsync(
                HttpMethod.Put, loop.Path + "/clusters", $$"""{"centroids":[[1,{{n}}],[{{round}},1]],"edges":[["a"],[]]}""")));
            Assert.All(answers, static a => Assert.Contains(a.Status, (HttpStatusCode[])[HttpStatusCode.Accepted, HttpStatusCode.Conflict]));
            var versions = answers.Where(static a => a.Status == HttpStatusCode.Accepted).Select(static a => a.Body.GetProperty("version").GetInt64()).ToList();
            Assert.Equal(versions.Count, versions.Distinct().Count());
            await loop.ServedAsync(versions.Max());
        }
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Graph_outlives_a_store_that_has_lost_everything()
    {
        var loop = await GraphLoop.CreateAsync(_deployment.Apis, "lost");
        await loop.ItemsAsync(("a", [1, 0]), ("b", [0, 1]));
        await loop.ServeAsync(new { centroids = new float[][] { [1, 0], [0, 1] }, edges = new string[][] { ["b"], ["a"] } });
        _deployment.Redis.Kill();
        _deployment.Redis.Forget();
        _deployment.Redis.Start();
        // Nobody remembers but the processes; one of them starts anew and has to find the graph in the store.
        foreach (var api in loop.Apis)
        {
            await Eventually.IsTrueAsync(
                async () => (await api.GetAsync("/health/ready")).GetProperty("status").ValueEquals("ready"), static () => "the replicas had their store again");
        }
        _deployment.Apis[1].Kill();
        await _deployment.Apis[1].StartAsync();
        // It may be up before its neighbour has written down anew what it knows.
        await Eventually.IsTrueAsync(
            async () => (await loop.Apis[1].SendAsync(HttpMethod.Get, loop.Path)).Status == HttpStatusCode.OK, static () => "the new replica knew the experiment");
        await loop.ServedAsync(1);
        Assert.Equal("b", (await loop.ProposedAsync(loop.Apis[1], 1, 0))[0]);
        await loop.DeleteAsync();
    }
}
