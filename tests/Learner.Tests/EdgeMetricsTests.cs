using Prometheus;
using Recsys.Learner.Telemetry;

namespace Recsys.Learner.Tests;

/// <summary>What is exported about the table of a policy with statistics per edge, and that others export none.</summary>
public sealed class EdgeMetricsTests
{
    [Fact]
    public async Task Gauges_of_edges_exist_for_policies_that_have_edges_and_go_with_the_partition()
    {
        var registry = Metrics.NewCustomRegistry();
        var metrics = new LearnerMetrics(Metrics.WithCustomRegistry(registry));
        var counts = default(Bandits.Interactions.JoinCounts) with { Positions = 40, Settled = 10 };
        var linear = metrics.For("linear", 0);
        linear.Report(counts);
        var edges = metrics.For("edges", 3);
        edges.Report(counts);
        edges.Report(counts, edges: 60, refusedUpdates: 7);

        var text = await TextAsync();
        Assert.Contains("recsys_impressions_in_flight{experiment=\"linear\",partition=\"0\"} 30", text);
        Assert.DoesNotContain("recsys_learner_edges{experiment=\"linear\"", text);
        Assert.Contains("recsys_learner_edges{experiment=\"edges\",partition=\"3\"} 60", text);
        Assert.Contains("recsys_impressions_per_edge_in_flight{experiment=\"edges\",partition=\"3\"} 0.5", text);
        Assert.Contains("recsys_learner_refused_updates{experiment=\"edges\",partition=\"3\"} 7", text);

        linear.Stop();
        edges.Stop();
        text = await TextAsync();
        Assert.DoesNotContain("partition=", text);

        async Task<string> TextAsync()
        {
            using var stream = new MemoryStream();
            await registry.CollectAndExportAsTextAsync(stream, TestContext.Current.CancellationToken);
            return System.Text.Encoding.UTF8.GetString(stream.ToArray());
        }
    }
}
