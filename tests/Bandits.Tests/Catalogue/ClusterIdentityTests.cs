using CsCheck;
using Recsys.Bandits.Catalogue;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

public sealed class ClusterIdentityTests
{
    private static readonly float[][] Axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]];
    private static readonly int[] Ids = [7, 3, 12, 5];

    private static int[] Continue(IReadOnlyList<float[]> now, int next = 13) => ClusterIdentity.Continue(Axes, Ids, now, next).Ids;

    [Fact]
    public void Same_centroids_keep_their_ids_whatever_their_length()
    {
        var (ids, next) = ClusterIdentity.Continue(Axes, Ids, [.. Axes.Select(static a => a.Select(static x => 3 * x).ToArray())], 13);
        Assert.Equal(Ids, ids);
        Assert.Equal(13, next);
    }

    [Fact]
    public void Moved_a_little_is_the_same_and_further_is_another()
    {
        static float[] At(double cosine) => [(float)cosine, (float)Math.Sqrt(1 - cosine * cosine)];
        Assert.Equal([4], ClusterIdentity.Continue([[1, 0]], [4], [At(0.91)], 9).Ids);
        Assert.Equal([9], ClusterIdentity.Continue([[1, 0]], [4], [At(0.89)], 9).Ids);
    }

    [Fact]
    public void Permuted_centroids_take_their_ids_along() =>
        Assert.Equal([12, 5, 7, 3], Continue([Axes[2], Axes[3], Axes[0], Axes[1]]));

    [Fact]
    public void Unrelated_centroids_get_ids_that_were_never_used()
    {
        var (ids, next) = ClusterIdentity.Continue(Axes, Ids, [[1, 1, 1], [-1, -1, 1]], 13);
        Assert.Equal([13, 14], ids);
        Assert.Equal(15, next);
    }

    [Fact]
    public void More_or_fewer_centroids_keep_what_goes_on()
    {
        Assert.Equal([7, 12], Continue([Axes[0], Axes[2]]));
        Assert.Equal([13, 7, 3, 12, 5], Continue([[0, -1, 0], .. Axes]));
        Assert.Empty(Continue([]));
        Assert.Equal([1, 2], ClusterIdentity.Continue([], [], [[1, 0], [0, 1]], ClusterIdentity.FirstId).Ids);
    }

    [Fact]
    public void Other_dimension_makes_all_ids_new() =>
        Assert.Equal([13, 14, 15, 16], Continue([[1, 0], [0, 1], [1, 0], [0, 1]]));

    [Fact]
    public void Two_near_one_earlier_cluster_the_nearer_continues_it()
    {
        // Neither is at its position; the second is nearer.
        Assert.Equal([13, 14, 5, 15], Continue([[-1, 0.3f, 0], [1, 1, 1], [-1, 0.1f, 0], [1, -1, 1]]));
        // The one at its position comes first, even if another is nearer.
        Assert.Equal([7, 13], Continue([[1, 0.3f, 0], [1, 0.1f, 0]]));
    }

    [Fact]
    public void Equally_near_goes_to_the_lower_position() =>
        Assert.Equal([13, 7, 14], Continue([[0, 1, 1], [1, 0, 0], [1, 0, 0]]));

    [Fact]
    public void Centroid_that_points_nowhere_goes_on_only_in_its_place()
    {
        Assert.Equal([2, 9], ClusterIdentity.Continue([[0, 0], [1, 0]], [2, 3], [[0, 0], [0, 0]], 9).Ids);
    }

    [Fact]
    public void Ids_without_a_list_are_positions() =>
        Assert.Equal([1, 0], ClusterIdentity.Continue([[1, 0], [0, 1]], [], [[0, 1], [1, 0]], 2).Ids);

    [Fact]
    public void Refuses_ids_that_do_not_fit_and_stops_when_there_are_no_more()
    {
        Assert.Throws<ArgumentException>(() => ClusterIdentity.Continue([[1, 0]], [1, 2], [[1, 0]], 3));
        Assert.Throws<OverflowException>(() => ClusterIdentity.Continue([], [], [[1, 0], [0, 1]], int.MaxValue));
    }

    [Fact]
    public void Always_distinct_and_never_an_old_id_for_a_cluster_that_lies_elsewhere() =>
        Gen.Select(Centroids(12), Centroids(12)).Sample(
            static (before, now) =>
            {
                int[] ids = [.. Enumerable.Range(0, before.Length).Select(static i => 100 - 3 * i)];
                var (given, next) = ClusterIdentity.Continue(before, ids, now, 101);
                Assert.Equal(given.Length, given.Distinct().Count());
                Assert.Equal(now.Length, given.Length);
                var used = 101;
                for (var c = 0; c < given.Length; c++)
                {
                    if (given[c] >= 101)
                        Assert.Equal(used++, given[c]);
                    else
                        Assert.True(Cosine(before[Array.IndexOf(ids, given[c])], now[c]) > 0.899);
                }
                Assert.Equal(used, next);
                // With so few, nobody who could have gone on was passed over: every new id has only taken neighbours.
                var free = ids.Except(given).Select(id => before[Array.IndexOf(ids, id)]).Where(static b => b[0] != 0 || b[1] != 0).ToList();
                for (var c = 0; c < given.Length; c++)
                    Assert.True(given[c] < 101 || free.TrueForAll(b => Cosine(b, now[c]) < 0.901));
            },
            seed: "0000000000000", iter: 3000, threads: 1);

    private static Gen<float[][]> Centroids(int most) => Gen.Int[-9, 9].Select(static x => (float)x).Array[2].Array[0, most];

    private static double Cosine(float[] a, float[] b)
    {
        var norms = Math.Sqrt(a.Sum(static x => (double)x * x)) * Math.Sqrt(b.Sum(static x => (double)x * x));
        return norms > 0 ? a.Zip(b).Sum(static p => (double)p.First * p.Second) / norms : a.All(static x => x == 0) && b.All(static x => x == 0) ? 1 : 0;
    }
}
