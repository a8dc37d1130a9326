using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Infrastructure.Tests;

/// <summary>Plans to store.</summary>
public static class GraphPlans
{
    /// <summary>Three clusters, one of them without an edge.</summary>
    public static GraphPlan Sample(long version) => new(
        version, [[0.1f, -2f], [3f, float.Epsilon], [0, 0]], [4, 1, 7],
        [[ActionKey.Of("a"), ActionKey.Of("b")], [], [ActionKey.Of("b"), ActionKey.Of("c"), ActionKey.Of("a")]]);

    /// <summary>The experiment moved to a plan, and the plan's bytes.</summary>
    public static (Experiment Experiment, byte[] Blob) On(Experiment experiment, GraphPlan plan, int next = 8)
    {
        var (blob, checksum) = GraphPlanCodec.Write(plan);
        return (experiment with { Graph = new GraphHead(plan.Version, checksum, next) }, blob);
    }

    /// <summary>Everything in a plan, comparable.</summary>
    public static string Text(GraphPlan plan) => string.Join(
        "|", plan.Version, string.Join(' ', plan.ClusterIds), string.Join(' ', plan.Centroids.Select(static c => string.Join(',', c.Select(BitConverter.SingleToUInt32Bits)))),
        plan.Rows is null ? "ranked here" : string.Join(' ', plan.Rows.Select(static r => "[" + string.Join(',', r.Select(static k => k.Value)) + "]")));
}
