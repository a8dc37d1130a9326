using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Random interactions of a small graph.</summary>
internal static class EdgeLogs
{
    public static Interaction[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Interaction($"a{random.Next(20)}", random.Next(3) == 0 ? random.NextSingle() : random.Next(2), Clusters(random)))];
    }

    /// <summary>One to four clusters of eight, weights falling and adding to 1, none below 0.01.</summary>
    public static ClusterWeight[] Clusters(Random random, int of = 8)
    {
        var clusters = Enumerable.Range(0, of).OrderBy(_ => random.Next()).Take(random.Next(1, 5)).ToArray();
        var weights = clusters.Select(_ => 0.05 + random.NextDouble()).OrderDescending().ToArray();
        return [.. clusters.Select((c, i) => new ClusterWeight(c, (float)(weights[i] / weights.Sum())))];
    }

    public static Interaction Interaction(string action, float reward, params ClusterWeight[] clusters) =>
        new(default, ActionKey.Of(action), default, clusters, 1, reward, 0);
}
