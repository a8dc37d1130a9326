using System.Net;
using System.Text.Json;
using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>The loop in one process, and what a stranger meets first.</summary>
[Collection(EmbeddedCollection.Name)]
public sealed class EmbeddedServiceTests(EmbeddedDeployment deployment) : ServedLoopTests(deployment)
{
    private const string Decide = "/v1/experiments/demo/decisions";

    private readonly ServiceProcess _service = deployment.Api;

    [Fact]
    public async Task Killed_service_learns_exactly_what_its_log_says()
    {
        var loop = await ServedLoop.CreateAsync(deployment, "killed", """{"reward":{"window":"00:00:03"}}""");
        const int Rounds = 600;
        await loop.DriveAsync(0, Rounds, Deliveries.Messy, async round =>
        {
            if (round != Rounds / 2)
                return;
            _service.Kill();
            await _service.StartAsync();
        });
        // One process: a decision whose answer was on its way out when it was killed may be in the log or not, and the log has the last word.
        await LogTwin.AssertServedAsync(deployment, loop, least: Rounds - 8, most: Rounds);
        await loop.DeleteAsync();
    }

    [Fact]
    public async Task Same_decision_id_gets_the_same_answer()
    {
        const string Request = """{"decisionId":"same","context":{"features":{"hour":3}},"actions":[{"id":"a"},{"id":"b"},{"id":"c"}],"count":2}""";
        var first = (await _service.PostAsync(Decide, Request)).Body.GetProperty("actions");
        var second = (await _service.PostAsync(Decide, Request)).Body.GetProperty("actions");
        Assert.Equal(2, first.GetArrayLength());
        Assert.Equal(first.GetRawText(), second.GetRawText());
    }

    [Fact]
    public async Task Catalogue_proposes_what_is_near_and_available()
    {
        await CreateAsync("shop", """{"candidates":"catalogue","policy":{"kind":"diag-lin-ucb","parameters":{"clustersPerUser":1,"itemsPerCluster":2}},"features":{"context":{"vector":2},"action":{"vector":2}}}""");
        var (status, _) = await _service.PostAsync("/v1/experiments/shop/items", """
            {"items":[{"id":"n1","vector":[1,0.1]},{"id":"n2","vector":[1,0]},{"id":"far/1","vector":[0,1]},{"id":"gone","vector":[1,0.01],"availableUntil":"2001-01-01T00:00:00Z"},{"id":"bad","vector":[1]}]}
            """);
        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal(HttpStatusCode.Accepted, (await _service.SendAsync(HttpMethod.Put, "/v1/experiments/shop/clusters", """{"centroids":[[1,0],[0,1]]}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Get, "/v1/experiments/shop/items/far%2F1")).Status);
        await Eventually.IsTrueAsync(
            async () => await _service.PostAsync("/v1/experiments/shop/explain", """{"context":{"vector":[0.1,1]}}""") is (HttpStatusCode.OK, var answer)
                && Ids(answer).Contains("far/1"),
            static () => "the catalogue proposed what is near");
        var (_, near) = await _service.PostAsync("/v1/experiments/shop/explain", """{"context":{"vector":[1,0]}}""");
        Assert.DoesNotContain("gone", Ids(near));
    }

    [Fact]
    public async Task New_item_is_created_and_a_known_one_replaced()
    {
        await CreateAsync("shelf", """{"candidates":"catalogue"}""");
        // Many, because the log hands a write back to its writer within microseconds, and that must not make the item look known.
        for (var i = 0; i < 20; i++)
        {
            var path = $"/v1/experiments/shelf/items/i{i}";
            Assert.Equal(HttpStatusCode.Created, (await _service.SendAsync(HttpMethod.Put, path, """{"tags":["new"]}""")).Status);
            Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Put, path, """{"tags":["old"]}""")).Status);
        }
    }

    [Fact]
    public async Task Clusters_on_their_way_neither_bring_back_a_deleted_experiment_nor_an_older_definition()
    {
        const string Path = "/v1/experiments/raced";
        const string Shapes = "\"features\":{\"context\":{\"vector\":16},\"action\":{\"vector\":16}}";
        // Large, so that reading them takes longer than the change that overtakes them.
        var clusters = JsonSerializer.Serialize(new { centroids = Enumerable.Range(1, 3000).Select(static row => Enumerable.Range(row, 16).Select(static x => 1.0 / x)) });
        for (var i = 0; i < 10; i++)
        {
            await CreateAsync("raced", $"{{{Shapes}}}");
            var uploading = _service.SendAsync(HttpMethod.Put, Path + "/clusters", clusters);
            await Task.Delay(2 * i, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Put, Path, $$"""{"policy":{"kind":"uniform"},{{Shapes}}}""")).Status);
            await uploading;
            Assert.Equal("uniform", (await _service.GetAsync(Path)).GetProperty("policy").GetString());

            uploading = _service.SendAsync(HttpMethod.Put, Path + "/clusters", clusters);
            await Task.Delay(2 * i, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NoContent, (await _service.SendAsync(HttpMethod.Delete, Path)).Status);
            Assert.Contains((await uploading).Status, (HttpStatusCode[])[HttpStatusCode.Accepted, HttpStatusCode.NotFound]);
            Assert.Equal(HttpStatusCode.NotFound, (await _service.SendAsync(HttpMethod.Get, Path)).Status);
        }
    }

    [Fact]
    public async Task Batch_answers_each_entry_for_itself()
    {
        var (status, body) = await _service.PostAsync(Decide + "/batch", """{"decisions":[{"actions":[{"id":"a"}]},{},{"actions":[{"id":"b"}]}]}""");
        Assert.Equal(HttpStatusCode.OK, status);
        var results = body.GetProperty("results");
        Assert.Equal("a", results[0].GetProperty("actions")[0].GetProperty("id").GetString());
        Assert.Equal(422, results[1].GetProperty("status").GetInt32());
        Assert.Equal("b", results[2].GetProperty("actions")[0].GetProperty("id").GetString());
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/docs")]
    [InlineData("/docs/")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/metrics")]
    [InlineData("/health/live")]
    [InlineData("/health/startup")]
    [InlineData("/health/ready")]
    public async Task Page_is_there(string path)
    {
        using var answer = await _service.Client.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        // At that address, not at one that it sends its readers to.
        Assert.Equal(path, answer.RequestMessage!.RequestUri!.AbsolutePath);
    }

    [Fact]
    public async Task Every_metric_has_one_set_of_labels()
    {
        // Two of one name, from the Api and from the learner beside it, would be added up by every query.
        var text = await _service.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        var labels = text.Split('\n').Where(static line => line.StartsWith("recsys_", StringComparison.Ordinal)).Select(static line => line.Split(['{', '}']))
            .Where(static parts => parts.Length == 3)
            .Select(static parts => (Name: parts[0], Labels: string.Join(',', parts[1].Split("\",").Select(static label => label.Split('=')[0]))))
            .Distinct().ToLookup(static series => series.Name, static series => series.Labels);
        Assert.NotEmpty(labels);
        Assert.All(labels, static metric => Assert.Single(metric));
    }

    private static List<string?> Ids(JsonElement answer) =>
        [.. answer.GetProperty("actions").EnumerateArray().Select(static a => a.GetProperty("id").GetString())];

    private async Task CreateAsync(string name, string definition) =>
        Assert.Equal(HttpStatusCode.Created, (await _service.SendAsync(HttpMethod.Put, "/v1/experiments/" + name, definition)).Status);
}

/// <summary>The tests that share one embedded service.</summary>
[CollectionDefinition(Name)]
public sealed class EmbeddedCollection : ICollectionFixture<EmbeddedDeployment>
{
    public const string Name = "embedded";
}
