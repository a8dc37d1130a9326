using System.Numerics.Tensors;

namespace Recsys.Bandits.Catalogue;

/// <summary>
/// K-means on the unit sphere, for user-cluster centroids: a point belongs to the centroid with the largest cosine, a centroid is the normalised sum of its
/// points (Dhillon and Modha 2001). Starts as k-means++ does (Arthur and Vassilvitskii 2007) with 1 − cosine as the distance.
/// </summary>
public static class SphericalKMeans
{
    /// <summary>Finds centroids. A function of its arguments: ties go to the lower index and the randomness is the seed's.</summary>
    /// <param name="points">N vectors of one length D, finite; only their direction counts, zero vectors belong to no direction and are left out.</param>
    /// <param name="clusters">C, 1 to the number of non-zero points.</param>
    /// <param name="seed">Chooses the start.</param>
    /// <param name="sweeps">Most passes over the points; fewer when nothing moves.</param>
    /// <returns>C centroids of length 1.</returns>
    /// <exception cref="ArgumentException">Lengths disagree, or there are fewer usable points than clusters.</exception>
    public static float[][] Fit(IReadOnlyList<float[]> points, int clusters, ulong seed, int sweeps = 50)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfLessThan(clusters, 1);
        var directions = new List<float[]>(points.Count);
        foreach (var point in points)
        {
            if (point.Length != points[0].Length)
                throw new ArgumentException($"A point has {point.Length} numbers, the first has {points[0].Length}.", nameof(points));
            var direction = point.ToArray();
            if (Normalize(direction))
                directions.Add(direction);
        }
        if (clusters > directions.Count)
            throw new ArgumentException($"{clusters} clusters need as many points with a direction; there are {directions.Count}.", nameof(clusters));

        var centroids = Start(directions, clusters, seed);
        var owners = new int[directions.Count];
        Array.Fill(owners, -1);
        for (var sweep = 0; sweep < sweeps; sweep++)
        {
            var sums = new float[clusters][];
            for (var c = 0; c < clusters; c++)
                sums[c] = new float[directions[0].Length];
            var moved = false;
            for (var i = 0; i < owners.Length; i++)
            {
                var nearest = Nearest(directions[i], centroids);
                moved |= nearest != owners[i];
                owners[i] = nearest;
                TensorPrimitives.Add(sums[nearest], directions[i], sums[nearest]);
            }
            if (!moved)
                break;
            for (var c = 0; c < clusters; c++)
            {
                // A cluster that lost its points, or whose points cancel out, stays where it was.
                if (Normalize(sums[c]))
                    centroids[c] = sums[c];
            }
        }
        return centroids;
    }

    private static float[][] Start(List<float[]> points, int clusters, ulong seed)
    {
        var distances = new double[points.Count];
        Array.Fill(distances, double.PositiveInfinity);
        var centroids = new float[clusters][];
        var chosen = (int)(Uniform(ref seed) * points.Count);
        for (var c = 0; ; c++)
        {
            centroids[c] = points[chosen].ToArray();
            if (c == clusters - 1)
                return centroids;
            double total = 0;
            for (var i = 0; i < distances.Length; i++)
            {
                distances[i] = Math.Min(distances[i], Math.Max(0, 1 - TensorPrimitives.Dot<float>(points[i], centroids[c])));
                total += distances[i];
            }
            var target = Uniform(ref seed) * total;
            chosen = 0;
            for (var passed = distances[0]; passed <= target && chosen + 1 < distances.Length; passed += distances[chosen])
                chosen++;
        }
    }

    private static int Nearest(float[] point, float[][] centroids)
    {
        var best = 0;
        var most = float.NegativeInfinity;
        for (var c = 0; c < centroids.Length; c++)
        {
            var cosine = TensorPrimitives.Dot<float>(point, centroids[c]);
            if (cosine > most)
                (best, most) = (c, cosine);
        }
        return best;
    }

    private static bool Normalize(float[] vector)
    {
        var norm = TensorPrimitives.Norm<float>(vector);
        if (!(norm > 0) || !float.IsFinite(norm))
            return false;
        TensorPrimitives.Divide(vector, norm, vector);
        return true;
    }

    /// <summary>SplitMix64 (Steele, Lea and Flood 2014), 53 bits.</summary>
    private static double Uniform(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
