namespace Recsys.Bandits.Policies.DiagLinUcb;

/// <summary>What one interaction adds to one edge.</summary>
/// <param name="Edge">Index of the edge, below the capacity last asked for.</param>
/// <param name="Sums">What is added.</param>
public readonly record struct EdgeDelta(int Edge, EdgeSums Sums);

/// <summary>
/// A table of edge sums that deltas are scattered into. All arithmetic is integer addition, so every implementation gives the same bits, however it
/// orders or splits the additions. Owned by one trainer.
/// </summary>
public interface IEdgeAccumulator
{
    /// <summary>Makes room: edges 0 … <paramref name="edges"/> − 1 exist from now on, new ones with zero sums. Never shrinks.</summary>
    void EnsureCapacity(int edges);

    /// <summary>Adds deltas; an edge may occur any number of times in one batch.</summary>
    /// <param name="deltas">Edges below the capacity.</param>
    /// <exception cref="ArgumentOutOfRangeException">An edge lies beyond the capacity; nothing was added.</exception>
    void Add(ReadOnlySpan<EdgeDelta> deltas);

    /// <summary>Copies the sums of edges 0 … length − 1, with everything added so far.</summary>
    void Read(Span<EdgeSums> into);

    /// <summary>Replaces the whole table: edges 0 … length − 1 get these sums, all others zero.</summary>
    void Replace(ReadOnlySpan<EdgeSums> sums);
}

/// <summary>Edge sums in an array: the default, and the reference for every other implementation.</summary>
public sealed class CpuEdgeAccumulator : IEdgeAccumulator
{
    private EdgeSums[] _sums = [];

    /// <inheritdoc/>
    public void EnsureCapacity(int edges)
    {
        if (edges > _sums.Length)
            Array.Resize(ref _sums, Math.Max(edges, Math.Max(64, (int)Math.Min(2L * _sums.Length, Array.MaxLength))));
    }

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<EdgeDelta> deltas)
    {
        CheckEdges(deltas, _sums.Length);
        foreach (ref readonly var delta in deltas)
            _sums[delta.Edge] += delta.Sums;
    }

    /// <inheritdoc/>
    public void Read(Span<EdgeSums> into) => _sums.AsSpan(0, into.Length).CopyTo(into);

    /// <inheritdoc/>
    public void Replace(ReadOnlySpan<EdgeSums> sums)
    {
        EnsureCapacity(sums.Length);
        sums.CopyTo(_sums);
        _sums.AsSpan(sums.Length).Clear();
    }

    /// <summary>Refuses a batch that would write outside the table; shared by all implementations because devices do not check.</summary>
    /// <param name="deltas">The batch.</param>
    /// <param name="capacity">Edges that exist.</param>
    /// <exception cref="ArgumentOutOfRangeException">An edge lies beyond the capacity.</exception>
    public static void CheckEdges(ReadOnlySpan<EdgeDelta> deltas, int capacity)
    {
        foreach (ref readonly var delta in deltas)
        {
            if ((uint)delta.Edge >= (uint)capacity)
                throw new ArgumentOutOfRangeException(nameof(deltas), delta.Edge, $"The table has {capacity} edges.");
        }
    }
}
