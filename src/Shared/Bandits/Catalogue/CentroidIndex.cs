using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// Centroids for search: exactly, or where there are many through two levels. Then directions close to each other form groups, some √C of them (an inverted file, as
/// in Jégou et al. 2011), and a search looks through the groups whose own centroids are nearest. A function of the centroids. Immutable.
/// </summary>
internal sealed class CentroidIndex
{
    /// <summary>Most centroids that are searched one by one.</summary>
    public const int ExactMax = 2048;

    // The part of all centroids that a search looks at; tests/Benchmarks/README.md says what others find and cost.
    private const int Parts = 10, ProbesMin = 8;

    // To find the groups; all centroids are then put into the nearest.
    private const int SamplePerGroup = 32, Sweeps = 4;
    private const ulong Seed = 20_230_728;

    private readonly float[] _panels;
    private readonly int[] _clusterOf;
    private readonly int[] _laneOf;
    private readonly float[] _center;
    private readonly float[] _groupPanels = [];
    private readonly int[] _groupStart;

    /// <summary>Lays out centroids.</summary>
    /// <param name="centroids">C vectors of one length D, finite; only their direction counts. One without a direction is equally far from everybody.</param>
    /// <exception cref="ArgumentException">Lengths disagree or a number is not finite; the message says which.</exception>
    public CentroidIndex(IReadOnlyList<float[]> centroids)
    {
        Count = centroids.Count;
        Dimension = centroids.Count == 0 ? 0 : centroids[0].Length;
        var directions = new float[Count][];
        var empty = new float[Dimension];
        _center = new float[Dimension];
        for (var c = 0; c < Count; c++)
        {
            if (centroids[c].Length != Dimension || Dimension == 0)
                throw new ArgumentException($"Centroid {c} has {centroids[c].Length} numbers, centroid 0 has {Dimension}; at least 1 is needed.", nameof(centroids));
            if (!TensorPrimitives.IsFiniteAll<float>(centroids[c]))
                throw new ArgumentException($"Centroid {c} is not finite.", nameof(centroids));
            directions[c] = SphericalKMeans.Direction(centroids[c]) ?? empty;
            TensorPrimitives.Add(_center, directions[c], _center);
        }
        var groups = Group(directions, out _groupPanels);
        _groupStart = new int[groups.Length + 1];
        for (var g = 0; g < groups.Length; g++)
            _groupStart[g + 1] = _groupStart[g] + VectorPanels.Count(groups[g].Count);
        _panels = new float[_groupStart[^1] * VectorPanels.Width * Dimension];
        _clusterOf = new int[_groupStart[^1] * VectorPanels.Width];
        Array.Fill(_clusterOf, -1);
        _laneOf = new int[Count];
        for (var g = 0; g < groups.Length; g++)
        {
            for (var i = 0; i < groups[g].Count; i++)
            {
                var (cluster, lane) = (groups[g][i], _groupStart[g] * VectorPanels.Width + i);
                (_clusterOf[lane], _laneOf[cluster]) = (cluster, lane);
                VectorPanels.Set(_panels, lane, directions[cluster]);
            }
        }
    }

    /// <summary>C.</summary>
    public int Count { get; }

    /// <summary>D, 0 without centroids.</summary>
    public int Dimension { get; }

    /// <summary>Places for scores, some of them of no cluster.</summary>
    public int Lanes => _clusterOf.Length;

    /// <summary>The cluster of each lane, −1 for none.</summary>
    public ReadOnlySpan<int> ClusterOf => _clusterOf;

    /// <summary>The lane of each cluster.</summary>
    public ReadOnlySpan<int> LaneOf => _laneOf;

    /// <summary>Sum of all directions.</summary>
    public ReadOnlySpan<float> Center => _center;

    /// <summary>The direction of a cluster: length 1, or all zeros.</summary>
    public void Direction(int cluster, Span<float> into) => VectorPanels.Get(_panels, _laneOf[cluster], into);

    /// <summary>The inner products of a vector with all directions, by lane. O(C·D).</summary>
    /// <param name="vector">Length D.</param>
    /// <param name="scores">Length <see cref="Lanes"/>, written.</param>
    public void Score(ReadOnlySpan<float> vector, Span<float> scores) => VectorPanels.ScoreAll(vector, _panels, scores);

    /// <summary>
    /// The clusters with the largest inner products with a vector; equal ones by number. Above <see cref="ExactMax"/> clusters some of them may be missed for others that
    /// are nearly as near.
    /// </summary>
    /// <param name="vector">Length D.</param>
    /// <param name="scale">Above 0, or 0 to have no direction preferred; multiplies every product.</param>
    /// <param name="into">Receives clusters and scaled products, best first; at most C long.</param>
    public void Nearest(ReadOnlySpan<float> vector, float scale, Span<ClusterWeight> into)
    {
        if (_groupPanels.Length == 0)
        {
            NearestOfAll(vector, scale, into);
            return;
        }
        var count = 0;
        Span<float> near = stackalloc float[_groupPanels.Length / Dimension];
        VectorPanels.ScoreAll(vector, _groupPanels, near);
        var groups = _groupStart.Length - 1;
        near = near[..groups];
        var wanted = Math.Max(_groupStart[^1] / Parts, VectorPanels.Count(into.Length));
        for (int probe = 0, panels = 0; probe < groups && (probe < ProbesMin || panels < wanted || count < into.Length); probe++)
        {
            var group = TensorPrimitives.IndexOfMax<float>(near);
            near[group] = float.NegativeInfinity;
            Scan(vector, scale, _groupStart[group], _groupStart[group + 1], into, ref count);
            panels += _groupStart[group + 1] - _groupStart[group];
        }
    }

    /// <summary>As <see cref="Nearest"/>, and exact. O(C·D).</summary>
    public void NearestOfAll(ReadOnlySpan<float> vector, float scale, Span<ClusterWeight> into)
    {
        var count = 0;
        Scan(vector, scale, 0, _groupStart[^1], into, ref count);
    }

    /// <summary>Keeps the largest products of some panels in <paramref name="into"/>, in the place of weights, by insertion.</summary>
    private void Scan(ReadOnlySpan<float> vector, float scale, int from, int to, Span<ClusterWeight> into, ref int count)
    {
        const int AtOnce = 2;
        Span<float> scores = stackalloc float[AtOnce * VectorPanels.Width];
        var panelFloats = VectorPanels.Width * Dimension;
        for (var panel = from; panel < to; panel += AtOnce)
        {
            var panels = Math.Min(AtOnce, to - panel);
            VectorPanels.ScoreAll(vector, _panels.AsSpan(panel * panelFloats, panels * panelFloats), scores);
            var clusters = _clusterOf.AsSpan(panel * VectorPanels.Width, panels * VectorPanels.Width);
            for (var i = 0; i < clusters.Length; i++)
            {
                var entry = new ClusterWeight(clusters[i], scale * scores[i]);
                if (entry.Cluster < 0 || (count == into.Length && !Precedes(entry, into[count - 1])))
                    continue;
                var at = count < into.Length ? count++ : count - 1;
                for (; at > 0 && Precedes(entry, into[at - 1]); at--)
                    into[at] = into[at - 1];
                into[at] = entry;
            }
        }
    }

    private static bool Precedes(ClusterWeight left, ClusterWeight right) =>
        left.Weight > right.Weight || (left.Weight == right.Weight && left.Cluster < right.Cluster);

    /// <summary>Members of each group and the groups' own centroids; one group and no centroids where all are searched.</summary>
    private static List<int>[] Group(float[][] directions, out float[] groupPanels)
    {
        groupPanels = [];
        var pointing = directions.Count(static d => d.AsSpan().ContainsAnyExcept(0f));
        if (pointing <= ExactMax)
            return [[.. Enumerable.Range(0, directions.Length)]];
        var dimension = directions[0].Length;
        var wanted = (int)Math.Sqrt(pointing);
        // Every so manieth, so that any order of the centroids is sampled from beginning to end.
        var step = Math.Max(1, directions.Length / (SamplePerGroup * wanted));
        var sample = new List<float[]>();
        for (var c = 0; c < directions.Length; c += step)
            sample.Add(directions[c]);
        var centroids = SphericalKMeans.Fit(
            sample, Math.Min(wanted, sample.Count(static d => d.AsSpan().ContainsAnyExcept(0f))), Seed, Sweeps);
        groupPanels = new float[VectorPanels.Count(centroids.Length) * VectorPanels.Width * dimension];
        for (var g = 0; g < centroids.Length; g++)
            VectorPanels.Set(groupPanels, g, centroids[g]);
        var groups = Array.ConvertAll(centroids, static _ => new List<int>());
        var scores = new float[groupPanels.Length / dimension];
        for (var c = 0; c < directions.Length; c++)
        {
            VectorPanels.ScoreAll(directions[c], groupPanels, scores);
            groups[TensorPrimitives.IndexOfMax<float>(scores.AsSpan(0, groups.Length))].Add(c);
        }
        return groups;
    }
}
