using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Policies;
using Recsys.Decisions.Tests;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Benchmarks;

/// <summary>A decision from the bytes of the request to the bytes of the answer, without HTTP; the request lists the actions.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class DecisionBenchmarks : IDisposable
{
    private DecisionRig _rig = null!;
    private int _next;

    public static IEnumerable<string> Kinds => PolicyCatalog.Kinds.Keys;

    [ParamsSource(nameof(Kinds))]
    public string Kind { get; set; } = "";

    [Params(10, 100, 1000)]
    public int Candidates { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _rig = new DecisionRig(Kind, CandidateSource.Request, Candidates);
        _rig.Run(0);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _rig.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void Parse() => _rig.Read(Next());

    [Benchmark(Baseline = true)]
    public void Whole() => _rig.Run(Next());

    private int Next() => _next = (_next + 1) % _rig.Requests.Count;
}

/// <summary>The same where the catalogue proposes the actions: each of the user's three clusters as many, out of twice as many items.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class CatalogueDecisionBenchmarks : IDisposable
{
    private DecisionRig _rig = null!;
    private int _next;

    [Params(10, 100, 1000)]
    public int Candidates { get; set; }

    [GlobalSetup]
    public void Setup() => _rig = new DecisionRig("diag-lin-ucb", CandidateSource.Catalogue, Candidates);

    [GlobalCleanup]
    public void Dispose()
    {
        _rig.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void Whole() => _rig.Run(_next = (_next + 1) % _rig.Requests.Count);
}
