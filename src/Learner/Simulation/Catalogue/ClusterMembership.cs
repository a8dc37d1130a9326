using System.Numerics.Tensors;
using Recsys.Bandits.Interactions;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>How strongly each user belongs to which clusters: softmax over the cosines with the K nearest centroids (Online Matching eq. 10).</summary>
public static class ClusterMembership
{
    private const double Coldest = 1e-4, Hottest = 100;

    /// <summary>Clusters and weights of every user.</summary>
    /// <param name="users">[N, D], rows of length 1.</param>
    /// <param name="centroids">[C, D], rows of length 1.</param>
    /// <param name="dimension">D.</param>
    /// <param name="perUser">K, at least 1.</param>
    /// <param name="temperature">Above 0, or 0 to choose the one whose mean of 1 / Σ w² is <see cref="CatalogueSettings.EffectiveClusters"/>.</param>
    /// <returns>Per user the clusters by falling weight, weights adding to 1.</returns>
    public static ClusterWeight[][] Of(ReadOnlySpan<float> users, ReadOnlySpan<float> centroids, int dimension, int perUser, double temperature)
    {
        var nearest = new (int Cluster, double Cosine)[users.Length / dimension][];
        var cosines = new double[centroids.Length / dimension];
        for (var user = 0; user < nearest.Length; user++)
        {
            for (var c = 0; c < cosines.Length; c++)
                cosines[c] = TensorPrimitives.Dot(users.Slice(user * dimension, dimension), centroids.Slice(c * dimension, dimension));
            nearest[user] = [.. cosines.Select(static (cosine, c) => (c, cosine)).OrderByDescending(static x => x.cosine).Take(perUser)];
        }
        if (temperature == 0)
            temperature = Choose(nearest);
        // A weight that rounds to nothing is no membership: its edges would be candidates that nothing is ever learned about.
        return Array.ConvertAll(nearest, clusters =>
        {
            var kept = clusters.Zip(Softmax(clusters, temperature)).Where(static x => x.Second > 1e-6).ToArray();
            var total = kept.Sum(static x => x.Second);
            return Array.ConvertAll(kept, x => new ClusterWeight(x.First.Cluster, (float)(x.Second / total)));
        });
    }

    /// <summary>Bisection: the effective number of clusters grows with the temperature, from 1 to K.</summary>
    private static double Choose((int Cluster, double Cosine)[][] nearest)
    {
        var (low, high) = (Math.Log(Coldest), Math.Log(Hottest));
        for (var step = 0; step < 40; step++)
        {
            var middle = (low + high) / 2;
            var effective = nearest.Average(clusters => 1 / Softmax(clusters, Math.Exp(middle)).Sum(static w => w * w));
            if (effective < CatalogueSettings.EffectiveClusters)
                low = middle;
            else
                high = middle;
        }
        return Math.Exp(low);
    }

    private static double[] Softmax((int Cluster, double Cosine)[] clusters, double temperature)
    {
        var weights = Array.ConvertAll(clusters, c => Math.Exp((c.Cosine - clusters[0].Cosine) / temperature));
        var total = weights.Sum();
        return Array.ConvertAll(weights, w => w / total);
    }
}
