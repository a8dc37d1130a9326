using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Exploration;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Bandits.Randomness;

namespace Recsys.Benchmarks;

/// <summary>Estimate and draw of one position: what a policy itself costs in a decision.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class PolicyBenchmarks
{
    private IPolicy _policy = null!;
    private Candidate[] _candidates = [];
    private FeatureSet _context;
    private ClusterWeight[] _clusters = [];
    private float[] _means = [], _widths = [], _scratch = [];
    private int[] _order = [];
    private readonly ChosenSlot[] _slots = new ChosenSlot[1];
    private ulong _seed;

    public static IEnumerable<string> Kinds => PolicyCatalog.Kinds.Keys;

    [ParamsSource(nameof(Kinds))]
    public string Kind { get; set; } = "";

    [Params(10, 100, 1000)]
    public int Candidates { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(3);
        _policy = Scene.Trained(Scene.Spec(Kind), Scene.Interactions(20_000, Candidates));
        _candidates = Scene.Candidates(Candidates);
        (_context, _clusters) = (Scene.Context(random), Scene.MemberOf(random));
        (_means, _widths) = (new float[Candidates], new float[Candidates]);
        (_scratch, _order) = (new float[SlateSampler.ScratchLength(Candidates)], new int[Candidates]);
    }

    [Benchmark]
    public int EstimateAndDraw()
    {
        var query = new DecisionQuery(_context, _candidates, _clusters);
        _policy.Estimate(query, _means, _widths);
        SlateSampler.Draw(_policy, _means, _widths, new DecisionSeed(_seed++), _slots, _scratch, _order);
        return _slots[0].Action;
    }
}
