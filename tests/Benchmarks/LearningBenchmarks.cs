using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;

namespace Recsys.Benchmarks;

/// <summary>Learning, by kind; time and memory are those of one interaction. A batch as the learner cuts them.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class LearningBenchmarks
{
    private const int Batch = 256;

    private IPolicyTrainer _trainer = null!;
    private Interaction[] _batch = [];

    public static IEnumerable<string> Kinds => PolicyCatalog.Kinds.Keys;

    [ParamsSource(nameof(Kinds))]
    public string Kind { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _batch = Scene.Interactions(Batch, actions: 100);
        _trainer = PolicyCatalog.Find(Kind).CreateTrainer(Scene.Spec(Kind));
        _trainer.Learn(_batch);
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public void Learn() => _trainer.Learn(_batch);
}
