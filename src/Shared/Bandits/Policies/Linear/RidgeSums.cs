using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Linear;

/// <summary>
/// Sufficient statistics of ridge regression for one block: Σ x·xᵀ and Σ r·x (A − λI and b of LinUCB, Li et al. 2010, algorithm 1, lines 12
/// and 13). Sums, so shards add.
/// </summary>
/// <param name="key">The action's key, or 0 where all actions share one block.</param>
internal sealed class RidgeSums(ulong key)
{
    private double[] _gram = [];
    private double[] _moments = [];

    /// <summary>The action's key, or 0 where all actions share one block.</summary>
    public ulong Key { get; } = key;

    /// <summary>D: features this block has seen are below it. Grows.</summary>
    public int Dimension { get; private set; }

    /// <summary>Σ x·xᵀ, packed lower triangle by rows.</summary>
    public Span<double> Gram => _gram.AsSpan(0, PackedLower.Length(Dimension));

    /// <summary>Σ r·x, length D.</summary>
    public Span<double> Moments => _moments.AsSpan(0, Dimension);

    /// <summary>Makes room for D features; the new ones have been 0 so far.</summary>
    public void Grow(int dimension)
    {
        if (dimension <= Dimension)
            return;
        if (_moments.Length < dimension)
        {
            // Half as much again: contexts tend to show new features one by one at the start.
            var capacity = Math.Max(dimension, Dimension + Dimension / 2);
            Array.Resize(ref _gram, PackedLower.Length(capacity));
            Array.Resize(ref _moments, capacity);
        }
        Dimension = dimension;
    }

    /// <summary>Adds one observation.</summary>
    /// <param name="indices">Features that are not 0, ascending, below D.</param>
    /// <param name="values">All features by index.</param>
    /// <param name="reward">Normalised.</param>
    public void Add(ReadOnlySpan<int> indices, ReadOnlySpan<double> values, double reward)
    {
        for (var n = 0; n < indices.Length; n++)
        {
            var i = indices[n];
            var value = values[i];
            var row = _gram.AsSpan(PackedLower.Row(i), i + 1);
            for (var m = 0; m <= n; m++)
                row[indices[m]] += value * values[indices[m]];
            _moments[i] += reward * value;
        }
    }

    /// <summary>Adds the sums of another shard whose feature i is our feature <paramref name="map"/>[i].</summary>
    public void Add(ReadOnlySpan<double> gram, ReadOnlySpan<double> moments, ReadOnlySpan<int> map)
    {
        for (var i = 0; i < moments.Length; i++)
        {
            var row = gram.Slice(PackedLower.Row(i), i + 1);
            for (var j = 0; j <= i; j++)
                _gram[PackedLower.Row(Math.Max(map[i], map[j])) + Math.Min(map[i], map[j])] += row[j];
            _moments[map[i]] += moments[i];
        }
    }
}
