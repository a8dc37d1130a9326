using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;

namespace Recsys.Benchmarks;

/// <summary>The same decision with 10 actions, read by the learner in either form that the log may have.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class EventCodecBenchmarks
{
    private const long Now = 1_760_000_000_000;
    private static readonly FeatureSchema Schema = new();
    private byte[] _jsonDecision = [], _binaryDecision = [], _jsonReward = [], _binaryReward = [];

    [GlobalSetup]
    public void Setup()
    {
        var actions = string.Join(',', Enumerable.Range(0, 10).Select(static i => $$"""{"id":"item-{{i}}","features":{"topic":"t{{i % 3}}","length":{{i}}} }"""));
        const string Context = """{"features":{"device":"mobile","hour":13,"tags":["a","b"],"geo":{"country":"NL"}}}""";
        _jsonDecision = Encoding.UTF8.GetBytes(
            $$"""
            {"type":"decision","time":"2026-01-31T12:00:00Z","decisionId":"0199a0b2c3d44e5f8a7b6c5d4e3f2a1b","policy":"linear-square-cb","policyVersion":12000,"activate":true,
            "context":{{Context}},"actions":[{{actions}}],"clusters":[{"cluster":0,"weight":1}],"chosen":[{"id":"item-2","propensity":0.9}]}
            """);
        _jsonReward = """{"type":"reward","time":"2026-01-31T12:00:05Z","decisionId":"0199a0b2c3d44e5f8a7b6c5d4e3f2a1b","value":1}"""u8.ToArray();
        _binaryDecision = Bytes(output => Write(output, (DecisionEvent)JsonDecision()));
        _binaryReward = Bytes(output => BinaryEventCodec.WriteReward(output, (RewardEvent)JsonReward()));
        Console.WriteLine($"// bytes: decision JSON {_jsonDecision.Length}, binary {_binaryDecision.Length}; reward JSON {_jsonReward.Length}, binary {_binaryReward.Length}");
    }

    [Benchmark(Baseline = true)]
    public LoggedEvent JsonDecision() => JsonEventCodec.Read(_jsonDecision, new EventHeaders("application/json"), Schema, Now);

    [Benchmark]
    public LoggedEvent BinaryDecision() => BinaryEventCodec.Read(_binaryDecision);

    [Benchmark]
    public LoggedEvent JsonReward() => JsonEventCodec.Read(_jsonReward, new EventHeaders("application/json"), Schema, Now);

    [Benchmark]
    public LoggedEvent BinaryReward() => BinaryEventCodec.Read(_binaryReward);

    internal static void Write(IBufferWriter<byte> output, DecisionEvent decision)
    {
        Candidate[] candidates = [.. decision.Actions.Select(static a => new Candidate(Encoding.UTF8.GetBytes(a.Id), a.Key, a.Features))];
        BinaryEventCodec.WriteDecision(
            output, Encoding.UTF8.GetBytes(decision.DecisionId), decision.Time, Encoding.UTF8.GetBytes(decision.Policy), decision.PolicyVersion, decision.Activated,
            new DecisionQuery(decision.Context, candidates, [.. decision.Clusters]), [.. decision.Chosen], allCandidates: true);
    }

    internal static byte[] Bytes(Action<IBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>A log of decisions, every other one with a reward: joined, and decoded first as the learner does. Time is that of one event.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class JoinerBenchmarks
{
    private const int Decisions = 20_000;
    private const int Events = Decisions + (Decisions / 2);
    private const long Start = 1_760_000_000_000;
    private static readonly RewardRule Rule = new(TimeSpan.FromSeconds(1), 0, RewardAggregate.First, 0, 1);

    private readonly List<Interaction> _joined = [];
    private LoggedEvent[] _events = [];
    private byte[][] _bytes = [];

    [GlobalSetup]
    public void Setup()
    {
        var events = new List<LoggedEvent>();
        for (var i = 0; i < Decisions; i++)
        {
            var features = new FeatureSet(new[] { new SparseFeature((uint)i, 1), new SparseFeature(7, 0.5f) }, default);
            events.Add(new DecisionEvent(
                "decision-" + i, Start + i, "lin-ucb", i, true, features, [new ClusterWeight(0, 1)],
                [.. Enumerable.Range(0, 10).Select(a => new LoggedAction("item-" + a, features))], [new ChosenSlot(i % 10, 0.5f)]));
            // Rewards come a tenth of a second later, in the midst of later decisions.
            if (i >= 100 && i % 2 == 0)
                events.Add(new RewardEvent("decision-" + (i - 100), Start + i, 1));
        }
        while (events.Count < Events)
            events.Add(new RewardEvent("decision-" + (Decisions - 1), Start + Decisions, 1));
        _events = [.. events];
        _bytes = [.. events.Select(static e => EventCodecBenchmarks.Bytes(output =>
        {
            if (e is DecisionEvent decision)
                EventCodecBenchmarks.Write(output, decision);
            else
                BinaryEventCodec.WriteReward(output, (RewardEvent)e);
        }))];
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Events)]
    public int Join() => Run(static (self, i) => self._events[i]);

    [Benchmark(OperationsPerInvoke = Events)]
    public int DecodeAndJoin() => Run(static (self, i) => BinaryEventCodec.Read(self._bytes[i]));

    private int Run(Func<JoinerBenchmarks, int, LoggedEvent> next)
    {
        var joiner = new InteractionJoiner(Rule, JoinLimits.For(Rule));
        _joined.Clear();
        for (var i = 0; i < Events; i++)
            joiner.Apply(next(this, i), i, Start + i, _joined);
        return _joined.Count;
    }
}
