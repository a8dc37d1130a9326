using System.Buffers;
using System.Globalization;
using System.Text;
using CsCheck;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Recsys.Infrastructure.Events;

namespace Recsys.Infrastructure.Tests.Events;

/// <summary>Events to write and read back.</summary>
internal static class EventSamples
{
    public static readonly Gen<string> Ids = Gen.Char["abcé漢-/ 09"].Array[1, 40].Select(c => new string(c));

    private static readonly Gen<float> Floats = Gen.Float.Where(float.IsFinite);

    private static readonly Gen<FeatureSet> FeatureSets =
        from sparse in Gen.Select(Gen.UInt, Floats, (hash, value) => new SparseFeature(hash, value)).Array[0, 6]
        from dense in Floats.Array[0, 4]
        select new FeatureSet(sparse, dense);

    /// <summary>Traces of so many positions; none every other time.</summary>
    private static Gen<MemoryTrace[]> TracesOf(int positions) => Gen.OneOf(
        Gen.Const(Array.Empty<MemoryTrace>()),
        from arrays in Gen.Frequency((5, Gen.Int[1, 4]), (1, Gen.Const(MemoryShape.ArraysMax)))
        from spaces in Gen.ULong.Array[1, MemoryTrace.AddressesMax]
        from traces in Gen.Select(
            Floats, Floats, Gen.Float[0, 1e9f], Gen.Float[-1, 1], Gen.UShort.Array[arrays].Array[spaces.Length],
            (expected, corrected, evidence, local, codes) => new MemoryTrace(
                expected, corrected, evidence, local, [.. spaces.Select((s, i) => new MemoryAddress(new KeySpace(s), codes[i]))])).Array[positions]
        select traces);

    public static readonly Gen<DecisionEvent> Decisions =
        from id in Ids
        from time in Gen.Long[0, 253_402_300_799_999]
        from policy in Ids
        from version in Gen.Long[0, long.MaxValue]
        from activated in Gen.Bool
        from learned in Gen.Bool
        from context in FeatureSets
        from clusters in Gen.Select(Gen.Int[0, int.MaxValue], Gen.Float[0, 1], (c, w) => new ClusterWeight(c, w)).Array[0, 5]
        from actions in Gen.Select(Ids, FeatureSets, Gen.Frequency((2, Gen.Const(ulong.MaxValue)), (1, Gen.ULong)), (a, f, m) => new LoggedAction(a, f, m)).Array[1, 6]
        from positions in Gen.Int[1, actions.Length]
        from propensities in Gen.Float[1e-6f, 1].Array[positions]
        from rotation in Gen.Int[0, actions.Length - 1]
        from traces in TracesOf(positions)
        select new DecisionEvent(
            id, time, policy, version, activated, context, clusters, actions,
            [.. propensities.Select((p, i) => new ChosenSlot((i + rotation) % actions.Length, p))])
        {
            Learned = learned,
            Traces = traces,
        };

    public static readonly Gen<LoggedEvent> Any = Gen.OneOf(
        Decisions.Select(d => (LoggedEvent)d),
        Gen.Select(Ids, Gen.Long[0, 1L << 45], Gen.Double.Where(double.IsFinite), Ids.Null(), Ids.Null(), (d, t, v, a, e) => (LoggedEvent)new RewardEvent(d, t, v, a, e)),
        Gen.Select(Ids, Gen.Long[0, 1L << 45], (d, t) => (LoggedEvent)new ActivationEvent(d, t)),
        Gen.Long[0, 1L << 45].Select(t => (LoggedEvent)new TickEvent(t)));

    public static byte[] Write(LoggedEvent logged)
    {
        var output = new ArrayBufferWriter<byte>();
        switch (logged)
        {
            case DecisionEvent decision:
                Write(output, decision, allCandidates: true);
                break;
            case RewardEvent reward:
                BinaryEventCodec.WriteReward(output, reward);
                break;
            case ActivationEvent activation:
                BinaryEventCodec.WriteActivation(output, activation);
                break;
            case TickEvent tick:
                BinaryEventCodec.WriteTick(output, tick);
                break;
            default:
                throw new InvalidOperationException(logged.GetType().Name);
        }
        return output.WrittenSpan.ToArray();
    }

    public static void Write(IBufferWriter<byte> output, DecisionEvent decision, bool allCandidates)
    {
        var candidates = decision.Actions.Select(a => new Candidate(Encoding.UTF8.GetBytes(a.Id), a.Key, a.Features, a.ClusterMask)).ToArray();
        BinaryEventCodec.WriteDecision(
            output, Encoding.UTF8.GetBytes(decision.DecisionId), decision.Time, Encoding.UTF8.GetBytes(decision.Policy), decision.PolicyVersion,
            decision.Activated, new DecisionQuery(decision.Context, candidates, decision.Clusters.ToArray()), decision.Chosen.ToArray(), allCandidates,
            decision.Learned ?? true, Buffer(decision.Traces));
    }

    /// <summary>Traces as whoever decides has them.</summary>
    public static TraceBuffer Buffer(IReadOnlyList<MemoryTrace> traces)
    {
        var buffer = new TraceBuffer();
        if (traces.Count == 0)
            return buffer;
        buffer.Prepare(traces.Count, traces[0].Addresses[0].Codes.Length, [.. traces[0].Addresses.Select(static a => a.Space)]);
        for (var i = 0; i < traces.Count; i++)
        {
            new[] { traces[i].Expected, traces[i].Corrected, traces[i].Evidence, traces[i].Local }.CopyTo(buffer.Numbers(i));
            for (var s = 0; s < traces[i].Addresses.Count; s++)
                traces[i].Addresses[s].Codes.Span.CopyTo(buffer.Codes(i, s));
        }
        return buffer;
    }

    /// <summary>Everything that an event says, as text, so that events can be compared.</summary>
    public static string Describe(LoggedEvent logged) => logged switch
    {
        DecisionEvent d => string.Create(
            CultureInfo.InvariantCulture,
            $"decision {d.DecisionId} {d.Time} {d.Policy} {d.PolicyVersion} {d.Activated} {d.Learned ?? true} {Describe(d.Context)} [{string.Join(' ', d.Clusters)}] " +
            $"[{string.Join(' ', d.Actions.Select(a => $"{a.Id} {a.Key.Value:x} {a.ClusterMask:x} {Describe(a.Features)}"))}] [{string.Join(' ', d.Chosen)}] " +
            $"[{string.Join(' ', d.Traces.Select(Describe))}]"),
        _ => logged.ToString(),
    };

    private static string Describe(MemoryTrace trace) => string.Create(
        CultureInfo.InvariantCulture,
        $"{trace.Expected} {trace.Corrected} {trace.Evidence} {trace.Local} " +
        $"{string.Join(' ', trace.Addresses.Select(static a => $"{a.Space.Value:x16}:{string.Join(',', a.Codes.ToArray())}"))}");

    private static string Describe(FeatureSet features) =>
        string.Create(CultureInfo.InvariantCulture, $"({string.Join(' ', features.Sparse.ToArray())}|{string.Join(' ', features.Dense.ToArray())})");
}
