using Recsys.Bandits.Catalogue;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

public sealed class SphericalKMeansTests
{
    [Fact]
    public void Fit_finds_groups_that_are_there()
    {
        var random = new Random(3);
        float[][] centres = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, 0]];
        var points = Enumerable.Range(0, 400).Select(i => centres[i % 4].Select(v => (v + 0.1f * (random.NextSingle() - 0.5f)) * (1 + i % 9)).ToArray()).ToArray();
        var centroids = SphericalKMeans.Fit(points, 4, seed: 1);
        Assert.All(centroids, static c => Assert.Equal(1, c.Sum(static v => v * v), 1e-5f));
        foreach (var centre in centres)
            Assert.Single(centroids, c => c.Zip(centre).Sum(static p => p.First * p.Second) > 0.98 * Math.Sqrt(centre.Sum(static v => v * v)));
    }

    [Fact]
    public void Fit_ends_where_every_centroid_is_the_mean_direction_of_its_points()
    {
        var random = new Random(5);
        var points = Enumerable.Range(0, 300).Select(_ => Enumerable.Range(0, 5).Select(_ => random.NextSingle() - 0.5f).ToArray()).ToArray();
        var centroids = SphericalKMeans.Fit(points, 6, seed: 9, sweeps: 500);
        var sums = new double[6, 5];
        foreach (var point in points)
        {
            var norm = Math.Sqrt(point.Sum(static v => (double)v * v));
            var nearest = Enumerable.Range(0, 6).MaxBy(c => centroids[c].Zip(point).Sum(static p => (double)p.First * p.Second));
            for (var d = 0; d < 5; d++)
                sums[nearest, d] += point[d] / norm;
        }
        for (var c = 0; c < 6; c++)
        {
            var norm = Math.Sqrt(Enumerable.Range(0, 5).Sum(d => sums[c, d] * sums[c, d]));
            for (var d = 0; d < 5; d++)
                Assert.Equal(sums[c, d] / norm, centroids[c][d], 1e-4);
        }
    }

    [Fact]
    public void Fit_is_a_function_of_its_arguments_and_leaves_its_points_alone()
    {
        var points = Enumerable.Range(1, 20).Select(static i => new float[] { i, 20 - i }).ToArray();
        var copy = points.Select(static p => p.ToArray()).ToArray();
        Assert.Equal(SphericalKMeans.Fit(points, 3, 7), SphericalKMeans.Fit(points, 3, 7));
        Assert.Equal(copy, points);
    }

    [Fact]
    public void Fit_takes_equal_points_and_leaves_out_points_without_direction()
    {
        var centroids = SphericalKMeans.Fit([[0, 0], [2, 0], [3, 0], [float.MaxValue, float.MaxValue]], 2, 1);
        Assert.All(centroids, static c => Assert.Equal([1, 0], c));
    }

    [Fact]
    public void Fit_refuses_too_few_points_and_lengths_that_differ()
    {
        Assert.Throws<ArgumentException>(() => SphericalKMeans.Fit([[1, 0], [0, 0]], 2, 1));
        Assert.Throws<ArgumentException>(() => SphericalKMeans.Fit([], 1, 1));
        Assert.Throws<ArgumentException>(() => SphericalKMeans.Fit([[1, 0], [1]], 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SphericalKMeans.Fit([[1, 0]], 0, 1));
    }

    [Fact]
    public void Fit_that_starts_from_earlier_centroids_keeps_their_order()
    {
        var random = new Random(3);
        float[][] centres = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
        var points = Enumerable.Range(0, 300).Select(i => centres[i % 3].Select(v => v + 0.2f * (random.NextSingle() - 0.5f)).ToArray()).ToArray();
        float[][] start = [[0, 0.2f, 1], [1, 0, 0.3f], [0, 5, 1]];
        var centroids = SphericalKMeans.Fit(points, 3, seed: 1, start: start);
        Assert.True(centroids[0][2] > 0.98f && centroids[1][0] > 0.98f && centroids[2][1] > 0.98f);
        Assert.Equal(start.Select(SphericalKMeans.Direction), SphericalKMeans.Fit(points, 3, seed: 1, sweeps: 0, start));
        var grown = SphericalKMeans.Fit(points, 3, seed: 1, start: start[..2]);
        Assert.True(grown[0][2] > 0.98f && grown[1][0] > 0.98f && grown[2][1] > 0.98f);
        Assert.Throws<ArgumentException>(() => SphericalKMeans.Fit(points, 1, 1, start: [[1, 0]]));
    }

    [Fact]
    public void Fit_moves_a_cluster_that_nobody_belongs_to_where_somebody_is()
    {
        float[][] points = [[1, 0.1f], [1, 0], [1, -0.1f], [0, 1], [0.1f, 1]];
        var centroids = SphericalKMeans.Fit(points, 3, seed: 1, start: [[1, 0], [0, 1], [-1, -1]]);
        var owners = points.Select(p => SphericalKMeans.Nearest(p, centroids)).Distinct().Order();
        Assert.Equal([0, 1, 2], owners);
    }
}
