using System.Numerics;
using Recsys.Bandits.Policies.DiagLinUcb;

namespace Recsys.Gpu.Tests;

/// <summary>The slow obvious twin of every accumulator: a dictionary of integers without bounds.</summary>
internal sealed class NaiveEdges
{
    private Dictionary<int, BigInteger[]> _sums = [];

    public void Add(IEnumerable<EdgeDelta> deltas)
    {
        foreach (var (edge, sums) in deltas)
        {
            var row = _sums.TryGetValue(edge, out var known) ? known : _sums[edge] = new BigInteger[5];
            row[0] += sums.Count;
            row[1] += sums.Precision;
            row[2] += sums.Reward;
            row[3] += sums.Weight;
            row[4] += sums.Affinity;
        }
    }

    public void Replace(IReadOnlyList<EdgeSums> sums)
    {
        _sums = [];
        Add(sums.Select(static (s, edge) => new EdgeDelta(edge, s)));
    }

    public EdgeSums[] Read(int edges) => [.. Enumerable.Range(0, edges).Select(edge => _sums.TryGetValue(edge, out var row)
        ? new EdgeSums((long)row[0], (long)row[1], (long)row[2], (long)row[3], (long)row[4])
        : default)];
}
