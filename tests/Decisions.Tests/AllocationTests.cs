using System.Diagnostics;
using System.Text.Json;
using Recsys.Bandits.Policies;
using Recsys.Infrastructure.Experiments;
using Xunit;

namespace Recsys.Decisions.Tests;

/// <summary>The budget of a decision, from the bytes of the request to the bytes of the answer, with a warm workspace: nothing is allocated.</summary>
public sealed class AllocationTests
{
    public static TheoryData<string, CandidateSource, int> Decisions
    {
        get
        {
            var all = new TheoryData<string, CandidateSource, int>();
            foreach (var kind in PolicyCatalog.Kinds.Keys)
            {
                foreach (var candidates in (int[])[2, 20, 300])
                {
                    all.Add(kind, CandidateSource.Request, candidates);
                    all.Add(kind, CandidateSource.Catalogue, candidates);
                }
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Decisions))]
    public void A_decision_allocates_nothing(string kind, CandidateSource source, int candidates)
    {
        using var rig = new DecisionRig(kind, source, candidates);
        AssertNothingAllocated(rig);
    }

    [Theory]
    [InlineData(ExperimentMode.Apprentice)]
    [InlineData(ExperimentMode.Logging)]
    public void Neither_do_the_other_modes(ExperimentMode mode)
    {
        using var rig = new DecisionRig("linear-square-cb", CandidateSource.Request, 20, mode: mode);
        AssertNothingAllocated(rig);
    }

    [Fact]
    public void Neither_does_a_decision_within_a_trace()
    {
        // As in a request of ASP.NET Core: metrics look at the current activity.
        using var rig = new DecisionRig("linear-square-cb", CandidateSource.Request, 20);
        using var activity = new Activity("request").Start();
        activity.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        AssertNothingAllocated(rig);
    }

    [Theory]
    [InlineData(CandidateSource.Request)]
    [InlineData(CandidateSource.Catalogue)]
    public void The_decisions_measured_are_real(CandidateSource source)
    {
        using var rig = new DecisionRig("lin-ucb", source, 20);
        var before = rig.Logged;
        for (var request = 0; request < rig.Requests.Count; request++)
        {
            rig.Run(request);
            using var answer = JsonDocument.Parse(rig.Answer);
            var root = answer.RootElement;
            Assert.Equal("decision-" + request, root.GetProperty("decisionId").GetString());
            Assert.Equal("lin-ucb", root.GetProperty("policy").GetString());
            Assert.True(root.GetProperty("policyVersion").GetInt64() > 0);
            Assert.Equal(JsonValueKind.Null, root.GetProperty("fallback").ValueKind);
            Assert.Equal(1 + (request % 3), root.GetProperty("actions").GetArrayLength());
            Assert.All(root.GetProperty("actions").EnumerateArray(), a =>
            {
                Assert.InRange(a.GetProperty("propensity").GetDouble(), 1e-9, 1);
                if (source == CandidateSource.Request)
                    Assert.NotEqual("item-0", a.GetProperty("id").GetString());
            });
        }
        Assert.Equal(before + rig.Requests.Count, rig.Logged);
    }

    private static void AssertNothingAllocated(DecisionRig rig)
    {
        // The workspace grows, code is compiled again and again until for good, and what the runtime does once may fall into any pass. What a decision
        // itself allocates is there in every one of them.
        const int PassesMax = 20;
        var (total, steps) = (1L, (Read: 0L, Decide: 0L, Write: 0L));
        for (var pass = 0; pass < PassesMax && total > 0; pass++)
            Pass(rig, out total, out steps);
        Assert.True(total == 0, $"{total} bytes in {rig.Requests.Count} decisions of every pass; of the last: {steps.Read} reading, {steps.Decide} deciding, {steps.Write} writing.");
    }

    private static void Pass(DecisionRig rig, out long total, out (long Read, long Decide, long Write) steps)
    {
        steps = default;
        for (var request = 0; request < rig.Requests.Count; request++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            rig.Read(request);
            var read = GC.GetAllocatedBytesForCurrentThread();
            rig.Decide();
            var decided = GC.GetAllocatedBytesForCurrentThread();
            rig.Write();
            var written = GC.GetAllocatedBytesForCurrentThread();
            steps = (steps.Read + read - before, steps.Decide + decided - read, steps.Write + written - decided);
        }
        total = steps.Read + steps.Decide + steps.Write;
    }
}
