using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Tests.Catalogue;

/// <summary>The graph as its definition says, from full sorts and sets.</summary>
internal sealed class NaiveGraph
{
    private readonly List<double[]> _directions;
    private readonly CatalogueItem[] _items;

    public NaiveGraph(float[][] centroids, CatalogueItem[] items, int itemsPerCluster)
    {
        _directions = [.. centroids.Select(static c => Normalize([.. c.Select(static v => (double)v)]))];
        _items = items;
        Rows = [.. _directions.Select(d => items
            .Where(static i => !i.Features.Dense.IsEmpty)
            .OrderByDescending(i => Dot(d, i)).ThenBy(static i => i.Key)
            .Take(itemsPerCluster).ToList())];
        Newcomers = [.. centroids.Select(static _ => new HashSet<CatalogueItem>())];
        foreach (var item in items.Where(i => centroids.Length > 0 && !i.Features.Dense.IsEmpty && !Rows.Exists(r => r.Contains(i))))
            Newcomers[Enumerable.Range(0, centroids.Length).OrderByDescending(c => Dot(_directions[c], item)).ThenBy(static c => c).First()].Add(item);
        Everywhere = [.. items.Where(i => i.Features.Dense.IsEmpty || centroids.Length == 0)];
    }

    /// <summary>Ranked items of each cluster, best first.</summary>
    public List<List<CatalogueItem>> Rows { get; }

    /// <summary>Items that no cluster ranks, by their nearest cluster.</summary>
    public List<HashSet<CatalogueItem>> Newcomers { get; }

    /// <summary>Items that every cluster may show.</summary>
    public HashSet<CatalogueItem> Everywhere { get; }

    /// <summary>Bit i: the i-th of the clusters has an edge to the item.</summary>
    public ulong Mask(CatalogueItem item, IReadOnlyList<ClusterWeight> clusters)
    {
        ulong mask = 0;
        for (var i = 0; i < clusters.Count; i++)
        {
            if (Everywhere.Contains(item) || Rows[clusters[i].Cluster].Contains(item) || Newcomers[clusters[i].Cluster].Contains(item))
                mask |= 1UL << i;
        }
        return mask;
    }

    /// <summary>Softmax of cosine / temperature over the nearest, small weights dropped, the rest scaled to 1.</summary>
    public List<(int Cluster, double Weight)> Assign(float[] user, int clustersPerUser, double temperature)
    {
        double[] direction = [.. user.Select(static v => (double)v)];
        if (direction.All(static v => v == 0))
            direction = [.. Enumerable.Range(0, _directions[0].Length).Select(d => _directions.Sum(c => c[d]))];
        direction = Normalize(direction);
        var nearest = _directions.Select((c, i) => (Cluster: i, Cosine: c.Zip(direction).Sum(static p => p.First * p.Second)))
            .OrderByDescending(static x => Math.Round(x.Cosine, 6)).ThenBy(static x => x.Cluster).Take(clustersPerUser).ToList();
        var all = nearest.Sum(x => Math.Exp(x.Cosine / temperature));
        var kept = nearest.Select(x => (x.Cluster, Weight: Math.Exp(x.Cosine / temperature) / all)).Where(static x => x.Weight >= 0.01).ToList();
        var left = kept.Sum(static x => x.Weight);
        return [.. kept.Select(x => (x.Cluster, x.Weight / left))];
    }

    public static CatalogueItem Item(string id, float[] vector, long? from = null, long? until = null)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(id);
        return new CatalogueItem(bytes, ActionKey.Of(bytes), new FeatureSet(default, vector), [], from, until);
    }

    private static double[] Normalize(double[] vector)
    {
        var norm = Math.Sqrt(vector.Sum(static v => v * v));
        return norm > 1e-6 ? [.. vector.Select(v => v / norm)] : new double[vector.Length];
    }

    private static double Dot(double[] direction, CatalogueItem item) => direction.Zip(item.Features.Dense.ToArray()).Sum(static p => p.First * p.Second);
}
