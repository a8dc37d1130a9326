using System.Text;
using Recsys.Api.Decisions;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Infrastructure.Experiments;
using Recsys.Learner.Training;
using Xunit;

namespace Recsys.Api.Tests.Served;

/// <summary>
/// The slow and obvious twin of everything behind the Apis: reads a whole event log once, without checkpoint, interruption or publication, and learns it.
/// Whatever was killed meanwhile, what is served must be this.
/// </summary>
public static class LogTwin
{
    /// <summary>Waits until a loop has learned all that was written, and compares what every Api serves with what the log alone teaches, bit for bit.</summary>
    /// <param name="deployment">Serves the experiment.</param>
    /// <param name="loop">The experiment; nobody decides any more.</param>
    /// <param name="least">Interactions that must have been learned at least.</param>
    /// <param name="most">Interactions that must not be exceeded.</param>
    public static async Task AssertServedAsync(IDeployment deployment, ServedLoop loop, long least, long most)
    {
        var description = await loop.DescribeAsync();
        var definition = ExperimentDefinitionReader.Read(
            Encoding.UTF8.GetBytes(description.GetProperty("definition").GetRawText()), new List<KeyValuePair<string, string>>())!;
        var experiment = new Experiment(loop.Experiment, definition, description.GetProperty("createdAt").GetDateTimeOffset().ToUnixTimeMilliseconds(), GraphHead.None);
        SortedDictionary<int, PartitionState> states;
        long decisions, served;
        do
        {
            // Every decision is activated, so each is learned once, at the latest when its window has closed.
            decisions = Decisions(Learn(experiment, deployment));
            served = await loop.SettledAsync(Math.Max(least, decisions));
            // The first look may have come before the last write.
            states = Learn(experiment, deployment);
        }
        while (Decisions(states) > decisions);
        Assert.InRange(served, least, most);
        Assert.Equal(decisions, served);
        Assert.Equal(states.Values.Sum(static s => s.Interactions), served);

        var policy = PolicyCatalog.Find(definition.Policy.Kind).Assemble(
            definition.Policy, [.. states.Select(static s => new PolicyShard(s.Key, s.Value.Interactions, s.Value.Parameters().ToArray()))]);
        foreach (var kind in Population.Kinds)
        {
            var expected = Estimates(policy, definition, kind);
            Assert.True(expected.Values.Distinct().Count() > 1, "Nothing was learned.");
            for (var api = 0; api < deployment.Apis.Count; api++)
                Assert.Equal(expected, await loop.EstimatesAsync(api, kind));
        }
    }

    private static long Decisions(SortedDictionary<int, PartitionState> states) => states.Values.Sum(static s => s.Counts.Decisions);

    private static SortedDictionary<int, PartitionState> Learn(Experiment experiment, IDeployment deployment)
    {
        var states = new SortedDictionary<int, PartitionState>();
        foreach (var record in deployment.ReadLog(experiment.Name))
        {
            if (!states.TryGetValue(record.Partition, out var state))
                states[record.Partition] = state = new PartitionState(experiment);
            state.Take(record, learns: true);
            state.Learn();
        }
        return states;
    }

    private static Dictionary<string, float> Estimates(IPolicy policy, ExperimentDefinition definition, string kind)
    {
        using var request = new DecisionWorkspace();
        DecisionRequestReader.Read(Encoding.UTF8.GetBytes(ServedLoop.Request("explain", kind)), definition, new DecisionOptions(), request);
        var means = new float[request.CandidateCount];
        policy.Estimate(new DecisionQuery(request.Context, request.Candidates, [new ClusterWeight(0, 1)]), means, new float[means.Length]);
        var estimates = new Dictionary<string, float>();
        for (var i = 0; i < means.Length; i++)
            estimates[Encoding.UTF8.GetString(request.Candidates[i].Id.Span)] = means[i];
        return estimates;
    }
}
