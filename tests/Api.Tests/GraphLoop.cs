using System.Globalization;
using System.Net;
using System.Text.Json;
using Recsys.Api.Tests.Served;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>An experiment that decides from a graph, as its owner and its clients use it.</summary>
public sealed class GraphLoop
{
    private GraphLoop(IReadOnlyList<ServiceProcess> apis, string experiment) => (Apis, Path) = (apis, "/v1/experiments/" + experiment);

    public IReadOnlyList<ServiceProcess> Apis { get; }

    public string Path { get; }

    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    private ServiceProcess Api => Apis[0];

    /// <summary>Creates the experiment; one nearest cluster decides unless parameters say otherwise.</summary>
    public static async Task<GraphLoop> CreateAsync(
        IReadOnlyList<ServiceProcess> apis, string prefix, string parameters = "\"clustersPerUser\":1,\"itemsPerCluster\":3", string kind = "diag-lin-ucb", int dimension = 2)
    {
        var loop = new GraphLoop(apis, TestBroker.Unique(prefix));
        var (status, body) = await apis[0].SendAsync(HttpMethod.Put, loop.Path, $$$"""
            {"candidates":"catalogue","policy":{"kind":"{{{kind}}}","parameters":{ {{{parameters}}} } },"reward":{"window":"00:00:30"},
             "features":{"context":{"vector":{{{dimension}}} },"action":{"vector":{{{dimension}}} } } }
            """);
        Assert.True(status == HttpStatusCode.Created, $"{status} {body}");
        foreach (var api in apis)
            await Eventually.IsTrueAsync(async () => (await api.SendAsync(HttpMethod.Get, loop.Path)).Status == HttpStatusCode.OK, static () => "every Api knew the experiment");
        return loop;
    }

    public async Task ItemsAsync(params (string Id, float[] Vector)[] items)
    {
        foreach (var some in items.Chunk(5000))
        {
            var (status, body) = await Api.PostAsync(
                Path + "/items", JsonSerializer.Serialize(new { items = some.Select(static i => new { id = i.Id, vector = i.Vector }) }));
            Assert.True(status == HttpStatusCode.Accepted, $"{status} {body}");
        }
        foreach (var api in Apis)
        {
            await Eventually.IsTrueAsync(
                async () => (await GraphAsync(api)).GetProperty("items").GetInt32() >= items.Length, static () => "every Api had the items in its graph");
        }
    }

    public Task<(HttpStatusCode Status, JsonElement Body)> ClustersAsync(object body) =>
        Api.SendAsync(HttpMethod.Put, Path + "/clusters", body as string ?? JsonSerializer.Serialize(body));

    /// <summary>Puts clusters, waits until every Api serves them, and returns the version.</summary>
    public async Task<long> ServeAsync(object body)
    {
        var (status, answer) = await ClustersAsync(body);
        Assert.True(status == HttpStatusCode.Accepted, $"{status} {answer}");
        var version = answer.GetProperty("version").GetInt64();
        await ServedAsync(version);
        return version;
    }

    public async Task ServedAsync(long version)
    {
        foreach (var api in Apis)
            await Eventually.IsTrueAsync(async () => (await GraphAsync(api)).GetProperty("version").GetInt64() == version, () => $"version {version} was served");
    }

    public async Task<JsonElement> GraphAsync(ServiceProcess? api = null) => (await (api ?? Api).GetAsync(Path)).GetProperty("graph");

    /// <summary>The clusters that a user is in.</summary>
    public async Task<int[]> ClustersOfAsync(ServiceProcess api, params float[] vector) =>
        [.. (await ExplainAsync(api, vector)).GetProperty("clusters").EnumerateArray().Select(static c => c.GetProperty("cluster").GetInt32())];

    /// <summary>What is proposed to a user.</summary>
    public async Task<List<string>> ProposedAsync(ServiceProcess api, params float[] vector) => Ids(await ExplainAsync(api, vector));

    public async Task<JsonElement> ExplainAsync(ServiceProcess api, float[] vector)
    {
        var (status, body) = await api.PostAsync(Path + "/explain", Request(vector));
        // A catalogue without anything to propose is no mistake of the request's form.
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.UnprocessableEntity, $"{status} {body}");
        return status == HttpStatusCode.OK ? body : JsonSerializer.Deserialize<JsonElement>("""{"actions":[],"clusters":[]}""");
    }

    public async Task<List<string>> DecideAsync(ServiceProcess api, string decisionId, float[] vector, int count = 1)
    {
        var (status, body) = await api.PostAsync(Path + "/decisions", Request(vector, decisionId, count));
        Assert.True(status == HttpStatusCode.OK, $"{status} {body}");
        return Ids(body);
    }

    public async Task RewardAsync(string decisionId, double value) => Assert.Equal(
        HttpStatusCode.Accepted, (await Api.PostAsync($"{Path}/decisions/{decisionId}/reward", JsonSerializer.Serialize(new { value }))).Status);

    public Task<(HttpStatusCode Status, JsonElement Body)> StatisticsAsync(string item, string query = "") =>
        Api.SendAsync(HttpMethod.Get, $"{Path}/items/{Uri.EscapeDataString(item)}/statistics{query}");

    /// <summary>The value of a metric of this experiment, 0 where it has none.</summary>
    public async Task<double> MetricAsync(string name, string labels = "")
    {
        var series = $"{name}{{experiment=\"{Name}\"{labels}}} ";
        var line = (await Api.Client.GetStringAsync("/metrics")).Split('\n').FirstOrDefault(l => l.StartsWith(series, StringComparison.Ordinal));
        return line is null ? 0 : double.Parse(line.AsSpan(series.Length), CultureInfo.InvariantCulture);
    }

    public async Task DeleteAsync() => Assert.Equal(HttpStatusCode.NoContent, (await Api.SendAsync(HttpMethod.Delete, Path)).Status);

    private static string Request(float[] vector, string? decisionId = null, int count = 1) =>
        JsonSerializer.Serialize(new { decisionId, context = new { vector }, count });

    private static List<string> Ids(JsonElement answer) => [.. answer.GetProperty("actions").EnumerateArray().Select(static a => a.GetProperty("id").GetString()!)];
}
