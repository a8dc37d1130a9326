using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>A running service takes graphs in versions, keeps what was learned about what goes on, and forgets at once what is taken down.</summary>
[Collection(EmbeddedCollection.Name)]
public sealed class GraphServiceTests(EmbeddedDeployment deployment)
{
    private static readonly (string, float[])[] Six = [("a", [1, 0]), ("b", [1, 0.1f]), ("c", [1, 0.2f]), ("x", [0, 1]), ("y", [0.1f, 1]), ("z", [0.2f, 1])];

    private readonly ServiceProcess _service = deployment.Api;

    [Fact]
    public async Task Given_edges_are_served_as_they_are_and_without_them_the_service_ranks()
    {
        var loop = await CreateAsync("edges");
        await loop.ItemsAsync(Six);
        Assert.Equal(0, (await loop.GraphAsync()).GetProperty("version").GetInt64());
        // Against the geometry, so that nobody can have ranked them.
        Assert.Equal(1, await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["z", "y", "x"], ["b", "a", "c"]) }));
        Assert.Equal(["z", "y", "x"], await loop.ProposedAsync(_service, 1, 0));
        Assert.Equal(["b", "a", "c"], await loop.ProposedAsync(_service, 0, 1));
        var graph = await loop.GraphAsync();
        Assert.Equal((1, 2, 6, 6, 0), (
            graph.GetProperty("acceptedVersion").GetInt32(), graph.GetProperty("clusters").GetInt32(), graph.GetProperty("edges").GetInt32(),
            graph.GetProperty("items").GetInt32(), graph.GetProperty("newcomers").GetInt32()));
        Assert.Equal((1, 6), (await loop.MetricAsync("recsys_graph_version"), await loop.MetricAsync("recsys_graph_edges")));

        Assert.Equal(2, await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]) }));
        Assert.Equal(["a", "b", "c"], (await loop.ProposedAsync(_service, 1, 0)).Order());
        Assert.Equal(["x", "y", "z"], (await loop.ProposedAsync(_service, 0, 1)).Order());
        Assert.True(await loop.MetricAsync("recsys_graph_build_duration_seconds_count", ",kind=\"full\"") >= 2);
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Clusters_that_go_on_keep_their_ids_and_what_was_learned_and_others_start_empty()
    {
        var loop = await CreateAsync("identity");
        await loop.ItemsAsync(Six);
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["a", "b"], ["x", "y"]) });
        Assert.Equal(1, Assert.Single(await loop.ClustersOfAsync(_service, 1, 0)));
        Assert.Equal(2, Assert.Single(await loop.ClustersOfAsync(_service, 0, 1)));
        await LearnAsync(loop, "first", [1, 0], 20);
        var (_, before) = await loop.StatisticsAsync("a");
        Assert.True(before.GetProperty("interactions").GetInt64() > 0);

        // Swapped, turned a little, and one more.
        await loop.ServeAsync(new { centroids = Rows([-0.1f, 1], [1, 0.1f], [-1, -1]), edges = Lists(["x"], ["a", "c"], ["a", "y"]) });
        Assert.Equal(1, Assert.Single(await loop.ClustersOfAsync(_service, 1, 0)));
        Assert.Equal(2, Assert.Single(await loop.ClustersOfAsync(_service, 0, 1)));
        Assert.Equal(3, Assert.Single(await loop.ClustersOfAsync(_service, -1, -1)));
        var (_, after) = await loop.StatisticsAsync("a");
        Assert.Equal(2, after.GetProperty("graphVersion").GetInt64());
        Assert.Equal(before.GetProperty("interactions").GetInt64(), after.GetProperty("interactions").GetInt64());
        Assert.Equal(before.GetProperty("edges")[0].GetRawText(), after.GetProperty("edges")[0].GetRawText());
        Assert.Equal("""{"cluster":3,"rank":1,"interactions":0,"mean":null,"width":null}""", after.GetProperty("edges")[1].GetRawText());

        // Elsewhere altogether, and back: ids are never used again.
        await loop.ServeAsync(new { centroids = Rows([1, -1]), edges = Lists(["a"]) });
        Assert.Equal(4, Assert.Single(await loop.ClustersOfAsync(_service, 1, -1)));
        await loop.ServeAsync(new { centroids = Rows([1, 0]), edges = Lists(["a"]) });
        Assert.Equal(5, Assert.Single(await loop.ClustersOfAsync(_service, 1, 0)));
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Reward_of_a_decision_of_the_version_before_is_learned_on_the_edge_that_decided()
    {
        var loop = await CreateAsync("late");
        await loop.ItemsAsync(Six);
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["a"], ["x"]) });
        var newcomers = await loop.ProposedAsync(_service, 1, 0);
        Assert.Contains("a", newcomers);
        var chosen = Assert.Single(await loop.DecideAsync(_service, "late", [1, 0]));
        await loop.ServeAsync(new { centroids = Rows([1, -1], [-1, 1]), edges = Lists(["b", "c"], ["y", "z"]) });
        Assert.Equal(0, await InteractionsAsync(loop, chosen, 1));
        await loop.RewardAsync("late", 1);
        await Eventually.IsTrueAsync(async () => await InteractionsAsync(loop, chosen, 1) == 1, static () => "the reward was learned");
        Assert.Equal((0, 0), (await InteractionsAsync(loop, chosen, 3), await InteractionsAsync(loop, chosen, 4)));
        await loop.DeleteAsync();
    }

    public static TheoryData<string, string, string> BadClusters => new()
    {
        { """{"centroids":[[1,0],[0,1]],"edges":[["a"],["nobody"]]}""", "edges[1][0]", "'nobody', which is not in the catalogue" },
        { """{"centroids":[[1,0],[0,1]],"edges":[["a","b","a"],[]]}""", "edges[0][2]", "'a' a second time" },
        { """{"centroids":[[1,0],[0,1]],"edges":[["a"]]}""", "edges", "1 lists; there are 2 centroids" },
        { """{"edges":[["a"],["b"]],"centroids":[[1,0]]}""", "edges", "2 lists; there are 1 centroids" },
        { """{"centroids":[[1,0]],"edges":[[1]]}""", "edges[0][0]", "id of an item" },
        { """{"centroids":[[1,0]],"edges":[[["a"]]]}""", "edges[0][0]", "id of an item" },
        { """{"centroids":[[1,0]],"edges":["a"]}""", "edges[0]", "array of item ids" },
        { """{"centroids":[[1,0]],"edges":{}}""", "edges", "Give an array" },
        { """{"centroids":[[1,0,0]]}""", "centroids[0]", "array of 2 numbers" },
        { """{"centroids":[[1]]}""", "centroids[0]", "array of 2 numbers" },
        { """{"centroids":[[1,0],{"x":[1]}]}""", "centroids[1]", "array of 2 numbers" },
        { """{"centroids":[[1,1e999]]}""", "centroids[0]", "finite" },
        { """{"centroids":[[1,"0"]]}""", "centroids[0]", "finite" },
        { """{"centroids":"all"}""", "centroids", "Give an array" },
        { """{"edges":[]}""", "centroids", "Give an array" },
        { """{"centroids":[[1,0]],"surprise":{"a":[1]}}""", "surprise", "Unknown field" },
        { "[[1,0]]", "$", "Give an object" },
    };

    [Theory]
    [MemberData(nameof(BadClusters))]
    public async Task Bad_graph_is_refused_and_the_old_one_goes_on_serving(string body, string field, string says)
    {
        var loop = await ServingAsync();
        var (status, problem) = await loop.ClustersAsync(body);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(says, problem.GetProperty("errors").GetProperty(field)[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(1, (await loop.GraphAsync()).GetProperty("acceptedVersion").GetInt64());
        Assert.Equal(["z", "y"], (await loop.ProposedAsync(_service, 1, 0)).Take(2));
    }

    [Theory]
    [InlineData("""{"centroids":[[1,0]],"edges":[["a"]]} trailing""")]
    [InlineData("""{"centroids":[[1,0]],"centroids":[[0,1]]}""")]
    [InlineData("""{"centroids":[[1,0]],"edges":[["a"]""")]
    [InlineData("""{"centroids":[[1,NaN]]}""")]
    public async Task What_is_no_json_is_refused_as_such(string body)
    {
        var loop = await ServingAsync();
        var (status, problem) = await loop.ClustersAsync(body);
        Assert.Equal((HttpStatusCode.BadRequest, "urn:recsys:problem:malformed-json"), (status, problem.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task Everything_wrong_with_a_graph_is_said_at_once_and_no_more_than_that()
    {
        var loop = await ServingAsync();
        var (_, problem) = await loop.ClustersAsync("""{"centroids":[[1],[0,1e999]],"edges":[["a","a"],["nobody"],[]],"more":1}""");
        Assert.Equal(
            ["centroids[0]", "centroids[1]", "edges", "edges[0][1]", "edges[1][0]", "more"],
            problem.GetProperty("errors").EnumerateObject().Select(static e => e.Name).Order(StringComparer.Ordinal));
        var (_, many) = await loop.ClustersAsync(new { centroids = Rows([1, 0]), edges = Lists([.. Enumerable.Range(0, 1000).Select(static i => $"n{i}")]) });
        Assert.Equal(20, many.GetProperty("errors").EnumerateObject().Count());
    }

    [Fact]
    public async Task Too_many_clusters_or_edges_are_refused_by_their_number()
    {
        var loop = await ServingAsync();
        var (status, problem) = await loop.ClustersAsync($$"""{"centroids":[{{string.Join(',', Enumerable.Repeat("[1,0]", 60_001))}}]}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("60001 entries; at most 60000", problem.GetProperty("errors").GetProperty("centroids")[0].GetString(), StringComparison.Ordinal);
        var row = "[" + string.Join(',', Enumerable.Repeat("0", 100_001)) + "]";
        (status, problem) = await loop.ClustersAsync($$"""{"centroids":[],"edges":[{{string.Join(',', Enumerable.Repeat(row, 100))}}]}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("edges[0][0]", problem.GetProperty("errors").EnumerateObject().Select(static e => e.Name));
    }

    [Fact]
    public async Task Restart_serves_the_stored_graph_and_a_damaged_one_is_refused()
    {
        var loop = await CreateAsync("restart");
        await loop.ItemsAsync(Six);
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["z", "y", "x"], ["b", "a", "c"]) });
        await loop.ServeAsync(new { centroids = Rows([0, 1], [1, 0]), edges = Lists(["c", "a"], ["y", "x"]) });
        var (clusters, proposed) = (await loop.ClustersOfAsync(_service, 1, 0), await loop.ProposedAsync(_service, 1, 0));
        _service.Kill();
        await _service.StartAsync();
        // Ready means that the graph is there.
        Assert.Equal(2, (await loop.GraphAsync()).GetProperty("version").GetInt64());
        Assert.Equal(clusters, await loop.ClustersOfAsync(_service, 1, 0));
        Assert.Equal(proposed, await loop.ProposedAsync(_service, 1, 0));

        _service.Kill();
        var file = Directory.GetFiles(Path.Combine(deployment.DataDirectory, "graphs"), loop.Name + ".2-*.graph").Single();
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        bytes[^3] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
        await _service.StartAsync();
        Assert.Equal(1, await loop.MetricAsync("recsys_graph_refused_total", ",reason=\"corrupt\""));
        Assert.Equal(0, Assert.Single(await loop.ClustersOfAsync(_service, 1, 0)));
        Assert.Equal(6, (await loop.ProposedAsync(_service, 1, 0)).Count);
        // The next one is served, with ids that neither graph had.
        await loop.ServeAsync(new { centroids = Rows([1, 0]), edges = Lists(["x"]) });
        Assert.Equal(3, Assert.Single(await loop.ClustersOfAsync(_service, 1, 0)));
        await loop.DeleteAsync();
        Assert.Empty(Directory.GetFiles(Path.Combine(deployment.DataDirectory, "graphs"), loop.Name + ".*"));
    }

    [Fact]
    public async Task Other_vectors_drop_the_graph_and_the_same_keep_it()
    {
        var loop = await ServingAsync();
        var definition = (await _service.GetAsync(loop.Path)).GetProperty("definition").GetRawText();
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Put, loop.Path, definition.Replace("00:00:30", "00:00:20", StringComparison.Ordinal))).Status);
        Assert.Equal(1, (await loop.GraphAsync()).GetProperty("acceptedVersion").GetInt64());
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Put, loop.Path, """{"candidates":"catalogue","policy":{"kind":"diag-lin-ucb"}}""")).Status);
        await loop.ServedAsync(2);
        Assert.Equal(1, (await loop.GraphAsync()).GetProperty("clusters").GetInt32());
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Takedown_under_load_is_in_no_decision_that_begins_after_it()
    {
        var loop = await CreateAsync("takedown", "\"clustersPerUser\":2,\"itemsPerCluster\":50");
        var items = Enumerable.Range(0, 100).Select(static i => ($"i{i}", new float[] { i % 10, i / 10 })).ToArray();
        await loop.ItemsAsync(items);
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Both(items) });
        // One more than the largest of the ids that are gone.
        var gone = 0;
        using var stop = new CancellationTokenSource();
        var decided = 0;
        var load = Enumerable.Range(0, 4).Select(client => Task.Run(async () =>
        {
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                var before = Volatile.Read(ref gone);
                var ids = await loop.DecideAsync(_service, $"{client}-{n}", [1, n % 3], count: 10);
                Assert.DoesNotContain(ids, id => int.Parse(id.AsSpan(1)) < before);
                Interlocked.Increment(ref decided);
            }
        })).ToArray();
        for (var i = 0; i < 80; i++)
        {
            Assert.Equal(HttpStatusCode.NoContent, (await _service.SendAsync(HttpMethod.Delete, $"{loop.Path}/items/i{i}")).Status);
            Volatile.Write(ref gone, i + 1);
            // Another graph at times, which takes longer than a changed item.
            if (i % 10 == 5)
                Assert.Equal(HttpStatusCode.Accepted, (await loop.ClustersAsync(new { centroids = Rows([1, i], [i, 1]), edges = Both(items[(i + 1)..]) })).Status);
        }
        await stop.CancelAsync();
        await Task.WhenAll(load);
        Assert.True(decided > 100, $"Only {decided} decisions.");
        Assert.Equal(80, await loop.MetricAsync("recsys_catalogue_takedowns_total"));
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task New_item_of_a_graph_of_a_million_edges_is_a_candidate_within_a_second()
    {
        const int Items = 5000, Clusters = 2000, Width = 500, Dimension = 16;
        var random = new Random(11);
        float[] Vector() => [.. Enumerable.Range(0, Dimension).Select(_ => random.NextSingle() - 0.5f)];
        var loop = await GraphLoop.CreateAsync([_service], "million", $"\"clustersPerUser\":5,\"itemsPerCluster\":{Width}", dimension: Dimension);
        await loop.ItemsAsync([.. Enumerable.Range(0, Items).Select(i => ($"i{i}", Vector()))]);
        await loop.ServeAsync(new
        {
            centroids = Enumerable.Range(0, Clusters).Select(_ => Vector()),
            edges = Enumerable.Range(0, Clusters).Select(c => Enumerable.Range(0, Width).Select(rank => $"i{(c * 7 + rank) % Items}")),
        });
        Assert.Equal(Clusters * Width, (await loop.GraphAsync()).GetProperty("edges").GetInt64());
        var waits = new List<double>();
        for (var sample = 0; sample < 15; sample++)
        {
            var (id, vector) = ($"new-{sample}", Vector());
            var started = Stopwatch.GetTimestamp();
            var (status, _) = await _service.SendAsync(HttpMethod.Put, $"{loop.Path}/items/{id}", JsonSerializer.Serialize(new { vector }));
            Assert.Equal(HttpStatusCode.Created, status);
            await Eventually.IsTrueAsync(async () => (await loop.ProposedAsync(_service, vector)).Contains(id), () => $"{id} was proposed");
            waits.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        var percentiles = new Percentiles(waits);
        System.Console.WriteLine($"[embedded] item put to candidate of a graph of a million edges, ms: {percentiles}");
        Assert.True(percentiles.At(0.5) < 1000, $"Milliseconds: {percentiles}");
        Assert.Equal(15 + Items, await loop.MetricAsync("recsys_corpus_latency_seconds_count"));
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Newcomer_retires_when_its_time_is_over_and_the_next_graph_asks_again()
    {
        var loop = await CreateAsync("newcomers", "\"clustersPerUser\":1,\"itemsPerCluster\":2,\"newcomerFor\":\"00:00:01\",\"graduateAfter\":100000");
        await loop.ItemsAsync(("a", [3, 0]), ("b", [2, 0]), ("c", [1, 0]), ("x", [0, 3]), ("y", [0, 2]), ("z", [0, 1]));
        // Each cluster ranks two of the three that lie its way.
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]) });
        // They are dismissed first, and out of service with the update that follows.
        await Eventually.IsTrueAsync(
            async () => await loop.GraphAsync() is var graph && graph.GetProperty("retired").GetInt32() == 2 && graph.GetProperty("newcomers").GetInt32() == 0,
            static () => "both newcomers retired");
        Assert.Equal(["a", "b"], (await loop.ProposedAsync(_service, 1, 0)).Order());
        Assert.Equal("retired", (await loop.StatisticsAsync("c")).Body.GetProperty("standing").GetString());
        Assert.Equal("ranked", (await loop.StatisticsAsync("a")).Body.GetProperty("standing").GetString());
        Assert.Equal(2, await loop.MetricAsync("recsys_catalogue_newcomers_left_total", ",verdict=\"retired\""));
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["c"], ["z"]) });
        Assert.Equal("ranked", (await loop.StatisticsAsync("c")).Body.GetProperty("standing").GetString());
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Statistics_need_an_item_and_a_policy_that_has_them()
    {
        var loop = await GraphLoop.CreateAsync([_service], "linear", "\"clustersPerUser\":1", kind: "linear-square-cb");
        await loop.ItemsAsync(Six);
        var (status, problem) = await loop.StatisticsAsync("a");
        Assert.Equal((HttpStatusCode.Conflict, "urn:recsys:problem:no-statistics"), (status, problem.GetProperty("type").GetString()));
        (status, problem) = await loop.StatisticsAsync("nobody");
        Assert.Equal((HttpStatusCode.NotFound, "urn:recsys:problem:unknown-item"), (status, problem.GetProperty("type").GetString()));
        await loop.DeleteAsync();

        loop = await ServingAsync();
        (status, _) = await loop.StatisticsAsync("a", "?cluster=-1");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        (status, _) = await loop.StatisticsAsync("a", "?cluster=1&cluster=x");
        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    [Fact]
    public async Task Statistics_are_what_was_learned_in_units_of_the_reward()
    {
        var loop = await CreateAsync("statistics");
        await loop.ItemsAsync(("a/1", [1, 0]));
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["a/1"], ["a/1"]) });
        for (var i = 0; i < 40; i++)
        {
            await loop.DecideAsync(_service, $"s{i}", [1, 0]);
            await loop.RewardAsync($"s{i}", i % 4 == 0 ? 0 : 1);
        }
        await Eventually.IsTrueAsync(async () => await InteractionsAsync(loop, "a/1", 1) == 40, static () => "all was learned");
        var (_, body) = await loop.StatisticsAsync("a/1");
        Assert.Equal(("a/1", 40L, false), (body.GetProperty("item").GetString(), body.GetProperty("interactions").GetInt64(), body.GetProperty("newcomer").GetBoolean()));
        Assert.InRange(body.GetProperty("mean").GetDouble(), 0.65, 0.8);
        Assert.InRange(body.GetProperty("width").GetDouble(), 0.02, 0.2);
        var edges = body.GetProperty("edges");
        Assert.Equal((1, 1, 40), (edges[0].GetProperty("cluster").GetInt32(), edges[0].GetProperty("rank").GetInt32(), edges[0].GetProperty("interactions").GetInt32()));
        Assert.InRange(edges[0].GetProperty("mean").GetDouble(), 0.65, 0.8);
        Assert.Equal((2, 0), (edges[1].GetProperty("cluster").GetInt32(), edges[1].GetProperty("interactions").GetInt32()));
        await loop.DeleteAsync();
    }

    private Task<GraphLoop> CreateAsync(string prefix, string parameters = "\"clustersPerUser\":1,\"itemsPerCluster\":3") =>
        GraphLoop.CreateAsync([_service], prefix, parameters);

    private async Task<GraphLoop> ServingAsync()
    {
        var loop = await CreateAsync("refuses");
        await loop.ItemsAsync(Six);
        await loop.ServeAsync(new { centroids = Rows([1, 0], [0, 1]), edges = Lists(["z", "y"], ["b", "a", "c"]) });
        return loop;
    }

    private async Task LearnAsync(GraphLoop loop, string prefix, float[] user, int rounds)
    {
        var learned = (await _service.GetAsync(loop.Path)).GetProperty("interactions").GetInt64();
        for (var i = 0; i < rounds; i++)
        {
            await loop.DecideAsync(_service, $"{prefix}-{i}", user);
            await loop.RewardAsync($"{prefix}-{i}", 1);
        }
        await Eventually.IsTrueAsync(
            async () => (await _service.GetAsync(loop.Path)).GetProperty("interactions").GetInt64() >= learned + rounds, static () => "the rewards were learned");
    }

    private static async Task<long> InteractionsAsync(GraphLoop loop, string item, int cluster)
    {
        var (status, body) = await loop.StatisticsAsync(item, $"?cluster={cluster}");
        Assert.True(status == HttpStatusCode.OK, $"{status} {body}");
        return Assert.Single(body.GetProperty("edges").EnumerateArray()).GetProperty("interactions").GetInt64();
    }

    private static string[][] Both((string Id, float[])[] items)
    {
        string[] ids = [.. items.Select(static i => i.Id)];
        return [ids, [.. ids.Reverse()]];
    }

    private static float[][] Rows(params float[][] rows) => rows;

    private static string[][] Lists(params string[][] lists) => lists;
}
