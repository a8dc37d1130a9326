using System.Numerics.Tensors;
using Recsys.Bandits.Catalogue;
using Recsys.Learner.Simulation;

namespace Recsys.Learner.Graph;

/// <summary>Users to clusters: spherical k-means over all users while they are few, over mini-batches beyond.</summary>
/// <remarks>
/// Warm start: cluster c begins at the earlier centroid c, so that its id keeps its meaning from one build to the next. Clusters that nobody belongs to are
/// set anew, see <see cref="SphericalKMeans"/>.
/// </remarks>
public static class UserClustering
{
    /// <summary>Up to so many users every sweep looks at all of them.</summary>
    public const int FullMax = 50_000;

    private const int Sweeps = 50, BatchMin = 4096, BatchesMax = 200, StartSampleMin = 20_000;
    private const ulong SamplePurpose = 0x6B6D31, BatchPurpose = 0x6B6D32;

    /// <summary>Finds centroids of length 1. A function of its arguments, whatever the number of cores.</summary>
    /// <param name="users">Vectors of one length with a direction.</param>
    /// <param name="clusters">C, 1 to the number of users.</param>
    /// <param name="seed">Of the start and the mini-batches.</param>
    /// <param name="earlier">Earlier centroids of the same length, or null.</param>
    /// <param name="fullMax">Users beyond which mini-batches are used.</param>
    public static float[][] Fit(IReadOnlyList<float[]> users, int clusters, long seed, IReadOnlyList<float[]>? earlier = null, int fullMax = FullMax)
    {
        ArgumentNullException.ThrowIfNull(users);
        var bits = SeededRandom.For(seed, SamplePurpose).NextBits();
        return users.Count <= fullMax
            ? SphericalKMeans.Fit(users, clusters, bits, Sweeps, earlier)
            : MiniBatches(users, clusters, seed, bits, earlier);
    }

    /// <summary>
    /// Each batch of random users pulls its nearest centroids: the count-weighted mean direction of all that ever belonged to them (Sculley, "Web-scale k-means
    /// clustering", WWW 2010, on the sphere).
    /// </summary>
    private static float[][] MiniBatches(IReadOnlyList<float[]> users, int clusters, long seed, ulong bits, IReadOnlyList<float[]>? earlier)
    {
        var random = SeededRandom.For(seed, BatchPurpose);
        var sampleSize = Math.Min(users.Count, Math.Max(StartSampleMin, 4 * clusters));
        var order = Enumerable.Range(0, users.Count).ToArray();
        random.Shuffle(order);
        var sample = order.Take(sampleSize).Select(i => users[i]).ToArray();
        var centroids = SphericalKMeans.Fit(sample, clusters, bits, sweeps: 0, earlier);
        var dimension = centroids[0].Length;
        var sums = Array.ConvertAll(centroids, static _ => (float[]?)null);
        var batch = Math.Min(users.Count, Math.Max(BatchMin, 2 * clusters));
        var batches = Math.Min(BatchesMax, (int)Math.Ceiling(10.0 * users.Count / batch));
        var owners = new int[batch];
        var at = 0;
        for (var step = 0; step < batches; step++)
        {
            if (at + batch > order.Length)
            {
                random.Shuffle(order);
                at = 0;
            }
            var start = at;
            var now = centroids;
            Parallel.For(0, batch, i => owners[i] = SphericalKMeans.Nearest(users[order[start + i]], now));
            for (var i = 0; i < batch; i++)
            {
                var user = users[order[start + i]];
                var norm = TensorPrimitives.Norm<float>(user);
                if (norm > 0 && float.IsFinite(norm))
                    TensorPrimitives.MultiplyAdd(user, 1 / norm, sums[owners[i]] ??= new float[dimension], sums[owners[i]]!);
            }
            centroids = [.. centroids.Select((centroid, c) => sums[c] is { } sum && SphericalKMeans.Direction(sum) is { } direction ? direction : centroid)];
            at += batch;
        }
        // A last sweep over a sample gives nobody's clusters a place where somebody is.
        return SphericalKMeans.Fit(sample, clusters, bits, sweeps: 1, centroids);
    }
}
