using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Benchmarks;

/// <summary>Interactions, candidates and trained policies from fixed seeds. Dense vectors of 8 numbers on either side, so that linear kinds stay exact.</summary>
internal static class Scene
{
    public const int Dimension = 8;
    public const int Clusters = 64;

    public static FeatureSchema Schema { get; } = new(ContextVector: Dimension, ActionVector: Dimension);

    public static PolicySpec Spec(string kind, params KeyValuePair<string, string>[] parameters)
    {
        var errors = new List<string>();
        var spec = PolicyCatalog.Configure(PolicyCatalog.Find(kind), parameters, Schema, RewardRange.Unit, 0, errors);
        return errors.Count == 0 ? spec : throw new InvalidOperationException(string.Join(" ", errors));
    }

    public static Interaction[] Interactions(int count, int actions)
    {
        var random = new Random(1);
        var candidates = Candidates(actions);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var candidate = candidates[random.Next(actions)];
            return new Interaction(Context(random), candidate.Key, candidate.Features, MemberOf(random), 0.1f, random.NextSingle(), i);
        })];
    }

    public static Candidate[] Candidates(int count)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var id = System.Text.Encoding.UTF8.GetBytes("item-" + i);
            return new Candidate(id, ActionKey.Of(id), new FeatureSet(default, Vector(random)));
        })];
    }

    public static FeatureSet Context(Random random) => new(default, Vector(random));

    public static ClusterWeight[] MemberOf(Random random) => [.. Enumerable.Range(0, 10).Select(i => new ClusterWeight(((i * 7) + random.Next(7)) % Clusters, 0.1f))];

    public static IPolicy Trained(PolicySpec spec, IReadOnlyList<Interaction> interactions)
    {
        var kind = PolicyCatalog.Find(spec.Kind);
        var trainer = kind.CreateTrainer(spec);
        trainer.Learn([.. interactions]);
        var parameters = new ArrayBufferWriter<byte>();
        trainer.WriteParameters(parameters);
        return kind.Assemble(spec, [new PolicyShard(0, trainer.Interactions, parameters.WrittenMemory)]);
    }

    private static float[] Vector(Random random) => [.. Enumerable.Range(0, Dimension).Select(_ => (random.NextSingle() * 2) - 1)];
}
