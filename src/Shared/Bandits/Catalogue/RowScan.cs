using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Inner products of many items with many clusters: a few clusters at a time, so that they stay in the first cache while all items pass by.
/// </summary>
internal static class RowScan
{
    private const int ClustersAtOnce = 2 * VectorPanels.Width;

    /// <summary>The best items of some clusters, best first, equal ones in the order given. O(clusters · N·D).</summary>
    /// <param name="centroids">All centroids.</param>
    /// <param name="clusters">Whose items are wanted.</param>
    /// <param name="vectors">N vectors of length D.</param>
    /// <param name="most">Most items of a cluster.</param>
    /// <param name="found">Called with each cluster and its items as indices.</param>
    public static void Best(CentroidIndex centroids, ReadOnlySpan<int> clusters, ReadOnlySpan<ReadOnlyMemory<float>> vectors, int most, Action<int, int[]> found)
    {
        var panels = new float[ClustersAtOnce * centroids.Dimension];
        var selections = new Selection[Math.Min(ClustersAtOnce, clusters.Length)];
        for (var i = 0; i < selections.Length; i++)
            selections[i] = new Selection(most, vectors.Length);
        Span<float> scores = stackalloc float[ClustersAtOnce], bars = stackalloc float[ClustersAtOnce];
        for (var from = 0; from < clusters.Length; from += ClustersAtOnce)
        {
            var group = clusters.Slice(from, Math.Min(ClustersAtOnce, clusters.Length - from));
            Load(centroids, group, panels);
            bars.Fill(float.PositiveInfinity);
            bars[..group.Length].Fill(float.NegativeInfinity);
            for (var i = 0; i < vectors.Length; i++)
            {
                VectorPanels.ScoreAll(vectors[i].Span, panels, scores);
                for (var part = 0; part < group.Length; part += Vector512<float>.Count)
                {
                    var above = Vector512.GreaterThan(
                        Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(scores), (nuint)part), Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(bars), (nuint)part));
                    for (var bits = above.ExtractMostSignificantBits(); bits != 0; bits &= bits - 1)
                    {
                        var lane = part + System.Numerics.BitOperations.TrailingZeroCount(bits);
                        bars[lane] = selections[lane].Add(scores[lane], i);
                    }
                }
            }
            for (var i = 0; i < group.Length; i++)
                found(group[i], selections[i].Take());
        }
    }

    /// <summary>The nearest cluster of every vector, equal ones by number. O(C·N·D).</summary>
    public static int[] Nearest(CentroidIndex centroids, ReadOnlySpan<ReadOnlyMemory<float>> vectors)
    {
        var panels = new float[ClustersAtOnce * centroids.Dimension];
        var best = new float[vectors.Length];
        Array.Fill(best, float.NegativeInfinity);
        var nearest = new int[vectors.Length];
        Span<float> scores = stackalloc float[ClustersAtOnce];
        var group = new int[ClustersAtOnce];
        for (var from = 0; from < centroids.Count; from += ClustersAtOnce)
        {
            var count = Math.Min(ClustersAtOnce, centroids.Count - from);
            for (var i = 0; i < count; i++)
                group[i] = from + i;
            Load(centroids, group.AsSpan(0, count), panels);
            for (var i = 0; i < vectors.Length; i++)
            {
                VectorPanels.ScoreAll(vectors[i].Span, panels, scores);
                var most = TensorPrimitives.Max<float>(scores[..count]);
                if (most > best[i])
                    (best[i], nearest[i]) = (most, from + scores.IndexOf(most));
            }
        }
        return nearest;
    }

    private static void Load(CentroidIndex centroids, ReadOnlySpan<int> clusters, Span<float> panels)
    {
        Span<float> direction = new float[centroids.Dimension];
        panels.Clear();
        for (var i = 0; i < clusters.Length; i++)
        {
            centroids.Direction(clusters[i], direction);
            VectorPanels.Set(panels, i, direction);
        }
    }

    /// <summary>Keeps the best of what it is given: fills up to twice as many as wanted, then drops the worse half.</summary>
    private sealed class Selection(int most, int candidates)
    {
        // Score and index in one number: the smaller, the better.
        private readonly ulong[] _entries = new ulong[(int)Math.Min(candidates, 2L * most)];
        private int _count;
        private float _bar = float.NegativeInfinity;

        /// <summary>Takes a candidate; indices ascend.</summary>
        /// <returns>The score that the next one must beat.</returns>
        public float Add(float score, int index)
        {
            // Positive zero for either, so that they are equal.
            var bits = BitConverter.SingleToUInt32Bits(score + 0f);
            bits = (bits & 0x8000_0000) != 0 ? bits : ~bits & 0x7FFF_FFFF;
            _entries[_count++] = ((ulong)bits << 32) | (uint)index;
            if (_count == _entries.Length && _count > most)
                Drop();
            return _bar;
        }

        /// <summary>The best, best first; empty again.</summary>
        public int[] Take()
        {
            if (_count > most)
                Drop();
            var kept = _entries.AsSpan(0, _count);
            kept.Sort();
            var indices = new int[_count];
            for (var i = 0; i < _count; i++)
                indices[i] = (int)(uint)kept[i];
            (_count, _bar) = (0, float.NegativeInfinity);
            return indices;
        }

        private void Drop()
        {
            QuickSelect(_entries.AsSpan(0, _count), most - 1);
            _count = most;
            var bits = (uint)(_entries[most - 1] >> 32);
            _bar = BitConverter.UInt32BitsToSingle((bits & 0x8000_0000) != 0 ? bits : ~bits & 0x7FFF_FFFF);
        }

        /// <summary>Hoare's selection: afterwards nothing before <paramref name="k"/> is larger than it and nothing after it smaller. Distinct numbers.</summary>
        private static void QuickSelect(Span<ulong> numbers, int k)
        {
            var (low, high) = (0, numbers.Length - 1);
            while (low < high)
            {
                var (a, b, c) = (numbers[low], numbers[(low + high) >>> 1], numbers[high]);
                var pivot = Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
                var (i, j) = (low, high);
                while (i <= j)
                {
                    while (numbers[i] < pivot)
                        i++;
                    while (numbers[j] > pivot)
                        j--;
                    if (i > j)
                        break;
                    (numbers[i], numbers[j]) = (numbers[j], numbers[i]);
                    i++;
                    j--;
                }
                if (k <= j)
                    high = j;
                else if (k >= i)
                    low = i;
                else
                    return;
            }
        }
    }
}
