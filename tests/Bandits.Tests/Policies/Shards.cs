using System.Buffers;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Bandits.Tests.Policies;

/// <summary>The life of a policy in one call: learn, write, assemble, estimate.</summary>
internal static class Shards
{
    public static PolicySpec Spec(string kind, FeatureSchema? features = null, RewardRange? reward = null, params (string Name, string Value)[] parameters)
    {
        var errors = new List<string>();
        var spec = PolicyCatalog.Configure(
            PolicyCatalog.Find(kind), parameters.Select(static p => KeyValuePair.Create(p.Name, p.Value)), features ?? new FeatureSchema(), reward ?? RewardRange.Unit, 0, errors);
        Xunit.Assert.Empty(errors);
        return spec;
    }

    /// <summary>Parameters that keep tests of a kind short: networks of the least size.</summary>
    public static (string Name, string Value)[] Small(string kind) =>
        PolicyCatalog.Find(kind).Hyperparameters.Any(static h => h.Name == "hidden") ? [("hidden", "16"), ("networks", "2")] : [];

    public static IPolicyTrainer Train(PolicySpec spec, IEnumerable<Interaction> interactions)
    {
        var trainer = PolicyCatalog.Find(spec.Kind).CreateTrainer(spec);
        trainer.Learn(interactions.ToArray());
        return trainer;
    }

    public static PolicyShard Shard(PolicySpec spec, int partition, IEnumerable<Interaction> interactions)
    {
        var trainer = Train(spec, interactions);
        return new PolicyShard(partition, trainer.Interactions, Bytes(trainer.WriteParameters));
    }

    public static IPolicy Assemble(PolicySpec spec, params IEnumerable<IEnumerable<Interaction>> partitions) =>
        PolicyCatalog.Find(spec.Kind).Assemble(spec, [.. partitions.Select((interactions, p) => Shard(spec, p, interactions))]);

    public static (float[] Means, float[] Widths) Estimate(IPolicy policy, FeatureSet context, Candidate[] candidates, ClusterWeight[]? clusters = null)
    {
        float[] means = new float[candidates.Length], widths = new float[candidates.Length];
        policy.Estimate(new DecisionQuery(context, candidates, clusters ?? [new ClusterWeight(0, 1)]), means, widths);
        return (means, widths);
    }

    public static Candidate Candidate(string id, FeatureSet features = default, ulong mask = ulong.MaxValue) =>
        new(System.Text.Encoding.UTF8.GetBytes(id), ActionKey.Of(id), features, mask);

    public static byte[] Bytes(Action<IBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}
