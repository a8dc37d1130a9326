using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>The whole loop through HTTP, as a stranger meets it.</summary>
public sealed class EmbeddedServiceTests : IAsyncLifetime
{
    private const string Decide = "/v1/experiments/demo/decisions";
    private readonly string _directory = Directory.CreateTempSubdirectory("recsys-test-").FullName;
    private ServiceProcess _service = null!;

    public async ValueTask InitializeAsync() => _service = await ServiceProcess.StartAsync(_directory);

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Rewards_raise_the_reward_rate_from_uniform_to_near_best()
    {
        await CreateAsync("loop", "{}");
        double early = 0, late = 0;
        var ages = new List<double>();
        for (var round = 0; round < 1500; round++)
        {
            var mobile = round * 7919 % 10 < 5;
            var (status, decision) = await _service.PostAsync("/v1/experiments/loop/decisions", JsonSerializer.Serialize(new
            {
                decisionId = $"d{round}",
                context = new { features = new { device = mobile ? "mobile" : "desktop" } },
                actions = new[] { new { id = "short" }, new { id = "long" }, new { id = "video" }, new { id = "audio" } },
            }));
            Assert.Equal(HttpStatusCode.OK, status);
            ages.Add(decision.GetProperty("parameterAgeSeconds").GetDouble());
            var value = decision.GetProperty("actions")[0].GetProperty("id").GetString() == (mobile ? "short" : "long") ? 1 : 0;
            early += round < 40 ? value : 0;
            late += round >= 1000 ? value : 0;
            Assert.Equal(HttpStatusCode.Accepted, (await _service.PostAsync($"/v1/experiments/loop/decisions/d{round}/reward", $$"""{"value":{{value}}}""")).Status);
        }
        Assert.True(late / 500 > 0.85, $"earned {late / 500}, uniform earns 0.25, the best 1; the first 40 earned {early / 40}");
        Assert.True(ages.Max() < 1, $"parameters were {ages.Max()} s old");
        await UntilAsync(async () => (await _service.GetAsync("/v1/experiments/loop")).GetProperty("policyVersion").GetInt64() == 1500);
    }

    [Fact]
    public async Task A_reward_changes_served_parameters_in_well_under_a_second()
    {
        await CreateAsync("fresh", "{}");
        var delays = new List<double>();
        for (var round = 0; round < 40; round++)
        {
            await _service.PostAsync("/v1/experiments/fresh/decisions", $$"""{"decisionId":"f{{round}}","actions":[{"id":"a"},{"id":"b"}]}""");
            await _service.PostAsync($"/v1/experiments/fresh/decisions/f{round}/reward", """{"value":1}""");
            var accepted = Stopwatch.GetTimestamp();
            await UntilAsync(async () => (await _service.PostAsync("/v1/experiments/fresh/decisions", """{"actions":[{"id":"a"},{"id":"b"}],"activate":false}"""))
                .Body.GetProperty("policyVersion").GetInt64() > round);
            delays.Add(Stopwatch.GetElapsedTime(accepted).TotalMilliseconds);
        }
        delays.Sort();
        TestContext.Current.SendDiagnosticMessage("reward accepted -> served, ms: p50 {0:F0}, p90 {1:F0}, max {2:F0}", delays[20], delays[36], delays[^1]);
        Assert.True(delays[20] < 200, $"median {delays[20]} ms");
    }

    [Fact]
    public async Task A_killed_service_goes_on_with_what_it_knew_and_loses_no_accepted_reward()
    {
        for (var i = 0; i < 50; i++)
        {
            await _service.PostAsync(Decide, $$"""{"decisionId":"k{{i}}","actions":[{"id":"a"},{"id":"b"}]}""");
            Assert.Equal(HttpStatusCode.Accepted, (await _service.PostAsync($"{Decide}/k{i}/reward", """{"value":1}""")).Status);
        }
        await _service.KillAsync();
        await _service.DisposeAsync();
        _service = await ServiceProcess.StartAsync(_directory);
        await UntilAsync(async () => (await _service.GetAsync("/v1/experiments/demo")).GetProperty("interactions").GetInt64() == 50);
        // The same decision once more is a duplicate, not a lesson.
        await _service.PostAsync($"{Decide}/k1/reward", """{"value":1}""");
        await _service.PostAsync(Decide, """{"decisionId":"new","actions":[{"id":"a"}]}""");
        await _service.PostAsync($"{Decide}/new/reward", """{"value":0}""");
        await UntilAsync(async () => (await _service.GetAsync("/v1/experiments/demo")).GetProperty("interactions").GetInt64() == 51);
    }

    [Fact]
    public async Task The_same_decision_id_gets_the_same_answer()
    {
        const string Request = """{"decisionId":"same","context":{"features":{"hour":3}},"actions":[{"id":"a"},{"id":"b"},{"id":"c"}],"count":2}""";
        var first = (await _service.PostAsync(Decide, Request)).Body.GetProperty("actions");
        var second = (await _service.PostAsync(Decide, Request)).Body.GetProperty("actions");
        Assert.Equal(2, first.GetArrayLength());
        Assert.Equal(first.GetRawText(), second.GetRawText());
    }

    [Fact]
    public async Task A_catalogue_proposes_what_is_near_and_available()
    {
        await CreateAsync("shop", """{"candidates":"catalogue","policy":{"kind":"diag-lin-ucb","parameters":{"clustersPerUser":1,"itemsPerCluster":2}},"features":{"context":{"vector":2},"action":{"vector":2}}}""");
        var (status, _) = await _service.PostAsync("/v1/experiments/shop/items", """
            {"items":[{"id":"n1","vector":[1,0.1]},{"id":"n2","vector":[1,0]},{"id":"far/1","vector":[0,1]},{"id":"gone","vector":[1,0.01],"availableUntil":"2001-01-01T00:00:00Z"},{"id":"bad","vector":[1]}]}
            """);
        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal(HttpStatusCode.Accepted, (await _service.SendAsync(HttpMethod.Put, "/v1/experiments/shop/clusters", """{"centroids":[[1,0],[0,1]]}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Get, "/v1/experiments/shop/items/far%2F1")).Status);
        await UntilAsync(async () =>
        {
            var (code, answer) = await _service.PostAsync("/v1/experiments/shop/explain", """{"context":{"vector":[0.1,1]}}""");
            return code == HttpStatusCode.OK && answer.GetProperty("actions").EnumerateArray().Any(static a => a.GetProperty("id").GetString() == "far/1");
        });
        var near = (await _service.PostAsync("/v1/experiments/shop/explain", """{"context":{"vector":[1,0]}}""")).Body.GetProperty("actions");
        Assert.DoesNotContain("gone", near.EnumerateArray().Select(static a => a.GetProperty("id").GetString()));
    }

    [Theory]
    [InlineData("{bad", 400, "malformed-json")]
    [InlineData("", 400, "malformed-json")]
    [InlineData("[]", 400, "invalid-request")]
    [InlineData("{}", 422, "no-actions")]
    [InlineData("""{"actions":[]}""", 422, "no-actions")]
    [InlineData("""{"actions":[{"id":"a"}],"excludedActions":["a"]}""", 422, "no-actions")]
    [InlineData("""{"actions":[{"id":"a"},{"id":"a"}]}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":""}]}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":"a\u0001"}]}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":"a","features":{"x":NaN}}]}""", 400, "malformed-json")]
    [InlineData("""{"actions":[{"id":"a","features":{"x":1e999}}]}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":"a","vector":[1,2]}]}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":"a"}],"context":{"vector":[1]}}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":"a"}],"count":0}""", 400, "invalid-request")]
    [InlineData("""{"actions":[{"id":"a"}],"unknown":1}""", 400, "invalid-request")]
    public async Task Bad_decisions_get_a_problem_document(string body, int status, string slug) =>
        AssertProblem(await _service.PostAsync(Decide, body), status, slug);

    [Fact]
    public async Task Ten_thousand_actions_a_huge_body_and_unknown_names_get_problem_documents()
    {
        var many = JsonSerializer.Serialize(new { actions = Enumerable.Range(0, 10_000).Select(static i => new { id = "a" + i }) });
        AssertProblem(await _service.PostAsync(Decide, many), 400, "invalid-request");
        AssertProblem(await _service.PostAsync(Decide, new string(' ', 2_000_000)), 413, "body-too-large");
        AssertProblem(await _service.PostAsync("/v1/experiments/nope/decisions", "{}"), 404, "unknown-experiment");
        AssertProblem(await _service.PostAsync("/v1/nothing", "{}"), 404, "not-found");
        AssertProblem(await _service.SendAsync(HttpMethod.Put, "/v1/experiments/Bad_Name", "{}"), 400, "invalid-request");
        AssertProblem(await _service.SendAsync(HttpMethod.Put, "/v1/experiments/x", """{"policy":{"kind":"nope"}}"""), 400, "invalid-request");
        AssertProblem(await _service.SendAsync(HttpMethod.Put, "/v1/experiments/x", """{"reward":{"window":"-00:01:00"}}"""), 400, "invalid-request");
        AssertProblem(await _service.PostAsync(Decide + "/d/reward", """{"value":2}"""), 400, "invalid-request");
        AssertProblem(await _service.PostAsync(Decide + "/d/reward", """{"value":"x"}"""), 400, "invalid-request");
    }

    [Fact]
    public async Task A_batch_answers_each_entry_for_itself_and_the_pages_are_there()
    {
        var (status, body) = await _service.PostAsync(Decide + "/batch", """{"decisions":[{"actions":[{"id":"a"}]},{},{"actions":[{"id":"b"}]}]}""");
        Assert.Equal(HttpStatusCode.OK, status);
        var results = body.GetProperty("results");
        Assert.Equal("a", results[0].GetProperty("actions")[0].GetProperty("id").GetString());
        Assert.Equal(422, results[1].GetProperty("status").GetInt32());
        Assert.Equal("b", results[2].GetProperty("actions")[0].GetProperty("id").GetString());
        foreach (var page in (string[])["/", "/docs/", "/openapi/v1.json", "/metrics", "/health/live", "/health/startup", "/health/ready"])
            Assert.True((await _service.Client.GetAsync(page, TestContext.Current.CancellationToken)).IsSuccessStatusCode, page);
    }

    private async Task CreateAsync(string name, string definition) =>
        Assert.Equal(HttpStatusCode.Created, (await _service.SendAsync(HttpMethod.Put, "/v1/experiments/" + name, definition)).Status);

    private static void AssertProblem((HttpStatusCode Status, JsonElement Body) answer, int status, string slug)
    {
        Assert.Equal(status, (int)answer.Status);
        Assert.Equal("urn:recsys:problem:" + slug, answer.Body.GetProperty("type").GetString());
        Assert.False(string.IsNullOrEmpty(answer.Body.GetProperty("traceId").GetString()));
        Assert.False(string.IsNullOrEmpty(answer.Body.GetProperty("detail").GetString()));
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(20), "it did not happen within 20 s");
            await Task.Delay(2);
        }
    }
}
