using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Catalogue;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class SphericalKMeansTests
{
    [Fact]
    public void Fit_finds_groups_that_are_far_apart()
    {
        var points = Around([(1, 0), (0, 1), (-1, 0)], each: 40, noise: 0.1);
        var centroids = SphericalKMeans.Fit(points, 2, 3, 50, SeededRandom.For(1, 1));
        foreach (var (x, y) in new[] { (1f, 0f), (0f, 1f), (-1f, 0f) })
            Assert.Contains(Enumerable.Range(0, 3), c => centroids[2 * c] * x + centroids[2 * c + 1] * y > 0.99f);
    }

    [Fact]
    public void Fit_ends_with_centroids_that_are_the_direction_of_their_points()
    {
        var points = Around([(1, 0), (0, 1)], each: 50, noise: 1);
        var centroids = SphericalKMeans.Fit(points, 2, 5, 1000, SeededRandom.For(2, 1));
        var sums = new double[10];
        for (var i = 0; i < 100; i++)
        {
            var nearest = Enumerable.Range(0, 5).MaxBy(c => points[2 * i] * centroids[2 * c] + points[2 * i + 1] * centroids[2 * c + 1]);
            sums[2 * nearest] += points[2 * i];
            sums[2 * nearest + 1] += points[2 * i + 1];
        }
        for (var c = 0; c < 5; c++)
        {
            var norm = Math.Sqrt(sums[2 * c] * sums[2 * c] + sums[2 * c + 1] * sums[2 * c + 1]);
            Assert.Equal(sums[2 * c] / norm, centroids[2 * c], 1e-5);
            Assert.Equal(sums[2 * c + 1] / norm, centroids[2 * c + 1], 1e-5);
        }
    }

    [Fact]
    public void Fit_equal_points_give_finite_centroids()
    {
        var centroids = SphericalKMeans.Fit(Around([(1, 0)], each: 6, noise: 0), 2, 4, 10, SeededRandom.For(1, 1));
        for (var c = 0; c < 4; c++)
            Assert.Equal((1f, 0f), (centroids[2 * c], centroids[2 * c + 1]));
    }

    private static float[] Around((double X, double Y)[] centres, int each, double noise)
    {
        var random = SeededRandom.For(9, 1);
        var points = new List<float>();
        foreach (var (x, y) in centres)
        {
            for (var i = 0; i < each; i++)
            {
                var (px, py) = (x + noise * random.NextNormal(), y + noise * random.NextNormal());
                var norm = Math.Sqrt(px * px + py * py);
                points.Add((float)(px / norm));
                points.Add((float)(py / norm));
            }
        }
        return [.. points];
    }
}
