using System.Text;
using Recsys.Api.Experiments;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Api.Catalogue;

/// <summary>Looks at every newcomer of one experiment and says which of them leave.</summary>
public static class NewcomerPass
{
    /// <summary>The newcomers of the serving graph that leave: those that graduate with the ids of the clusters that rank them from now on, those that retire with none.</summary>
    /// <param name="runtime">The experiment.</param>
    /// <param name="now">Unix milliseconds.</param>
    /// <returns>Empty where there is nothing to be ranked by: no clusters, or neither vectors nor given edges.</returns>
    public static Dictionary<ActionKey, int[]> Leaving(ExperimentRuntime runtime, long now)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        var leaving = new Dictionary<ActionKey, int[]>();
        var (definition, catalogue) = (runtime.Experiment.Definition, runtime.Catalogue);
        var sizes = definition.Graph;
        var graph = catalogue.Served.Graph;
        if (graph.Dimension == 0 || (definition.Features.ActionVector == 0 && catalogue.Plan.Plan.Rows is null))
            return leaving;
        var statistics = runtime.Slot.Current.Policy is IEdgeStatistics { HasEdgeStatistics: true } known ? known : null;
        var medians = new Dictionary<int, double?>();
        foreach (var item in graph.Items)
        {
            if (!graph.IsNewcomer(item.Key) || catalogue.Find(Encoding.UTF8.GetString(item.Id.Span)) is not { } entry)
                continue;
            var age = TimeSpan.FromMilliseconds(now - Math.Max(entry.FirstPut ?? now, item.AvailableFrom ?? long.MinValue));
            long interactions = statistics?.TryRead(item.Key, out var learned) == true ? learned.Interactions : 0;
            if (interactions < sizes.GraduateAfter)
            {
                if (Graduation.Decide(age, sizes.NewcomerFor, interactions, sizes.GraduateAfter, null, null) == NewcomerVerdict.Retires)
                    leaving[item.Key] = [];
                continue;
            }
            // Only what has interactions enough is looked for in the rows, which takes a while. It may be good enough for some of its clusters.
            int[] ranking =
            [
                .. graph.EdgesOf(item.Key).Select(static edge => edge.Cluster).Where(cluster => statistics!.TryRead(cluster, item.Key, out var edge)
                    && Graduation.Decide(age, sizes.NewcomerFor, interactions, sizes.GraduateAfter, edge.Mean, MedianOf(cluster)) == NewcomerVerdict.Graduates),
            ];
            leaving[item.Key] = ranking;
        }
        return leaving;

        double? MedianOf(int cluster) => medians.TryGetValue(cluster, out var median) ? median : medians[cluster] = Median(cluster, graph, statistics!, now);
    }

    /// <summary>The median of what the items that a cluster ranks are expected to earn, of those that anything was learned about.</summary>
    private static double? Median(int cluster, ClusterGraph graph, IEdgeStatistics statistics, long now)
    {
        const int RowMax = 1000;
        var row = new Candidate[RowMax];
        var count = graph.Propose([new ClusterWeight(cluster, 1)], now, 0, row, new int[ClusterGraph.ScratchLength(RowMax)]);
        var means = new List<float>(count);
        foreach (var candidate in row.AsSpan(0, count))
        {
            if (!graph.IsNewcomer(candidate.Key) && statistics.TryRead(cluster, candidate.Key, out var learned))
                means.Add(learned.Mean);
        }
        return Graduation.Median(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(means));
    }
}
