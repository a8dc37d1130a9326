using System.Numerics.Tensors;
using Recsys.Api.Decisions;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Catalogue;

/// <summary>
/// The sparse graph of user clusters and items (Online Matching, arXiv 2307.15893, section 4): a user belongs to the nearest K centroids with softmax
/// weights, each cluster proposes the W items nearest to it. Immutable. Without centroids there is one cluster that proposes every item up to a bound.
/// </summary>
public sealed class CandidateGraph
{
    /// <summary>Most items that a single cluster without centroids proposes; one decision estimates all of them.</summary>
    public const int UnclusteredMax = 1000;

    private readonly CatalogueItem[] _items;
    private readonly int[][] _edges;
    private readonly float[] _centroids;
    private readonly int _dimension;
    private readonly GraphSettings _settings;

    private CandidateGraph(CatalogueItem[] items, int[][] edges, float[] centroids, int dimension, GraphSettings settings, int leftOut)
    {
        _items = items;
        _edges = edges;
        _centroids = centroids;
        _dimension = dimension;
        _settings = settings;
        LeftOut = leftOut;
    }

    /// <summary>Nothing to propose.</summary>
    public static CandidateGraph Empty { get; } = new([], [[]], [], 0, new GraphSettings(1, 1, 1), 0);

    /// <summary>Items in the graph.</summary>
    public int Count => _items.Length;

    /// <summary>Items that do not fit the definition (vector length) and were left out.</summary>
    public int LeftOut { get; }

    /// <summary>Builds a graph. O(C N D + C N log W).</summary>
    /// <param name="items">All items, in any order.</param>
    /// <param name="experiment">Shapes, centroids and sizes.</param>
    public static CandidateGraph Build(IEnumerable<CatalogueItem> items, Experiment experiment)
    {
        var definition = experiment.Definition;
        var all = items.ToList();
        // Order by key, so that replicas that met the items in another order build the same graph.
        var fitting = all.Where(i => i.Candidate.Features.Dense.Length == definition.Features.ActionVector).OrderBy(static i => i.Candidate.Key).ToArray();
        var leftOut = all.Count - fitting.Length;
        if (experiment.Centroids.Count == 0)
        {
            int[] everything = [.. Enumerable.Range(0, Math.Min(fitting.Length, UnclusteredMax))];
            return new CandidateGraph(fitting, [everything], [], 0, definition.Graph, leftOut);
        }
        var dimension = experiment.Centroids[0].Length;
        var centroids = new float[experiment.Centroids.Count * dimension];
        for (var c = 0; c < experiment.Centroids.Count; c++)
            Normalize(experiment.Centroids[c], centroids.AsSpan(c * dimension, dimension));
        var vectors = new float[fitting.Length][];
        for (var i = 0; i < fitting.Length; i++)
        {
            vectors[i] = new float[dimension];
            if (fitting[i].Candidate.Features.Dense.Length == dimension)
                Normalize(fitting[i].Candidate.Features.Dense.Span, vectors[i]);
        }
        var edges = new int[experiment.Centroids.Count][];
        var nearest = new PriorityQueue<int, (float Similarity, int Index)>();
        for (var c = 0; c < edges.Length; c++)
        {
            var centroid = centroids.AsSpan(c * dimension, dimension);
            nearest.Clear();
            for (var i = 0; i < vectors.Length; i++)
            {
                // The index is negated so that of equally near items the first in key order stays.
                var rank = (TensorPrimitives.Dot(centroid, vectors[i]), -i);
                if (nearest.Count < definition.Graph.ItemsPerCluster)
                    nearest.Enqueue(i, rank);
                else
                    nearest.EnqueueDequeue(i, rank);
            }
            edges[c] = [.. nearest.UnorderedItems.Select(static e => e.Element).Order()];
        }
        return new CandidateGraph(fitting, edges, centroids, dimension, definition.Graph, leftOut);
    }

    /// <summary>The clusters that a user belongs to, nearest first, with softmax weights over cosine similarities. Allocation-free.</summary>
    /// <param name="user">Context vector of the length of the centroids.</param>
    /// <param name="into">Receives them; at least <see cref="DecisionQuery.ClustersMax"/> long.</param>
    /// <returns>How many, at least 1.</returns>
    public int Assign(ReadOnlySpan<float> user, Span<ClusterWeight> into)
    {
        if (_centroids.Length == 0 || user.Length != _dimension)
        {
            into[0] = new ClusterWeight(0, 1);
            return 1;
        }
        var k = Math.Min(_settings.ClustersPerUser, _edges.Length);
        var norm = TensorPrimitives.Norm(user);
        Span<float> similarity = stackalloc float[DecisionQuery.ClustersMax];
        var filled = 0;
        for (var c = 0; c < _edges.Length; c++)
        {
            var s = norm > 0 ? TensorPrimitives.Dot(user, _centroids.AsSpan(c * _dimension, _dimension)) / norm : 0;
            if (filled == k && s <= similarity[k - 1])
                continue;
            var at = filled < k ? filled++ : k - 1;
            for (; at > 0 && similarity[at - 1] < s; at--)
            {
                similarity[at] = similarity[at - 1];
                into[at] = into[at - 1];
            }
            similarity[at] = s;
            into[at] = new ClusterWeight(c, 0);
        }
        double sum = 0;
        for (var i = 0; i < filled; i++)
            sum += Math.Exp((similarity[i] - similarity[0]) / _settings.Temperature);
        for (var i = 0; i < filled; i++)
            into[i] = into[i] with { Weight = (float)(Math.Exp((similarity[i] - similarity[0]) / _settings.Temperature) / sum) };
        return filled;
    }

    /// <summary>Adds the available items of the user's clusters to a workspace, each with the mask of the clusters that propose it. Allocation-free once grown.</summary>
    public void Propose(ReadOnlySpan<ClusterWeight> clusters, long now, DecisionWorkspace into)
    {
        var total = 0;
        foreach (var cluster in clusters)
            total += _edges[cluster.Cluster].Length;
        var table = into.UnionTable(total);
        for (var bit = 0; bit < clusters.Length; bit++)
        {
            foreach (var index in _edges[clusters[bit].Cluster])
            {
                var item = _items[index];
                if (!item.IsAvailable(now))
                    continue;
                var at = (int)((uint)index * 2654435769u) & (table.Length - 1);
                while (table[at] != 0 && into.CandidateAt(table[at] - 1).Key != item.Candidate.Key)
                    at = (at + 1) & (table.Length - 1);
                if (table[at] == 0)
                {
                    into.AddCandidate(item.Candidate with { ClusterMask = 1UL << bit });
                    table[at] = into.CandidateCount;
                }
                else
                {
                    ref var known = ref into.CandidateAt(table[at] - 1);
                    known = known with { ClusterMask = known.ClusterMask | (1UL << bit) };
                }
            }
        }
    }

    private static void Normalize(ReadOnlySpan<float> vector, Span<float> into)
    {
        var norm = TensorPrimitives.Norm(vector);
        if (norm > 0)
            TensorPrimitives.Divide(vector, norm, into);
    }
}
