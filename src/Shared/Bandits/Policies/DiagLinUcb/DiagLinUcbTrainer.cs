using System.Buffers;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// Adds every interaction to the edges it touched: d += w², b += w·r, s += w, n += 1 (Online Matching eq. 8 and 9) for each cluster the user belonged to at
/// decision time and that has an edge to the action. Only integer additions, so any order and any split over partitions give the same sums.
/// </summary>
/// <remarks>
/// Bounded: at most <c>edgesMax</c> edges. Updates of further edges are refused and counted in <see cref="RefusedUpdates"/>; the edges that came first stay. Only
/// then does the state depend on the order of the log.
/// </remarks>
public sealed class DiagLinUcbTrainer : IPolicyTrainer, IDisposable
{
    // Deltas wait here for the accumulator; a thousand hide the cost of a call and, on a device, let a launch carry a useful amount of work.
    private const int PendingMax = 4096;

    private readonly IEdgeAccumulator _accumulator;
    private readonly RewardRange _reward;
    private readonly int _edgesMax;
    private readonly EdgeDelta[] _pending = new EdgeDelta[PendingMax];
    private Dictionary<EdgeKey, int> _edges = [];
    private EdgeKey[] _keys = [];
    private int[] _order = [];
    private EdgeSums[] _sums = [];
    private int _ordered;
    private int _pendingCount;

    /// <summary>An untrained trainer.</summary>
    /// <param name="spec">Gives the reward range and <c>edgesMax</c>.</param>
    /// <param name="accumulator">Where the sums are kept; owned from now on. Null for the CPU's.</param>
    public DiagLinUcbTrainer(PolicySpec spec, IEdgeAccumulator? accumulator = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _accumulator = accumulator ?? new CpuEdgeAccumulator();
        _reward = spec.Reward;
        _edgesMax = spec.Parameters.Integer(DiagLinUcbKind.EdgesMax);
    }

    /// <inheritdoc/>
    public long Interactions { get; private set; }

    /// <summary>Edges with statistics.</summary>
    public int Edges => _edges.Count;

    /// <summary>Edge updates refused because the table was full or the weight was not in (0, 1].</summary>
    public long RefusedUpdates { get; private set; }

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            var reward = _reward.Normalize(interaction.Reward);
            foreach (var (cluster, weight) in interaction.Clusters.Span)
            {
                if (!(weight > 0 && weight <= 1) || cluster < 0 || !TryEdge(new EdgeKey(cluster, interaction.Action), out var edge))
                {
                    RefusedUpdates++;
                    continue;
                }
                _pending[_pendingCount++] = new EdgeDelta(edge, EdgeSums.Of(weight, reward));
                if (_pendingCount == PendingMax)
                    Flush();
            }
        }
        Interactions += batch.Length;
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output) => WriteCheckpoint(output);

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output)
    {
        Flush();
        Sort();
        _accumulator.Read(_sums.AsSpan(0, Edges));
        EdgeTable.Write(output, Interactions, RefusedUpdates, _order.AsSpan(0, Edges), _keys, _sums);
    }

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var table = EdgeTable.Read(input);
        if (table.Keys.Length > _edgesMax)
            throw new Snapshots.SnapshotFormatException($"The checkpoint has {table.Keys.Length} edges; 'edgesMax' allows {_edgesMax}.");
        var edges = new Dictionary<EdgeKey, int>(table.Keys.Length);
        for (var i = 0; i < table.Keys.Length; i++)
            edges.Add(table.Keys[i], i);
        var order = new int[table.Keys.Length];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        _accumulator.Replace(table.Sums);
        (_edges, _keys, _sums, _order, _ordered, _pendingCount) = (edges, table.Keys, table.Sums, order, order.Length, 0);
        (Interactions, RefusedUpdates) = (table.Interactions, table.Refused);
    }

    /// <summary>Gives back what the accumulator holds outside the process's memory.</summary>
    public void Dispose() => (_accumulator as IDisposable)?.Dispose();

    private bool TryEdge(EdgeKey key, out int edge)
    {
        if (_edges.TryGetValue(key, out edge))
            return true;
        if (_edges.Count >= _edgesMax)
            return false;
        edge = _edges.Count;
        if (edge == _keys.Length)
        {
            var capacity = (int)Math.Min(Math.Max(256, 2L * edge), _edgesMax);
            Array.Resize(ref _keys, capacity);
            Array.Resize(ref _order, capacity);
            Array.Resize(ref _sums, capacity);
        }
        _accumulator.EnsureCapacity(edge + 1);
        _edges.Add(key, edge);
        _keys[edge] = key;
        return true;
    }

    private void Flush()
    {
        _accumulator.Add(_pending.AsSpan(0, _pendingCount));
        _pendingCount = 0;
    }

    /// <summary>Sorts the edges that are new since the last time and merges them in, so that publishing often costs one pass and not one sort.</summary>
    private void Sort()
    {
        if (_ordered == Edges)
            return;
        var fresh = new int[Edges - _ordered];
        for (var i = 0; i < fresh.Length; i++)
            fresh[i] = _ordered + i;
        var keys = _keys;
        Array.Sort(fresh, (a, b) => keys[a].CompareTo(keys[b]));
        // From the back, so that no old index is overwritten before it has moved.
        int old = _ordered - 1, next = fresh.Length - 1;
        for (var to = Edges - 1; next >= 0; to--)
            _order[to] = old >= 0 && keys[_order[old]] > keys[fresh[next]] ? _order[old--] : fresh[next--];
        _ordered = Edges;
    }
}
