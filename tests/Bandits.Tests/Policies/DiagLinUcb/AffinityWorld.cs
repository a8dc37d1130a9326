using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Policies.DiagLinUcb;

/// <summary>Users and items with vectors; a reward of 0 or 1 depends on the cluster, the item, the edge between them, and the affinity of their vectors.</summary>
/// <param name="seed">Draws the world.</param>
/// <param name="items">How many items.</param>
/// <param name="clusters">How many clusters.</param>
/// <param name="slope">What affinity is worth.</param>
/// <param name="itemSpread">Standard deviation of what items are worth.</param>
/// <param name="edgeSpread">Standard deviation of what edges are worth.</param>
internal sealed class AffinityWorld(int seed, int items = 25, int clusters = 8, double slope = 0.1, double itemSpread = 0.1, double edgeSpread = 0.05)
{
    private const int Dimensions = 4;
    private readonly Random _random = new(seed);
    private readonly (FeatureSet Features, double Worth)[] _items =
        [.. WithRandom(seed + 1, random => Enumerable.Range(0, items).Select(_ => (Vector(random), itemSpread * Normal(random))))];

    private readonly double[] _edges = [.. WithRandom(seed + 2, random => Enumerable.Range(0, items * clusters).Select(_ => edgeSpread * Normal(random)))];
    private readonly double[] _clusters = [.. WithRandom(seed + 3, random => Enumerable.Range(0, clusters).Select(_ => 0.1 * Normal(random)))];

    /// <summary>An item's features.</summary>
    public FeatureSet Item(int item) => _items[item].Features;

    /// <summary>Another user.</summary>
    public FeatureSet User() => Vector(_random);

    /// <summary>Another user's clusters.</summary>
    public ClusterWeight[] Clusters() => EdgeLogs.Clusters(_random, clusters);

    /// <summary>Random decisions and what they earned.</summary>
    /// <param name="count">How many.</param>
    /// <param name="time">Of each, from its number.</param>
    /// <param name="from">First item that may be shown.</param>
    /// <param name="to">First item that may not.</param>
    /// <param name="retrieved">Of so many at random the one of largest affinity is shown.</param>
    public Interaction[] Log(int count, Func<int, long>? time = null, int from = 0, int to = int.MaxValue, int retrieved = 1) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var (user, weights) = (User(), Clusters());
        var item = Enumerable.Range(0, retrieved).Select(_ => _random.Next(from, Math.Min(to, items)))
            .MaxBy(j => NaiveAffinity.Of(user.Dense.Span, Item(j).Dense.Span));
        var expected = 0.4 + slope * NaiveAffinity.Of(user.Dense.Span, Item(item).Dense.Span) + _items[item].Worth
            + weights.Sum(c => c.Weight * (_clusters[c.Cluster] + _edges[item * clusters + c.Cluster]));
        return new Interaction(user, ActionKey.Of($"a{item}"), Item(item), weights, 1, _random.NextDouble() < expected ? 1 : 0, time?.Invoke(i) ?? 0);
    })];

    /// <summary>A candidate with an edge to some of the user's clusters at least.</summary>
    public Candidate Candidate(int item, int connected) => Shards.Candidate($"a{item}", item < items ? Item(item) : User(), (ulong)_random.Next(1, 1 << connected));

    public int Next(int below) => _random.Next(below);

    private static FeatureSet Vector(Random random) => new(default, Enumerable.Range(0, Dimensions).Select(_ => (float)Normal(random)).ToArray());

    private static IEnumerable<T> WithRandom<T>(int seed, Func<Random, IEnumerable<T>> make) => make(new Random(seed));

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}

/// <summary>Affinity as its formula says it.</summary>
internal static class NaiveAffinity
{
    public static double Of(ReadOnlySpan<float> user, ReadOnlySpan<float> item)
    {
        double product = 0, square = 0;
        for (var i = 0; i < user.Length; i++)
        {
            product += (double)user[i] * item[i];
            square += (double)user[i] * user[i];
        }
        return Math.Asinh(product / Math.Sqrt(square));
    }
}
