using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Api.Tests.Served;

/// <summary>One decision as its client saw it.</summary>
/// <param name="Round">Which.</param>
/// <param name="Api">Who answered.</param>
/// <param name="Life">Which of its lives that was.</param>
/// <param name="Version">Interactions that the parameters had learned from.</param>
/// <param name="AgeSeconds">Their age.</param>
/// <param name="Fallback">Why it was decided without parameters, or null.</param>
/// <param name="Value">What its action earned; null when no reward was sent.</param>
public sealed record Turn(int Round, int Api, int Life, long Version, double AgeSeconds, string? Fallback, int? Value);

/// <summary>
/// Drives one experiment through HTTP as its clients would: users come, get an action, and their rewards go to whichever Api. The same driver for
/// every deployment, so that the same is asked of each.
/// </summary>
public sealed class ServedLoop
{
    // Enough to keep two cores busy, few enough that a busy machine still answers within its parameters' age.
    private const int ClientsAtOnce = 4;

    private const string Ask = """{"actions":[{"id":"short"},{"id":"long"}],"activate":false}""";

    private readonly IDeployment _deployment;
    private readonly bool[] _away;

    private ServedLoop(IDeployment deployment, string experiment)
    {
        (_deployment, Experiment) = (deployment, experiment);
        _away = new bool[deployment.Apis.Count];
    }

    /// <summary>Name of the experiment.</summary>
    public string Experiment { get; }

    private IReadOnlyList<ServiceProcess> Apis => _deployment.Apis;

    private string Path => "/v1/experiments/" + Experiment;

    /// <summary>Creates an experiment and waits until it is learned and every Api serves its first parameters.</summary>
    public static async Task<ServedLoop> CreateAsync(IDeployment deployment, string prefix, string definition = "{}")
    {
        var loop = new ServedLoop(deployment, TestBroker.Unique(prefix));
        var (status, body) = await loop.Apis[0].SendAsync(HttpMethod.Put, loop.Path, definition);
        Assert.True(status == HttpStatusCode.Created, $"{status} {body}");
        await deployment.LearnersReadyAsync(loop.Experiment);
        foreach (var api in loop.Apis)
        {
            await Eventually.IsTrueAsync(
                async () => await api.PostAsync(loop.Path + "/explain", Ask) is (HttpStatusCode.OK, var answer)
                    && answer.GetProperty("fallback").ValueKind == JsonValueKind.Null && answer.GetProperty("parameterAgeSeconds").GetDouble() < 1,
                () => "every Api served the parameters of a new experiment");
        }
        return loop;
    }

    /// <summary>Deletes the experiment, so that nobody works for it any longer.</summary>
    public async Task DeleteAsync() => Assert.Equal(HttpStatusCode.NoContent, (await Apis[0].SendAsync(HttpMethod.Delete, Path)).Status);

    /// <summary>Lets users come, several at once, and sends their rewards.</summary>
    /// <param name="first">The first round.</param>
    /// <param name="count">Rounds.</param>
    /// <param name="delivery">How the reward of a round travels.</param>
    /// <param name="when">Called when a round begins, while other users are being served.</param>
    /// <returns>All turns by round.</returns>
    public async Task<IReadOnlyList<Turn>> DriveAsync(int first, int count, Func<int, Delivery> delivery, Func<int, Task>? when = null)
    {
        var turns = new Turn[count];
        var next = first - 1;
        await Task.WhenAll(Enumerable.Range(0, ClientsAtOnce).Select(_ => Task.Run(async () =>
        {
            var versions = new Dictionary<(int Api, int Life), long>();
            for (var round = Interlocked.Increment(ref next); round < first + count; round = Interlocked.Increment(ref next))
            {
                if (when is not null)
                    await when(round);
                var turn = turns[round - first] = await TurnAsync(round, delivery(round));
                // One client's decisions come one after another, so what an Api has shown it once stays shown as long as that process lives.
                var shown = versions.GetValueOrDefault((turn.Api, turn.Life));
                Assert.True(turn.Version >= shown, $"Api {turn.Api} went back from version {shown} to {turn.Version} ({turn.Fallback ?? "no fallback"}).");
                versions[(turn.Api, turn.Life)] = turn.Version;
            }
        })));
        return turns;
    }

    /// <summary>One reward at a time: milliseconds from its 202 until an Api decides with parameters that know it.</summary>
    /// <param name="samples">Rewards; the experiment has learned nothing before.</param>
    /// <returns>Until the first Api does, and until every Api does.</returns>
    public async Task<(Percentiles First, Percentiles Every)> FreshnessAsync(int samples)
    {
        List<double> first = [], every = [];
        for (var sample = 0; sample < samples; sample++)
        {
            var id = $"fresh-{sample}";
            await DecideAsync(sample % Apis.Count, Request(id, "mobile"));
            await RewardAsync((sample + 1) % Apis.Count, id, 1);
            var accepted = Stopwatch.GetTimestamp();
            var known = sample;
            var delays = await Task.WhenAll(Apis.Select(async api =>
            {
                await Eventually.IsTrueAsync(
                    async () => (await api.PostAsync(Path + "/decisions", Ask)).Body.GetProperty("policyVersion").GetInt64() > known,
                    () => $"reward {known} was served");
                return Stopwatch.GetElapsedTime(accepted).TotalMilliseconds;
            }));
            first.Add(delays.Min());
            every.Add(delays.Max());
        }
        return (new Percentiles(first), new Percentiles(every));
    }

    /// <summary>Waits until every Api serves what was learned from everything written so far, and says from how many interactions that was.</summary>
    /// <param name="least">What must have been learned at least; windows may still have to close.</param>
    public async Task<long> SettledAsync(long least)
    {
        var versions = new HashSet<long>();
        foreach (var api in Apis)
        {
            long version = 0;
            await Eventually.IsTrueAsync(
                async () => (version = (await ExplainAsync(api)).GetProperty("policyVersion").GetInt64()) >= least,
                () => $"{least} interactions were served: there are {version}");
        }
        // Parameters that are as of a later time than the last write reflect the last write, and whatever was learned twice.
        var written = DateTimeOffset.UtcNow;
        foreach (var api in Apis)
        {
            await Eventually.IsTrueAsync(
                async () =>
                {
                    var asked = DateTimeOffset.UtcNow;
                    var answer = await ExplainAsync(api);
                    if (asked.AddSeconds(-answer.GetProperty("parameterAgeSeconds").GetDouble()) <= written)
                        return false;
                    versions.Add(answer.GetProperty("policyVersion").GetInt64());
                    return true;
                },
                () => "the served parameters became those of now");
        }
        return Assert.Single(versions);
    }

    /// <summary>The experiment as an Api describes it.</summary>
    public Task<JsonElement> DescribeAsync() => Apis[0].GetAsync(Path);

    /// <summary>Every candidate's estimate for a kind of user, as an Api would decide now.</summary>
    public async Task<Dictionary<string, float>> EstimatesAsync(int api, string kind)
    {
        var (status, answer) = await Apis[api].PostAsync(Path + "/explain", Request("explain", kind));
        Assert.Equal(HttpStatusCode.OK, status);
        return answer.GetProperty("actions").EnumerateArray()
            .ToDictionary(static a => a.GetProperty("id").GetString()!, static a => a.GetProperty("estimate").GetSingle());
    }

    /// <summary>A decision of an Api; fails unless it is one.</summary>
    public async Task<JsonElement> DecideAsync(int api, string request)
    {
        var (status, answer) = await Apis[api].PostAsync(Path + "/decisions", request);
        Assert.True(status == HttpStatusCode.OK, $"{status} {answer}");
        return answer;
    }

    /// <summary>Sends a reward to an Api; fails unless it is accepted.</summary>
    public async Task RewardAsync(int api, string decisionId, int value)
    {
        var (status, answer) = await Apis[api].PostAsync($"{Path}/decisions/{decisionId}/reward", $$"""{"value":{{value}}}""");
        Assert.True(status == HttpStatusCode.Accepted, $"{status} {answer}");
    }

    /// <summary>What a user of a kind asks for.</summary>
    public static string Request(string decisionId, string kind) => JsonSerializer.Serialize(new
    {
        decisionId,
        context = new { features = new { device = kind } },
        actions = Population.Actions.Select(static id => new { id }),
    });

    private async Task<JsonElement> ExplainAsync(ServiceProcess api) => (await api.PostAsync(Path + "/explain", Ask)).Body;

    private async Task<Turn> TurnAsync(int round, Delivery delivery)
    {
        var id = $"r{round}";
        var preferred = (int)(Population.Uniform(round, 3) * Apis.Count);
        var (api, (life, answer)) = await TryAsync(preferred, async api => (Apis[api].Starts, await DecideAsync(api, Request(id, Population.Kind(round)))));
        var value = Population.Reward(round, answer.GetProperty("actions")[0].GetProperty("id").GetString()!);
        Task Send(int to) => TryAsync(to, async at =>
        {
            await RewardAsync(at, id, value);
            return 0;
        });
        if (delivery is Delivery.Here or Delivery.Everywhere)
            await Send(api);
        if (delivery is Delivery.Elsewhere)
            await Send((api + 1) % Apis.Count);
        if (delivery is Delivery.Everywhere)
            await Task.WhenAll(Enumerable.Range(0, Apis.Count).Select(Send));
        return new Turn(
            round, api, life, answer.GetProperty("policyVersion").GetInt64(), answer.GetProperty("parameterAgeSeconds").GetDouble(),
            answer.GetProperty("fallback").GetString(), delivery == Delivery.Nowhere ? null : value);
    }

    // What a load balancer does: an Api that does not answer, or is not ready, is passed over, and the same request goes to the next.
    private async Task<(int Api, T Answer)> TryAsync<T>(int preferred, Func<int, Task<T>> send)
    {
        var waited = Stopwatch.StartNew();
        for (var api = preferred; ; api = (api + 1) % Apis.Count)
        {
            try
            {
                if (Volatile.Read(ref _away[api]))
                {
                    // Not at once again: somebody has to have the processor to get ready.
                    await Task.Delay(10);
                    using var probe = await Apis[api].Client.GetAsync("/health/ready");
                    if (!probe.IsSuccessStatusCode)
                        continue;
                    Volatile.Write(ref _away[api], false);
                }
                return (api, await send(api));
            }
            catch (Exception problem) when (problem is HttpRequestException or IOException && waited.Elapsed < Eventually.Patience)
            {
                Apis[api].AssertNotEnded();
                Volatile.Write(ref _away[api], true);
            }
        }
    }
}
