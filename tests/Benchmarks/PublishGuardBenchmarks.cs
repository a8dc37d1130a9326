using System.Buffers;
using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Snapshots;
using Recsys.Learner.Training;

namespace Recsys.Benchmarks;

/// <summary>What a publisher does with networks of the default size before the store sees them: write and try them, and compare them with the last ones.</summary>
public class PublishGuardBenchmarks
{
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private IPolicyKind _kind = null!;
    private PolicySpec _spec = null!;
    private IPolicyTrainer _trainer = null!;
    private IPolicy _policy = null!;
    private Interaction[] _recent = [];

    [Params("neu-fast-cb", "neural-ucb")]
    public string Kind { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var interactions = Scene.Interactions(2000, 100);
        (_kind, _spec) = (PolicyCatalog.Find(Kind), Scene.Spec(Kind));
        _trainer = _kind.CreateTrainer(_spec);
        _trainer.Learn(interactions);
        _recent = interactions[^PartitionState.RecentMax..];
        _trainer.WriteParameters(_buffer);
        _policy = _kind.Assemble(_spec, [new PolicyShard(0, _trainer.Interactions, _buffer.WrittenMemory.ToArray())]);
    }

    [Benchmark(Baseline = true)]
    public string? WriteAndTry()
    {
        _buffer.ResetWrittenCount();
        _trainer.WriteParameters(_buffer);
        var framed = SnapshotFraming.Frame(new SnapshotHeader(_spec.Fingerprint, 0, 1, _trainer.Interactions), _buffer.WrittenSpan);
        return new PublishGuard(_kind, _spec).Problem(framed, _recent[^1]);
    }

    [Benchmark]
    public ForesightComparison Compare() => ForesightComparison.Of(_policy, _policy, RewardRange.Unit, _recent);
}
