using System.Numerics.Tensors;

namespace Recsys.Learner.Simulation.Catalogue;

/// <summary>
/// K-means on the unit sphere: a point belongs to the centroid with the largest cosine, a centroid is the normalised sum of its points (Dhillon and Modha
/// 2001). Starts as k-means++ does, with 1 − cosine as the distance. Ties go to the lower index, so the result is a function of its arguments.
/// </summary>
public static class SphericalKMeans
{
    /// <summary>Finds the centroids.</summary>
    /// <param name="points">[N, D], row-major, every row of length 1.</param>
    /// <param name="dimension">D.</param>
    /// <param name="clusters">C, 1 to N.</param>
    /// <param name="sweeps">Most passes over the points; fewer when nothing moves.</param>
    /// <param name="random">Chooses the start.</param>
    /// <returns>[C, D], every row of length 1.</returns>
    public static float[] Fit(ReadOnlySpan<float> points, int dimension, int clusters, int sweeps, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var count = points.Length / dimension;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(clusters, count);
        var centroids = Start(points, dimension, clusters, random);
        var owners = new int[count];
        Array.Fill(owners, -1);
        for (var sweep = 0; sweep < sweeps; sweep++)
        {
            var moved = false;
            var sums = new float[centroids.Length];
            for (var i = 0; i < count; i++)
            {
                var point = points.Slice(i * dimension, dimension);
                var nearest = Nearest(point, centroids, dimension);
                moved |= nearest != owners[i];
                owners[i] = nearest;
                var sum = sums.AsSpan(nearest * dimension, dimension);
                TensorPrimitives.Add(sum, point, sum);
            }
            if (!moved)
                break;
            for (var c = 0; c < clusters; c++)
            {
                var sum = sums.AsSpan(c * dimension, dimension);
                var norm = TensorPrimitives.Norm(sum);
                // A cluster that lost its points, or whose points cancel out, stays where it was.
                if (norm > 0)
                    TensorPrimitives.Divide(sum, norm, centroids.AsSpan(c * dimension, dimension));
            }
        }
        return centroids;
    }

    private static float[] Start(ReadOnlySpan<float> points, int dimension, int clusters, SeededRandom random)
    {
        var count = points.Length / dimension;
        var centroids = new float[clusters * dimension];
        var distances = new double[count];
        Array.Fill(distances, double.PositiveInfinity);
        var chosen = random.NextInteger(count);
        for (var c = 0; c < clusters; c++)
        {
            var centroid = centroids.AsSpan(c * dimension, dimension);
            points.Slice(chosen * dimension, dimension).CopyTo(centroid);
            double total = 0;
            for (var i = 0; i < count; i++)
            {
                var distance = Math.Max(0, 1 - TensorPrimitives.Dot(points.Slice(i * dimension, dimension), centroid));
                distances[i] = Math.Min(distances[i], distance);
                total += distances[i];
            }
            var target = random.NextUniform() * total;
            chosen = 0;
            for (double passed = distances[0]; passed <= target && chosen + 1 < count; passed += distances[chosen])
                chosen++;
        }
        return centroids;
    }

    private static int Nearest(ReadOnlySpan<float> point, ReadOnlySpan<float> centroids, int dimension)
    {
        var best = 0;
        var most = float.NegativeInfinity;
        for (var c = 0; c * dimension < centroids.Length; c++)
        {
            var cosine = TensorPrimitives.Dot(point, centroids.Slice(c * dimension, dimension));
            if (cosine > most)
                (best, most) = (c, cosine);
        }
        return best;
    }
}
