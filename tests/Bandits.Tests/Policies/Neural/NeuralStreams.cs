using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Policies.Neural;

namespace Recsys.Bandits.Tests.Policies.Neural;

/// <summary>Interactions and options for tests of networks.</summary>
internal static class NeuralStreams
{
    public static readonly string[] Kinds = ["neu-square-cb", "neu-fast-cb", "neural-ucb", "neural-ts", "neural-epsilon-greedy"];

    /// <summary>A specification with networks of the least size, unless told otherwise.</summary>
    public static PolicySpec Spec(string kind, FeatureSchema schema, params (string Name, string Value)[] parameters)
    {
        var all = new Dictionary<string, string> { ["hidden"] = "16", ["networks"] = "2", ["batch"] = "8" };
        foreach (var (name, value) in parameters)
            all[name] = value;
        return Shards.Spec(kind, schema, null, [.. all.Select(static p => (p.Key, p.Value))]);
    }

    public static NeuralOptions Options(PolicySpec spec, WidthForm widths = WidthForm.None) => NeuralOptions.From(spec, widths);

    /// <summary>
    /// Random vectors and up to three hashed inputs each for context and action, of a dozen; the reward is a smooth function of them, other after
    /// <paramref name="shiftAt"/>.
    /// </summary>
    public static Interaction[] Random(FeatureSchema schema, int count, int seed, int actions = 4, int shiftAt = int.MaxValue, bool isHashed = true)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(t =>
        {
            var (context, features) = (Set(random, schema.ContextVector, isHashed), Set(random, schema.ActionVector, isHashed));
            var action = random.Next(actions);
            var sum = context.Dense.ToArray().Sum() + features.Dense.ToArray().Sum() + context.Sparse.ToArray().Sum(static s => s.Hash % 3 - 1f) + action - actions / 2;
            var likes = sum > 0 != t >= shiftAt;
            return new Interaction(context, ActionKey.Of("a" + action), features, default, 0.5f, random.NextDouble() < (likes ? 0.95 : 0.05) ? 1 : 0, t);
        })];
    }

    public static FeatureSet Set(Random random, int dense, bool isHashed = true)
    {
        SparseFeature[] sparse = [.. Enumerable.Range(0, 12).Where(_ => isHashed && random.Next(8) == 0).Select(h => new SparseFeature((uint)h, 0.5f + random.NextSingle()))];
        return new FeatureSet(sparse, Enumerable.Range(0, dense).Select(_ => 2 * random.NextSingle() - 1).ToArray());
    }

    /// <summary>An explicit trainer, whose state can be looked at.</summary>
    public static NeuralTrainer Trainer(PolicySpec spec) => (NeuralTrainer)PolicyCatalog.Find(spec.Kind).CreateTrainer(spec);

    public static IPolicy Policy(PolicySpec spec, IPolicyTrainer trainer) =>
        PolicyCatalog.Find(spec.Kind).Assemble(spec, [new PolicyShard(0, trainer.Interactions, Shards.Bytes(trainer.WriteParameters))]);
}
