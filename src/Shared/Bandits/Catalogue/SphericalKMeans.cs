using System.Numerics.Tensors;
using Recsys.Bandits.Randomness;

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
    /// <param name="sweeps">Most passes over the points; fewer when nothing moves, none to get the start itself.</param>
    /// <param name="start">
    /// Centroids to start from, of length D: cluster c begins at entry c and so keeps its meaning. Missing ones are chosen as k-means++ goes on, surplus ones are
    /// left out, an entry without direction becomes a point. Null for a start of its own.
    /// </param>
    /// <returns>C centroids of length 1.</returns>
    /// <exception cref="ArgumentException">Lengths disagree, or there are fewer usable points than clusters.</exception>
    public static float[][] Fit(IReadOnlyList<float[]> points, int clusters, ulong seed, int sweeps = 50, IReadOnlyList<float[]>? start = null)
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

        var given = new List<float[]>();
        foreach (var centroid in start ?? [])
        {
            if (centroid.Length != directions[0].Length)
                throw new ArgumentException($"A centroid to start from has {centroid.Length} numbers, the points have {directions[0].Length}.", nameof(start));
            if (given.Count < clusters)
                given.Add(Direction(centroid) ?? directions[0]);
        }
        var centroids = Start(directions, clusters, given, seed);
        var owners = new int[directions.Count];
        Array.Fill(owners, -1);
        for (var sweep = 0; sweep < sweeps; sweep++)
        {
            var sums = new float[clusters][];
            for (var c = 0; c < clusters; c++)
                sums[c] = new float[directions[0].Length];
            var moved = false;
            var members = new int[clusters];
            for (var i = 0; i < owners.Length; i++)
            {
                var nearest = Nearest(directions[i], centroids);
                members[nearest]++;
                moved |= nearest != owners[i];
                owners[i] = nearest;
                TensorPrimitives.Add(sums[nearest], directions[i], sums[nearest]);
            }
            if (!Reseed(directions, owners, members, centroids) && !moved)
                break;
            for (var c = 0; c < clusters; c++)
            {
                // A cluster whose points cancel out stays where it was.
                if (members[c] > 0 && Normalize(sums[c]))
                    centroids[c] = sums[c];
            }
        }
        return centroids;
    }

    /// <summary>
    /// Moves each cluster without points to the point that is farthest from its own centroid; a point that lies on its centroid leaves
    /// nothing to gain, and a cluster of one point is not robbed of it.
    /// </summary>
    /// <returns>Whether a cluster moved.</returns>
    private static bool Reseed(List<float[]> points, int[] owners, int[] members, float[][] centroids)
    {
        const float OnIt = 1 - 1e-5f;
        var moved = false;
        for (var c = 0; c < centroids.Length; c++)
        {
            if (members[c] > 0)
                continue;
            var (farthest, least) = (-1, OnIt);
            for (var i = 0; i < points.Count; i++)
            {
                var cosine = TensorPrimitives.Dot<float>(points[i], centroids[owners[i]]);
                if (cosine < least && members[owners[i]] > 1)
                    (farthest, least) = (i, cosine);
            }
            if (farthest < 0)
                break;
            members[owners[farthest]]--;
            owners[farthest] = c;
            // Not counted as a member: the sums of this sweep do not know that it has moved.
            centroids[c] = points[farthest].ToArray();
            moved = true;
        }
        return moved;
    }

    private static float[][] Start(List<float[]> points, int clusters, List<float[]> given, ulong seed)
    {
        var centroids = new float[clusters][];
        if (given.Count == clusters)
        {
            given.CopyTo(centroids);
            return centroids;
        }
        var distances = new double[points.Count];
        Array.Fill(distances, double.PositiveInfinity);
        var random = new SplitMix64(seed);
        var chosen = (int)(random.NextUniform() * points.Count);
        for (var c = 0; ; c++)
        {
            centroids[c] = c < given.Count ? given[c] : points[chosen].ToArray();
            if (c == clusters - 1)
                return centroids;
            double total = 0;
            for (var i = 0; i < distances.Length; i++)
            {
                distances[i] = Math.Min(distances[i], Math.Max(0, 1 - TensorPrimitives.Dot<float>(points[i], centroids[c])));
                total += distances[i];
            }
            var target = random.NextUniform() * total;
            chosen = 0;
            for (var passed = distances[0]; passed <= target && chosen + 1 < distances.Length; passed += distances[chosen])
                chosen++;
        }
    }

    /// <summary>The centroid with the largest inner product, equal ones to the lower index.</summary>
    /// <param name="point">Length D.</param>
    /// <param name="centroids">At least one, of length D.</param>
    public static int Nearest(float[] point, float[][] centroids)
    {
        ArgumentNullException.ThrowIfNull(centroids);
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

    /// <summary>The vector scaled to length 1; null where it has no direction.</summary>
    public static float[]? Direction(float[] vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        var direction = vector.ToArray();
        return Normalize(direction) ? direction : null;
    }

    private static bool Normalize(float[] vector)
    {
        var norm = TensorPrimitives.Norm<float>(vector);
        if (!(norm > 0) || !float.IsFinite(norm))
            return false;
        TensorPrimitives.Divide(vector, norm, vector);
        return true;
    }
}
