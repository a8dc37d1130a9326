using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.DiagLinUcb;
using Recsys.Bandits.Randomness;

namespace Recsys.Benchmarks;

/// <summary>
/// Catalogues of the size that Online Matching speaks of, too large to be set up once per benchmark: measured in one go, on one core, by the median of many single
/// calls. Vectors lie around topics, as those of users and items do.
/// </summary>
internal static class LargeCatalogue
{
    private const int Dimension = 64, Topics = 300;
    private const float Spread = 0.8f;
    private const long Now = 1_760_000_000_000;

    /// <summary>Prints everything; takes some minutes and 2 GiB.</summary>
    public static void Run()
    {
        Search();
        Decision(grouped: true, ["thompson", "optimistic"], alpha: "0.1");
        Decision(grouped: false, ["thompson"], alpha: "1");
        Distribution();
        Graph(given: false);
        Graph(given: true);
    }

    /// <summary>Nearest clusters through two levels against a look at all.</summary>
    private static void Search()
    {
        const int Clusters = 30_000, PerUser = 5, Users = 2000;
        foreach (var grouped in (bool[])[true, false])
        {
            var random = new Random(1);
            var topics = Vectors(random, Topics, null);
            var centroids = Vectors(random, Clusters, grouped ? topics : null);
            var users = Vectors(random, Users, grouped ? topics : null);
            var started = Stopwatch.GetTimestamp();
            var graph = GraphBuilder.Build(centroids, [], 1);
            var built = Stopwatch.GetElapsedTime(started);
            var into = new ClusterWeight[PerUser];
            double found = 0;
            foreach (var user in users)
            {
                graph.AssignClusters(user, PerUser, 1000, into);
                var scores = Array.ConvertAll(centroids, c => System.Numerics.Tensors.TensorPrimitives.Dot<float>(c, user));
                var nearest = Enumerable.Range(0, Clusters).OrderByDescending(c => scores[c]).Take(PerUser).ToHashSet();
                found += into.Count(c => nearest.Contains(c.Cluster));
            }
            var next = 0;
            var two = Median(Users, () => graph.AssignClusters(users[next++ % Users], PerUser, 0.1, into));
            var all = Median(Users, () => BruteForce(centroids, users[next++ % Users], into));
            Say($"search {Clusters} x {Dimension}, {(grouped ? "around topics" : "random directions")}: recall@{PerUser} {found / (Users * PerUser):F3}, {two:F0} us, "
                + $"all with TensorPrimitives.Dot {all:F0} us, ratio {all / two:F1}; laid out in {built.TotalMilliseconds:F0} ms");
        }
    }

    private static void BruteForce(float[][] centroids, float[] user, ClusterWeight[] into)
    {
        var count = 0;
        for (var c = 0; c < centroids.Length; c++)
        {
            var score = System.Numerics.Tensors.TensorPrimitives.Dot<float>(centroids[c], user);
            if (count == into.Length && !(score > into[count - 1].Weight))
                continue;
            var at = count < into.Length ? count++ : count - 1;
            for (; at > 0 && score > into[at - 1].Weight; at--)
                into[at] = into[at - 1];
            into[at] = new ClusterWeight(c, score);
        }
    }

    /// <summary>
    /// The pure part of a decision, step by step: 30,000 clusters, five of them for a user, 200 items each, every edge known. Where vectors lie around topics, the clusters
    /// of a user have many items in common; where they point anywhere, hardly one.
    /// </summary>
    private static void Decision(bool grouped, string[] selections, string alpha)
    {
        const int Clusters = 30_000, Items = 100_000, Width = 200, PerUser = 5, Users = 2000;
        const double Temperature = 0.1;
        var random = new Random(2);
        var topics = grouped ? Vectors(random, Topics, null) : null;
        var graph = GraphBuilder.Build(Vectors(random, Clusters, topics), Catalogue(random, Items, topics), Width);
        var users = Vectors(random, Users, topics);
        foreach (var selection in selections)
        {
            var spec = Scene.Spec("diag-lin-ucb", new("selection", selection), new("alpha", alpha), new("edgesMax", "20000000"));
            var policy = PolicyCatalog.Find(spec.Kind).Assemble(spec, [Known(graph, random)]);
            var (clusters, candidates) = (new ClusterWeight[PerUser], new Candidate[PerUser * Width + 200]);
            var scratch = new int[ClusterGraph.ScratchLength(candidates.Length)];
            var (means, widths, propensities) = (new float[candidates.Length], new float[candidates.Length], new float[candidates.Length]);
            var times = new List<double>[6];
            for (var i = 0; i < times.Length; i++)
                times[i] = [];
            long proposed = 0;
            for (var i = 0; i < 3 * Users; i++)
            {
                var user = users[i % Users];
                var stamps = new long[6];
                stamps[0] = Stopwatch.GetTimestamp();
                var k = graph.AssignClusters(user, PerUser, Temperature, clusters);
                stamps[1] = Stopwatch.GetTimestamp();
                var n = graph.Propose(clusters.AsSpan(0, k), Now, (ulong)i * 7919, candidates, scratch);
                stamps[2] = Stopwatch.GetTimestamp();
                var query = new DecisionQuery(default, candidates.AsSpan(0, n), clusters.AsSpan(0, k));
                policy.Estimate(query, means.AsSpan(0, n), widths.AsSpan(0, n));
                stamps[3] = Stopwatch.GetTimestamp();
                policy.Distribute(means.AsSpan(0, n), widths.AsSpan(0, n), propensities.AsSpan(0, n));
                stamps[4] = Stopwatch.GetTimestamp();
                PropensitySampler.Draw(propensities.AsSpan(0, n), new DecisionSeed((ulong)i).Uniform(0));
                stamps[5] = Stopwatch.GetTimestamp();
                // The first pass warms up.
                if (i < Users)
                    continue;
                proposed += n;
                for (var step = 0; step < 5; step++)
                    times[step].Add(Stopwatch.GetElapsedTime(stamps[step], stamps[step + 1]).TotalMicroseconds);
                times[5].Add(Stopwatch.GetElapsedTime(stamps[0], stamps[5]).TotalMicroseconds);
            }
            foreach (var list in times)
                list.Sort();
            string At(int step) => string.Create(CultureInfo.InvariantCulture, $"{times[step][times[step].Count / 2]:F0}");
            Say($"decision {Clusters} x {Dimension}, W {Width}, K {PerUser}, {graph.Edges} edges, {proposed / (2 * Users)} candidates, {selection} {alpha}: assign {At(0)} us, propose {At(1)} us, "
                + $"estimate {At(2)} us, distribute {At(3)} us, draw {At(4)} us; whole p50 {At(5)} us, p99 {times[5][times[5].Count * 99 / 100]:F0} us");
        }
    }

    /// <summary>Thompson sampling's distribution alone where all of a thousand actions can be best: as wide as each other, or some fresh among them.</summary>
    private static void Distribution()
    {
        const int Actions = 1000, Times = 500;
        foreach (var fresh in (int[])[0, 100])
        {
            var random = new Random(4);
            float[] means = [.. Enumerable.Range(0, Actions).Select(_ => 0.05f * random.NextSingle())];
            float[] widths = [.. Enumerable.Range(0, Actions).Select(i => i < fresh ? DiagLinUcbEstimator.FreshWidth : 0.02f + (0.03f * random.NextSingle()))];
            var propensities = new float[Actions];
            var time = Median(Times, () => new Thompson(1, 0.01).Distribute(means, widths, propensities));
            Say($"thompson alone, {Actions} actions that can all be best, {fresh} of them fresh: {time:F0} us");
        }
    }

    /// <summary>Statistics for every ranked edge, as if a long-running learner had met them all: 20 to 200 interactions, a click rate of its own.</summary>
    private static PolicyShard Known(ClusterGraph graph, Random random)
    {
        var keys = new List<EdgeKey>();
        var (into, scratch) = (new Candidate[200], new int[ClusterGraph.ScratchLength(200)]);
        for (var c = 0; c < graph.Clusters; c++)
        {
            var count = graph.Propose([new ClusterWeight(c, 1)], Now, 0, into, scratch);
            foreach (var candidate in into.AsSpan(0, count))
                keys.Add(new EdgeKey(c, candidate.Key));
        }
        EdgeKey[] edges = [.. keys];
        Array.Sort(edges);
        var sums = new EdgeSums[edges.Length];
        for (var i = 0; i < sums.Length; i++)
        {
            var (rate, one) = (0.02 + (0.1 * random.NextDouble() * random.NextDouble()), default(EdgeSums));
            var interactions = random.Next(20, 200);
            var rewards = (int)Math.Round(rate * interactions);
            var (hit, miss) = (EdgeSums.Of(0.5f, 1), EdgeSums.Of(0.5f, 0));
            for (var n = 0; n < interactions; n++)
                one += n < rewards ? hit : miss;
            sums[i] = one;
        }
        var output = new ArrayBufferWriter<byte>(64 * edges.Length);
        (EdgeTable.Empty with { Interactions = edges.Length, Current = new EdgeList(edges, sums) }).Write(output);
        return new PolicyShard(0, edges.Length, output.WrittenMemory);
    }

    /// <summary>Ten million edges: memory, building, changing.</summary>
    private static void Graph(bool given)
    {
        const int Clusters = 10_000, Items = 100_000, Width = 1000, Changes = 300;
        var random = new Random(3);
        var topics = Vectors(random, Topics, null);
        var centroids = Vectors(random, Clusters, topics);
        var items = Catalogue(random, Items, topics);
        GraphPlan plan = new(1, centroids, [.. Enumerable.Range(0, Clusters).Select(static c => 3 * c)], null);
        if (given)
            plan = plan with { Rows = [.. Enumerable.Range(0, Clusters).Select(_ => (IReadOnlyList<ActionKey>)Row(random, items, Width))] };
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var started = Stopwatch.GetTimestamp();
        var graph = GraphBuilder.Build(plan, items, Width);
        var built = Stopwatch.GetElapsedTime(started);
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        Say($"graph {Clusters} x {Dimension}, W {Width}, {Items} items, rows {(given ? "given" : "its own")}: {graph.Edges} edges, built in {built.TotalSeconds:F1} s, "
            + $"{(double)bytes / graph.Edges:F2} bytes per edge beside the items ({bytes >> 20} MiB)");

        var fresh = Catalogue(random, Changes, topics, "fresh-");
        var next = 0;
        Change("put of a new item", () => graph = graph.With([fresh[next++]], []));
        next = 0;
        Change("put of other features", () => graph = graph.With([fresh[next] with { AvailableFrom = next++ }], []));
        next = 0;
        Change("put of another vector", () => graph = graph.With([items[next] with { Features = items[^(++next)].Features }], []));
        next = 0;
        Change("removal", () => graph = graph.With([], [fresh[next++].Key]));
        GC.KeepAlive(graph);

        static void Change(string what, Action change)
        {
            var times = new List<double>();
            for (var i = 0; i < Changes; i++)
            {
                var stamp = Stopwatch.GetTimestamp();
                change();
                times.Add(Stopwatch.GetElapsedTime(stamp).TotalMilliseconds);
            }
            times.Sort();
            Say($"  {what}: p50 {times[Changes / 2]:F2} ms, p99 {times[Changes * 99 / 100]:F2} ms, most {times[^1]:F2} ms");
        }
    }

    private static ActionKey[] Row(Random random, CatalogueItem[] items, int width)
    {
        var row = new HashSet<ActionKey>();
        while (row.Count < width)
            row.Add(items[random.Next(items.Length)].Key);
        return [.. row];
    }

    private static CatalogueItem[] Catalogue(Random random, int count, float[][]? topics, string prefix = "item-")
    {
        var vectors = Vectors(random, count, topics);
        return [.. vectors.Select((vector, i) =>
        {
            var id = Encoding.UTF8.GetBytes(prefix + i.ToString(CultureInfo.InvariantCulture));
            return new CatalogueItem(id, ActionKey.Of(id), new FeatureSet(default, vector), []);
        })];
    }

    private static float[][] Vectors(Random random, int count, float[][]? topics)
    {
        var vectors = new float[count][];
        for (var i = 0; i < count; i++)
        {
            var vector = topics is null ? new float[Dimension] : topics[random.Next(topics.Length)].ToArray();
            var spread = topics is null ? 1 : Spread / Math.Sqrt(Dimension);
            for (var d = 0; d < Dimension; d++)
                vector[d] += (float)(spread * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            vectors[i] = SphericalKMeans.Direction(vector)!;
        }
        return vectors;
    }

    /// <summary>Microseconds of the median call, after as many to warm up.</summary>
    private static double Median(int times, Action call)
    {
        var all = new double[times];
        for (var i = -times; i < times; i++)
        {
            var stamp = Stopwatch.GetTimestamp();
            call();
            if (i >= 0)
                all[i] = Stopwatch.GetElapsedTime(stamp).TotalMicroseconds;
        }
        Array.Sort(all);
        return all[times / 2];
    }

    private static void Say(string line) => Console.WriteLine(line);
}
