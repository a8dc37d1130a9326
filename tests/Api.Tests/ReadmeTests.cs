using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Recsys.Api.Tests.Served;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>The README's first decision and first reward, as printed, against a service that has just been started for the first time.</summary>
public sealed class ReadmeTests(EmbeddedDeployment newcomer) : IClassFixture<EmbeddedDeployment>
{
    [Fact]
    public async Task First_decision_and_first_reward_do_what_the_page_says()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Root(), "README.md"), TestContext.Current.CancellationToken);
        var section = readme[readme.IndexOf("## First decision, first reward", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n## ", 3, StringComparison.Ordinal)];
        var commands = Blocks(section, "bash");
        var printed = Blocks(section, "json").ConvertAll(static b => JsonSerializer.Deserialize<JsonElement>(b));
        Assert.Equal(4, commands.Count);
        Assert.Equal(2, printed.Count);

        var (decided, decision) = await RunAsync(commands[0]);
        Assert.Equal(HttpStatusCode.OK, decided);
        AssertLike(printed[0], decision);

        var (rewarded, _) = await RunAsync(commands[1]);
        Assert.Equal(HttpStatusCode.Accepted, rewarded);

        JsonElement explanation = default;
        await Eventually.IsTrueAsync(
            async () => (explanation = (await RunAsync(commands[2])).Body).GetProperty("policyVersion").GetInt64() == 1,
            static () => "the first reward was served");
        AssertLike(printed[1], explanation);
        // "The action that was rewarded is expected to earn more now; but of the others nothing is known yet, so they are tried first."
        var rewardedAction = decision.GetProperty("actions")[0].GetProperty("id").GetString();
        var explained = explanation.GetProperty("actions").EnumerateArray().ToList();
        Assert.Equal(rewardedAction, explained.MaxBy(static a => a.GetProperty("estimate").GetDouble()).GetProperty("id").GetString());
        Assert.Equal(rewardedAction, explained.MinBy(static a => a.GetProperty("propensity").GetDouble()).GetProperty("id").GetString());

        var (defined, _) = await RunAsync(commands[3]);
        Assert.Equal(HttpStatusCode.Created, defined);
    }

    /// <summary>Every member that the page shows is there with the same value. Ages, and ids that the service makes up, are those of the moment.</summary>
    private static void AssertLike(JsonElement printed, JsonElement real, string name = "")
    {
        Assert.Equal(printed.ValueKind, real.ValueKind);
        switch (printed.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in printed.EnumerateObject())
                {
                    Assert.True(real.TryGetProperty(member.Name, out var value), $"The answer has no '{member.Name}'.");
                    AssertLike(member.Value, value, member.Name);
                }
                break;
            case JsonValueKind.Array:
                Assert.Equal(printed.GetArrayLength(), real.GetArrayLength());
                foreach (var (p, r) in printed.EnumerateArray().Zip(real.EnumerateArray()))
                    AssertLike(p, r, name);
                break;
            case JsonValueKind.String when name == "decisionId" && Guid.TryParseExact(printed.GetString(), "N", out _):
                Assert.True(Guid.TryParseExact(real.GetString(), "N", out _), $"'{real}' is no id that the service makes up.");
                break;
            case JsonValueKind.Number when name == "parameterAgeSeconds":
                Assert.InRange(real.GetDouble(), 0, 10);
                break;
            case JsonValueKind.Number:
                Assert.True(Math.Abs(printed.GetDouble() - real.GetDouble()) < 1e-5, $"'{name}' is {real}, and the README shows {printed}.");
                break;
            default:
                Assert.True(printed.ToString() == real.ToString(), $"'{name}' is {real}, and the README shows {printed}.");
                break;
        }
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> RunAsync(string command)
    {
        var curl = Curl(command);
        using var request = new HttpRequestMessage(curl.Method, curl.Path) { Content = new StringContent(curl.Body, Encoding.UTF8, "application/json") };
        using var answer = await newcomer.Api.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return (answer.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    private static (HttpMethod Method, string Path, string Body) Curl(string command)
    {
        const string Address = "http://127.0.0.1:5080";
        Assert.StartsWith("curl ", command, StringComparison.Ordinal);
        var from = command.IndexOf(Address, StringComparison.Ordinal) + Address.Length;
        var data = command.IndexOf("-d '", StringComparison.Ordinal) + 4;
        return (
            command.Contains("-X PUT", StringComparison.Ordinal) ? HttpMethod.Put : HttpMethod.Post,
            command[from..command.IndexOf(' ', from)],
            command[data..command.LastIndexOf('\'')]);
    }

    private static List<string> Blocks(string text, string language) =>
        [.. Regex.Matches(text, $"```{language}\n(.*?)```", RegexOptions.Singleline, TimeSpan.FromSeconds(10)).Select(static m => m.Groups[1].Value.Trim())];

    private static string Root()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Recsys.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new FileNotFoundException("Recsys.sln is in no directory above the tests.");
        return directory;
    }
}
