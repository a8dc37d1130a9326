using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Policies.Linear;

/// <summary>Interactions whose features appear one by one, some hashed together, some repeated, some missing.</summary>
internal static class LinearLogs
{
    public static readonly FeatureSchema Schema = new(ContextVector: 2, ContextHashBits: 3, ActionVector: 2, ActionHashBits: 4);

    public static Interaction[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var action = random.Next(4);
            // Hashed features of later interactions are new; eight slots make them collide.
            var context = Context(random, 1 + i / 10);
            return new Interaction(context, ActionKey.Of($"a{action}"), Action(action), default, 0.5f, random.Next(2), i);
        })];
    }

    public static FeatureSet Context(Random random, int names) => new(
        Enumerable.Range(0, random.Next(4)).Select(_ => new SparseFeature((uint)(random.Next(names) * 7 + 8 * random.Next(3)), random.Next(3) == 0 ? 2.5f : 1)).ToArray(),
        new[] { random.NextSingle() - 0.5f, random.Next(2) });

    public static FeatureSet Action(int action) => new(
        new[] { new SparseFeature((uint)action, 1), new SparseFeature(16 + (uint)action, 0.5f) }, new[] { action / 4f, 0 });

    public static Candidate[] Candidates =>
        [.. Enumerable.Range(0, 5).Select(static a => Shards.Candidate(a == 4 ? "never seen" : $"a{a}", Action(a)))];
}
