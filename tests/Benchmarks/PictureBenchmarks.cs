using BenchmarkDotNet.Attributes;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Benchmarks;

/// <summary>Applying a delta to what serving holds, against reading all of it again: the one should cost what has changed, the other what exists.</summary>
public class PictureBenchmarks
{
    private const int Changed = 1000;
    private EdgeTable _whole = null!;
    private EdgeTable _delta = null!;
    private EdgePicture _picture = null!;

    /// <summary>Edges that exist.</summary>
    [Params(10_000, 100_000, 1_000_000)]
    public int Edges { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(5);
        _whole = Table(Enumerable.Range(0, Edges), random);
        var changed = Enumerable.Range(0, Edges).ToArray();
        random.Shuffle(changed);
        _delta = Table(changed.Take(Changed).Order(), random);
        _picture = EdgePicture.Empty(default, pooled: true).With(0, _whole);
    }

    [Benchmark(Baseline = true)]
    public object Apply() => _picture.With(0, _delta);

    [Benchmark]
    public object Assemble() => EdgePicture.Empty(default, pooled: true).With(0, _whole);

    /// <summary>Edges of a hundred items with every cluster, twenty rewards each.</summary>
    private static EdgeTable Table(IEnumerable<int> edges, Random random)
    {
        const int Items = 100;
        EdgeKey[] keys = [.. edges.Select(static edge => new EdgeKey(edge / Items, new ActionKey((ulong)(edge % Items) * 0x0009_E377_9B97_F4A7)))];
        var sums = new EdgeSums[keys.Length];
        foreach (ref var sum in sums.AsSpan())
        {
            for (var i = 0; i < 20; i++)
                sum += EdgeSums.Of(0.5f, random.Next(2), random.NextDouble() - 0.5);
        }
        return EdgeTable.Empty with { Interactions = 20L * keys.Length, Current = new EdgeList(keys, sums) };
    }
}
