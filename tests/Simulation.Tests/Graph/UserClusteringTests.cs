using Recsys.Bandits.Catalogue;
using Recsys.Learner.Graph;
using Recsys.Learner.Simulation;
using Xunit;

namespace Recsys.Simulation.Tests.Graph;

public sealed class UserClusteringTests
{
    [Fact]
    public void Mini_batches_come_close_to_what_all_users_together_give_and_are_reproducible()
    {
        var random = SeededRandom.For(5, 5);
        var centres = Enumerable.Range(0, 12).Select(_ => Normal(random, 8, 1, null)).ToArray();
        var users = Enumerable.Range(0, 6000).Select(i => Normal(random, 8, 0.3, centres[i % 12])).ToArray();
        // From one start, so that the methods differ and not the local optimum that they end in.
        var start = SphericalKMeans.Fit(users, 12, 1, sweeps: 0);
        var full = Spread(users, UserClustering.Fit(users, 12, 1, start));
        var small = UserClustering.Fit(users, 12, 1, start, fullMax: 100);
        Assert.True(Spread(users, small) < 1.02 * full, $"{Spread(users, small)} against {full}");
        Assert.Equal(small, UserClustering.Fit(users, 12, 1, start, fullMax: 100));
        var again = UserClustering.Fit(users, 12, 2, small, fullMax: 100);
        for (var c = 0; c < 12; c++)
            Assert.Equal(c, SphericalKMeans.Nearest(again[c], small));
    }

    private static double Spread(float[][] users, float[][] centroids) => users.Average(user =>
        1 - SphericalKMeans.Direction(user)!.Zip(centroids[SphericalKMeans.Nearest(user, centroids)]).Sum(static p => (double)p.First * p.Second));

    private static float[] Normal(SeededRandom random, int length, double noise, float[]? centre) =>
        [.. Enumerable.Range(0, length).Select(k => (float)((centre?[k] ?? 0) + noise * random.NextNormal()))];
}
