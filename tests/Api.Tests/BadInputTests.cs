using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>Everything wrong that a client can send, over real HTTP: each gets a problem document (RFC 9457) that says what to do, and never a 5xx.</summary>
[Collection(EmbeddedCollection.Name)]
public sealed class BadInputTests(EmbeddedDeployment deployment)
{
    private const string Demo = "/v1/experiments/demo";
    private const string Decide = Demo + "/decisions";
    private const string Batch = Decide + "/batch";
    private const string Explain = Demo + "/explain";
    private const string Reward = Decide + "/d/reward";
    private const string Rewards = Demo + "/rewards";
    private const string Define = "/v1/experiments/other";
    private const string Item = Demo + "/items/i";

    private readonly ServiceProcess _service = deployment.Api;

    public static TheoryData<string, string, string, int, string> Bodies => new()
    {
        // Not JSON.
        { "POST", Decide, "{bad", 400, "malformed-json" },
        { "POST", Decide, "", 400, "malformed-json" },
        { "POST", Decide, """{"actions":[{"id":"a"}]} trailing""", 400, "malformed-json" },
        { "POST", Decide, """{"actions":[{"id":"a"}]}{"actions":[]}""", 400, "malformed-json" },
        { "POST", Decide, """{"actions":[{"id":"a"}""", 400, "malformed-json" },
        { "POST", Decide, """{"actions":[{"id":"a","features":{"x":NaN}}]}""", 400, "malformed-json" },
        { "POST", Decide, """{"actions":[{"id":"a","features":{"x":Infinity}}]}""", 400, "malformed-json" },
        { "POST", Decide, """{"actions":[{"id":"\ud800"}]}""", 400, "malformed-json" },
        { "POST", Explain, "{bad", 400, "malformed-json" },
        { "POST", Batch, "{bad", 400, "malformed-json" },
        { "POST", Batch, """{"decisions":[]} trailing""", 400, "malformed-json" },
        { "POST", Reward, "{bad", 400, "malformed-json" },
        { "POST", Reward, "", 400, "malformed-json" },
        { "POST", Reward, """{"value":1} trailing""", 400, "malformed-json" },
        { "POST", Reward, """{"value":NaN}""", 400, "malformed-json" },
        { "POST", Rewards, "{bad", 400, "malformed-json" },
        { "PUT", Define, "{bad", 400, "malformed-json" },
        { "PUT", Define, "", 400, "malformed-json" },
        { "PUT", Define, "{} trailing", 400, "malformed-json" },
        { "PUT", Item, "{bad", 400, "malformed-json" },
        { "POST", Demo + "/items", "{bad", 400, "malformed-json" },
        { "PUT", Demo + "/clusters", "{bad", 400, "malformed-json" },

        // JSON of the wrong shape.
        { "POST", Decide, "[]", 400, "invalid-request" },
        { "POST", Decide, "null", 400, "invalid-request" },
        { "POST", Decide, """{"actions":{}}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":["a"]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":7}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"},{"id":"a"}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":""}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a\u0001"}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a","features":{"x":1e999}}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a","vector":[1,2]}]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"context":{"vector":[1]}}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"context":{"vector":[1e999]}}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"context":[]}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"count":0}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"count":1.5}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"activate":"yes"}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"decisionId":""}""", 400, "invalid-request" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"unknown":1}""", 400, "invalid-request" },
        { "POST", Batch, "[]", 400, "invalid-request" },
        { "POST", Batch, "{}", 400, "invalid-request" },
        { "POST", Reward, "{}", 400, "invalid-request" },
        { "POST", Reward, """{"value":2}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":-0.1}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":"x"}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":1e999}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":1,"action":""}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":1,"surprise":1}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":1,"time":"10:00"}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":1,"time":"2026-01-31"}""", 400, "invalid-request" },
        { "POST", Reward, """{"value":1,"time":"2026-01-31T12:00:00"}""", 400, "invalid-request" },
        { "POST", Rewards, "{}", 400, "invalid-request" },
        { "POST", Decide + "/%01/reward", """{"value":1}""", 400, "invalid-request" },
        { "POST", Decide + "/%01/activate", "", 400, "invalid-request" },
        { "PUT", Item, """{"vector":[1e999]}""", 400, "invalid-request" },
        { "PUT", Item, """{"availableFrom":"yesterday"}""", 400, "invalid-request" },
        { "PUT", Item, """{"availableFrom":"10:00"}""", 400, "invalid-request" },
        { "PUT", Item, """{"availableUntil":"2026-01-31T12:00:00"}""", 400, "invalid-request" },
        { "PUT", Demo + "/clusters", """{"centroids":[[1],[1,2]]}""", 400, "invalid-request" },

        // Definitions.
        { "PUT", Define, "[]", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"kind":"nope"}}""", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"kind":"lin-ucb","parameters":{"nope":1}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"kind":"epsilon-greedy","parameters":{"epsilon":7}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"reward":{"window":"-00:01:00"}}""", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"parameters":{"newcomerFor":"soon"}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"parameters":{"newcomerFor":7}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"parameters":{"newcomerFor":"-00:01:00"}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"policy":{"parameters":{"graduateAfter":0}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"reward":{"window":"soon"}}""", 400, "invalid-request" },
        { "PUT", Define, """{"reward":{"minimum":1,"maximum":0}}""", 400, "invalid-request" },
        { "PUT", Define, """{"features":{"context":{"vector":-1}}}""", 400, "invalid-request" },
        { "PUT", Define, """{"mode":"nope"}""", 400, "invalid-request" },
        { "PUT", Define, """{"unknown":1}""", 400, "invalid-request" },
        { "PUT", "/v1/experiments/Bad_Name", "{}", 400, "invalid-request" },
        { "PUT", "/v1/experiments/-x", "{}", 400, "invalid-request" },
        { "PUT", "/v1/experiments/" + new string('x', 64), "{}", 400, "invalid-request" },

        // Well-formed, and nothing to choose from.
        { "POST", Decide, "{}", 422, "no-actions" },
        { "POST", Decide, """{"actions":[]}""", 422, "no-actions" },
        { "POST", Decide, """{"actions":[{"id":"a"}],"excludedActions":["a"]}""", 422, "no-actions" },
        { "POST", Explain, "{}", 422, "no-actions" },

        // Nothing there.
        { "POST", "/v1/experiments/nope/decisions", """{"actions":[{"id":"a"}]}""", 404, "unknown-experiment" },
        { "POST", "/v1/experiments/nope/decisions/batch", "{}", 404, "unknown-experiment" },
        { "POST", "/v1/experiments/nope/explain", "{}", 404, "unknown-experiment" },
        { "POST", "/v1/experiments/nope/decisions/d/reward", """{"value":1}""", 404, "unknown-experiment" },
        { "POST", "/v1/experiments/nope/decisions/d/activate", "", 404, "unknown-experiment" },
        { "POST", "/v1/experiments/nope/rewards", "{}", 404, "unknown-experiment" },
        { "PUT", "/v1/experiments/nope/items/i", "{}", 404, "unknown-experiment" },
        { "PUT", "/v1/experiments/nope/clusters", "{}", 404, "unknown-experiment" },
        { "GET", "/v1/experiments/nope", "", 404, "unknown-experiment" },
        { "GET", "/v1/experiments/nope/evaluation", "", 404, "unknown-experiment" },
        { "GET", "/v1/experiments/Bad_Name", "", 404, "unknown-experiment" },
        { "DELETE", "/v1/experiments/nope", "", 404, "unknown-experiment" },
        { "GET", Demo + "/items/nope", "", 404, "unknown-item" },
        { "DELETE", Demo + "/items/nope", "", 404, "unknown-item" },
        { "POST", "/v1/nothing", "{}", 404, "not-found" },
        { "GET", "/nothing", "", 404, "not-found" },

        // The wrong method.
        { "GET", Decide, "", 405, "method-not-allowed" },
        { "PUT", Decide, "{}", 405, "method-not-allowed" },
        { "DELETE", Reward, "", 405, "method-not-allowed" },
        { "POST", Demo, "{}", 405, "method-not-allowed" },
        { "POST", "/health/live", "{}", 405, "method-not-allowed" },
    };

    /// <summary>Bodies that are too much in one way or another: what is wrong, and the answer.</summary>
    public static TheoryData<string, int, string> Excesses => new()
    {
        { "ten thousand actions", 400, "invalid-request" },
        { "a huge body", 413, "body-too-large" },
        { "a huge body of unknown length", 413, "body-too-large" },
        { "a huge definition", 413, "body-too-large" },
        { "a huge reward", 413, "body-too-large" },
        { "deep nesting", 400, "malformed-json" },
        { "deep features", 400, "invalid-request" },
        { "a deep definition", 400, "malformed-json" },
        { "a long id", 400, "invalid-request" },
        { "a thousand errors", 400, "invalid-request" },
        { "invalid UTF-8", 400, "malformed-json" },
        { "invalid UTF-8 in a reward", 400, "malformed-json" },
        { "UTF-16", 400, "malformed-json" },
        { "multipart", 415, "unsupported-media-type" },
        { "XML", 415, "unsupported-media-type" },
        { "a definition as XML", 415, "unsupported-media-type" },
        { "too many rewards", 400, "invalid-request" },
        { "too large a batch", 400, "invalid-request" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Bad_request_gets_a_problem_document(string method, string path, string body, int status, string slug)
    {
        var content = method is "GET" or "DELETE" ? null : Json(Encoding.UTF8.GetBytes(body));
        await AssertProblemAsync(new HttpMethod(method), path, content, status, slug);
    }

    [Theory]
    [MemberData(nameof(Excesses))]
    public async Task Excess_gets_a_problem_document(string what, int status, string slug)
    {
        var (method, path, content) = Excess(what);
        await AssertProblemAsync(method, path, content, status, slug);
    }

    [Fact]
    public async Task All_errors_of_a_request_are_told_at_once()
    {
        var (_, problem) = await _service.PostAsync(Decide, """{"actions":[{"id":""},{"id":"a","vector":[1]}],"count":0,"surprise":1}""");
        var errors = problem.GetProperty("errors").EnumerateObject().Select(static e => e.Name).ToList();
        Assert.Equal(4, errors.Count);
        Assert.All((string[])["actions[0].id", "actions[1].vector", "count", "surprise"], field => Assert.Contains(field, errors));
    }

    private static (HttpMethod Method, string Path, HttpContent Content) Excess(string what) => what switch
    {
        "ten thousand actions" => (HttpMethod.Post, Decide, Json(new { actions = Enumerable.Range(0, 10_000).Select(static i => new { id = "a" + i }) })),
        "a huge body" => (HttpMethod.Post, Decide, Json(new byte[2_000_000])),
        "a huge body of unknown length" => (HttpMethod.Post, Decide, new Unmeasured(2_000_000)),
        "a huge definition" => (HttpMethod.Put, Define, Json(new byte[1_000_000])),
        "a huge reward" => (HttpMethod.Post, Reward, Json(new byte[1_000_000])),
        "deep nesting" => (HttpMethod.Post, Decide, Json(Encoding.UTF8.GetBytes(new string('[', 50_000) + new string(']', 50_000)))),
        "deep features" => (HttpMethod.Post, Decide, Json("""{"actions":[{"id":"a"}],"context":{"features":{"a":{"b":{"c":1}}}}}"""u8.ToArray())),
        "a deep definition" => (HttpMethod.Put, Define, Json(Encoding.UTF8.GetBytes(
            $$"""{"policy":{{new string('[', 50_000)}}{{new string(']', 50_000)}}}"""))),
        "a long id" => (HttpMethod.Post, Decide, Json(new { actions = new[] { new { id = new string('x', 257) } } })),
        "a thousand errors" => (HttpMethod.Post, Decide, Json(new { actions = Enumerable.Range(0, 1000).Select(static _ => new { id = "" }) })),
        "invalid UTF-8" => (HttpMethod.Post, Decide, Json([.. """{"actions":[{"id":"a"""u8, 0xC3, 0x28, .. "\"}]}"u8])),
        "invalid UTF-8 in a reward" => (HttpMethod.Post, Reward, Json([.. """{"value":1,"action":"a"""u8, 0xFF, .. "\"}"u8])),
        "UTF-16" => (HttpMethod.Post, Decide, Json(Encoding.Unicode.GetBytes("""{"actions":[{"id":"a"}]}"""))),
        "multipart" => (HttpMethod.Post, Decide, new MultipartFormDataContent { { new StringContent("x"), "actions" } }),
        "XML" => (HttpMethod.Post, Decide, new StringContent("<actions/>", Encoding.UTF8, "application/xml")),
        "a definition as XML" => (HttpMethod.Put, Define, new StringContent("<policy/>", Encoding.UTF8, "text/xml")),
        "too many rewards" => (
            HttpMethod.Post, Rewards, Json(new { rewards = Enumerable.Range(0, 1001).Select(static i => new { decisionId = "d" + i, value = 1 }) })),
        "too large a batch" => (HttpMethod.Post, Batch, Json(new { decisions = Enumerable.Range(0, 257).Select(static _ => new { }) })),
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, "No such excess."),
    };

    private static ByteArrayContent Json(object value) => Json(JsonSerializer.SerializeToUtf8Bytes(value));

    private static ByteArrayContent Json(byte[] body) => new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    private async Task AssertProblemAsync(HttpMethod method, string path, HttpContent? content, int status, string slug)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var answer = await _service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == (int)answer.StatusCode, $"{(int)answer.StatusCode} instead of {status}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonSerializer.Deserialize<JsonElement>(text);
        Assert.Equal("urn:recsys:problem:" + slug, problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        foreach (var member in (string[])["title", "detail", "traceId"])
            Assert.False(string.IsNullOrWhiteSpace(problem.GetProperty(member).GetString()), $"{member} is empty in {text}");
        Assert.Equal(slug == "invalid-request", problem.TryGetProperty("errors", out var errors) && errors.EnumerateObject().Any());
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
    }

    /// <summary>Spaces of an unannounced length.</summary>
    private sealed class Unmeasured : HttpContent
    {
        private readonly int _length;

        public Unmeasured(int length)
        {
            _length = length;
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            var spaces = new byte[_length];
            Array.Fill(spaces, (byte)' ');
            return stream.WriteAsync(spaces, 0, spaces.Length);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
