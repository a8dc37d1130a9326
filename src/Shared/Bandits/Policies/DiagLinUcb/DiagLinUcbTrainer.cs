using System.Buffers;
using System.Runtime.InteropServices;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>
/// Adds every interaction to the edges it touched: d += w², b += w·r, s += w, x += w·affinity, n += 1 (Online Matching eq. 8 and 9) for each cluster the user belonged to at
/// decision time and that has an edge to the action, each times the growth of <see cref="Forgetting"/>. Only integer additions, so any order and any split over
/// partitions give the same sums.
/// </summary>
/// <remarks>
/// Bounded: at most <c>edgesMax</c> edges, one with sums in both periods counted twice. Updates of further edges are refused and counted in
/// <see cref="RefusedUpdates"/>; the edges that came first stay until a new period lets go of what was not seen in the last two. Only with updates refused does
/// the state depend on the order of the log.
/// <para>
/// With <c>selection=pending</c> it also counts, edge by edge, the impressions whose reward is awaited, and publishes that with the sums (<see cref="PendingTracker"/>); with any other it
/// keeps and writes nothing of the kind. Serving sees them as of the version published last.
/// </para>
/// </remarks>
public sealed class DiagLinUcbTrainer : IDeltaTrainer, IPendingTrainer, IDisposable
{
    // Deltas wait here for the accumulator; a thousand hide the cost of a call and, on a device, let a launch carry a useful amount of work.
    private const int GatheredMax = 4096;

    private readonly IEdgeAccumulator _accumulator;
    private readonly RewardRange _reward;
    private readonly Forgetting _forgetting;
    private readonly int _edgesMax;
    private readonly EdgeDelta[] _gathered = new EdgeDelta[GatheredMax];
    private readonly Dictionary<int, EdgeSums> _unpublished = [];
    private readonly PendingTracker? _pending;
    private Dictionary<EdgeSlot, int> _edges = [];
    private EdgeSlot[] _slots = [];
    private int[] _order = [];
    private EdgeSums[] _sums = [];
    private int _ordered;
    private int _gatheredCount;
    private long _period;
    private long _newest;
    private long _publishedInteractions;
    private long _publishedRefused;
    private bool _isMarked;

    /// <summary>An untrained trainer.</summary>
    /// <param name="spec">Gives the reward range, <c>halfLifeDays</c>, <c>edgesMax</c>, and whether impressions count.</param>
    /// <param name="accumulator">Where the sums are kept; owned from now on. Null for the CPU's.</param>
    public DiagLinUcbTrainer(PolicySpec spec, IEdgeAccumulator? accumulator = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _accumulator = accumulator ?? new CpuEdgeAccumulator();
        _reward = spec.Reward;
        _forgetting = DiagLinUcbKind.ForgettingOf(spec);
        _edgesMax = spec.Parameters.Integer(DiagLinUcbKind.EdgesMax);
        _pending = DiagLinUcbKind.CountsPending(spec) ? new PendingTracker() : null;
    }

    /// <inheritdoc/>
    public long Interactions { get; private set; }

    /// <summary>Edges with statistics, one with sums in both periods counted twice.</summary>
    public int Edges => _edges.Count;

    /// <summary>Edge updates refused because the table was full or the weight was not in [<see cref="EdgeSums.WeightMin"/>, 1].</summary>
    public long RefusedUpdates { get; private set; }

    /// <inheritdoc/>
    public bool IsExpecting => _pending is not null;

    /// <inheritdoc/>
    public void Expect(in Impression impression) => _pending?.Add(impression, 1);

    /// <inheritdoc/>
    public void Settle(in Impression impression) => _pending?.Add(impression, -1);

    /// <inheritdoc/>
    public void ForgetExpected() => _pending?.Forget();

    /// <inheritdoc/>
    public void Learn(ReadOnlySpan<Interaction> batch)
    {
        foreach (var interaction in batch)
        {
            var period = _forgetting.PeriodOf(interaction.DecidedAt);
            if (period > _period)
                Rotate(period);
            _newest = Math.Max(_newest, interaction.DecidedAt);
            // Older than everything that is kept: it would count for next to nothing, and its period is gone.
            if (period < _period - 1)
                continue;
            var reward = _reward.Normalize(interaction.Reward);
            var affinity = Affinity.Of(interaction.Context.Dense.Span, interaction.ActionFeatures.Dense.Span);
            var growth = _forgetting.Growth(interaction.DecidedAt);
            foreach (var (cluster, weight) in interaction.Clusters.Span)
            {
                if (!EdgeSums.CanLearn(cluster, weight) || !TryEdge(new EdgeSlot(period, new EdgeKey(cluster, interaction.Action)), out var edge))
                {
                    RefusedUpdates++;
                    continue;
                }
                var sums = EdgeSums.Of(weight, reward, affinity, growth);
                _gathered[_gatheredCount++] = new EdgeDelta(edge, sums);
                if (_isMarked)
                    CollectionsMarshal.GetValueRefOrAddDefault(_unpublished, edge, out _) += sums;
                if (_gatheredCount == GatheredMax)
                    Flush();
            }
        }
        Interactions += batch.Length;
    }

    /// <inheritdoc/>
    public void WriteParameters(IBufferWriter<byte> output) => WriteWhole(output, _pending?.Whole(Interactions) ?? PendingList.Empty);

    /// <inheritdoc/>
    public void WriteCheckpoint(IBufferWriter<byte> output) => WriteWhole(output, PendingList.Empty);

    /// <inheritdoc/>
    public bool TryWriteDelta(IBufferWriter<byte> output)
    {
        if (!_isMarked)
            return false;
        var changed = new int[_unpublished.Count];
        _unpublished.Keys.CopyTo(changed, 0);
        var slots = _slots;
        Array.Sort(changed, (a, b) => EdgeSlot.Order(slots[a], slots[b]));
        Write(output, Interactions - _publishedInteractions, RefusedUpdates - _publishedRefused, changed, static (trainer, edge) => trainer._unpublished[edge],
            _pending?.Change(Interactions) ?? PendingList.Empty);
        return true;
    }

    /// <inheritdoc/>
    public void MarkPublished()
    {
        _unpublished.Clear();
        _pending?.MarkPublished();
        (_publishedInteractions, _publishedRefused, _isMarked) = (Interactions, RefusedUpdates, true);
    }

    /// <inheritdoc/>
    public void ReadCheckpoint(ReadOnlySpan<byte> input)
    {
        var table = EdgeTable.Read(input);
        if (table.Edges > _edgesMax)
            throw new Snapshots.SnapshotFormatException($"The checkpoint has {table.Edges} edges; 'edgesMax' allows {_edgesMax}.");
        if (table.Pending.Keys.Length > 0)
            throw new Snapshots.SnapshotFormatException("These are published parameters: a checkpoint has no awaited impressions.");
        EdgeSlot[] slots =
        [
            .. table.Current.Keys.Select(key => new EdgeSlot(table.Period, key)),
            .. table.Previous.Keys.Select(key => new EdgeSlot(table.Period - 1, key)),
        ];
        Replace(slots, [.. table.Current.Sums, .. table.Previous.Sums]);
        (_period, _newest) = (table.Period, table.Newest);
        (Interactions, RefusedUpdates) = (table.Interactions, table.Refused);
        _pending?.Clear();
    }

    /// <summary>Gives back what the accumulator holds outside the process's memory.</summary>
    public void Dispose() => (_accumulator as IDisposable)?.Dispose();

    private void WriteWhole(IBufferWriter<byte> output, in PendingList pending)
    {
        Flush();
        Sort();
        _accumulator.Read(_sums.AsSpan(0, Edges));
        Write(output, Interactions, RefusedUpdates, _order.AsSpan(0, Edges), static (trainer, edge) => trainer._sums[edge], pending);
    }

    private void Write(
        IBufferWriter<byte> output, long interactions, long refused, ReadOnlySpan<int> order, Func<DiagLinUcbTrainer, int, EdgeSums> sums, in PendingList pending)
    {
        var current = 0;
        while (current < order.Length && _slots[order[current]].Period == _period)
            current++;
        EdgeTable.WriteHeader(output, interactions, refused, _period, _newest, Edges >= _edgesMax, pending.Keys.Length > 0, current, order.Length - current);
        foreach (var edge in order)
            EdgeTable.WriteEdge(output, _slots[edge].Key, sums(this, edge));
        EdgeTable.WritePending(output, pending);
    }

    /// <summary>Starts a period: what belongs neither to it nor to the one before is let go.</summary>
    private void Rotate(long period)
    {
        Flush();
        _accumulator.Read(_sums.AsSpan(0, Edges));
        Sort();
        var kept = _order.AsSpan(0, Edges).ToArray().Where(edge => _slots[edge].Period >= period - 1).ToArray();
        if (kept.Length < Edges)
            Replace([.. kept.Select(edge => _slots[edge])], [.. kept.Select(edge => _sums[edge])]);
        _period = period;
    }

    /// <summary>Holds these edges and no others; in order.</summary>
    private void Replace(EdgeSlot[] slots, EdgeSums[] sums)
    {
        var edges = new Dictionary<EdgeSlot, int>(slots.Length);
        for (var i = 0; i < slots.Length; i++)
            edges.Add(slots[i], i);
        _accumulator.Replace(sums);
        (_edges, _slots, _sums, _order, _ordered, _gatheredCount) = (edges, slots, sums, [.. Enumerable.Range(0, slots.Length)], slots.Length, 0);
        // The numbers of the edges have changed under what was noted for the next delta.
        _unpublished.Clear();
        _isMarked = false;
    }

    private bool TryEdge(EdgeSlot slot, out int edge)
    {
        if (_edges.TryGetValue(slot, out edge))
            return true;
        if (_edges.Count >= _edgesMax)
            return false;
        edge = _edges.Count;
        if (edge == _slots.Length)
        {
            var capacity = (int)Math.Min(Math.Max(256, 2L * edge), _edgesMax);
            Array.Resize(ref _slots, capacity);
            Array.Resize(ref _order, capacity);
            Array.Resize(ref _sums, capacity);
        }
        _accumulator.EnsureCapacity(edge + 1);
        _edges.Add(slot, edge);
        _slots[edge] = slot;
        return true;
    }

    private void Flush()
    {
        _accumulator.Add(_gathered.AsSpan(0, _gatheredCount));
        _gatheredCount = 0;
    }

    /// <summary>Sorts the edges that are new since the last time and merges them in, so that publishing often costs one pass and not one sort.</summary>
    private void Sort()
    {
        if (_ordered == Edges)
            return;
        var fresh = new int[Edges - _ordered];
        for (var i = 0; i < fresh.Length; i++)
            fresh[i] = _ordered + i;
        var slots = _slots;
        Array.Sort(fresh, (a, b) => EdgeSlot.Order(slots[a], slots[b]));
        // From the back, so that no old index is overwritten before it has moved.
        int old = _ordered - 1, next = fresh.Length - 1;
        for (var to = Edges - 1; next >= 0; to--)
            _order[to] = old >= 0 && EdgeSlot.Order(slots[_order[old]], slots[fresh[next]]) > 0 ? _order[old--] : fresh[next--];
        _ordered = Edges;
    }

    /// <summary>The sums of one edge in one period. Ordered as they are written: the newest period first, then by edge.</summary>
    private readonly record struct EdgeSlot(long Period, EdgeKey Key)
    {
        public static int Order(in EdgeSlot left, in EdgeSlot right) =>
            left.Period != right.Period ? right.Period.CompareTo(left.Period) : left.Key.CompareTo(right.Key);
    }
}
