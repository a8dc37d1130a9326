using Recsys.Bandits.Memory;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

public sealed class FeatureFoldingTests
{
    /// <summary>Over seeds, inner products are right on average, and as close as Weinberger et al. say.</summary>
    [Fact]
    public void Inner_products_are_unbiased()
    {
        const int Seeds = 4000, Places = 64;
        var random = new Random(1);
        ulong[] ids = [.. Enumerable.Range(0, 30).Select(_ => (ulong)random.NextInt64())], others = [.. ids.Take(12), .. Enumerable.Range(0, 10).Select(_ => (ulong)random.NextInt64())];
        float[] x = Memories.Gaussian(random, 30), y = Memories.Gaussian(random, 22);
        var exact = Enumerable.Range(0, 12).Sum(i => (double)x[i] * y[i]);
        var products = Enumerable.Range(0, Seeds).Select(seed =>
        {
            float[] left = new float[Places], right = new float[Places];
            FeatureFolding.Add(ids, x, (ulong)seed, left);
            FeatureFolding.Add(others, y, (ulong)seed, right);
            return left.Zip(right, static (a, b) => (double)a * b).Sum();
        }).ToArray();
        var variance = products.Sum(p => (p - exact) * (p - exact)) / Seeds;
        Assert.Equal(exact, products.Average(), 4 * Math.Sqrt(variance / Seeds));
        var most = 2 * x.Sum(static v => v * v) * y.Sum(static v => v * v) / Places;
        Assert.InRange(variance, most / 20, most);
    }

    [Fact]
    public void Features_add_up_in_any_order_and_twice_is_double()
    {
        float[] once = new float[16], twice = new float[16], reversed = new float[16];
        FeatureFolding.Add([5, 900, ulong.MaxValue, 0], [1, 2, -4, 8], 3, once);
        FeatureFolding.Add([0, ulong.MaxValue, 900, 5], [8, -4, 2, 1], 3, reversed);
        Assert.Equal(once, reversed);
        Assert.Contains(once, static v => v != 0);
        FeatureFolding.Add([5, 900, ulong.MaxValue, 0, 5, 900, ulong.MaxValue, 0], [1, 2, -4, 8, 1, 2, -4, 8], 3, twice);
        Assert.Equal(once.Select(static v => 2 * v), twice);
    }

    [Fact]
    public void Sequential_ids_are_spread_over_all_places_with_both_signs()
    {
        var dense = new float[50];
        var seen = new HashSet<(int, bool)>();
        for (ulong id = 0; id < 2000; id++)
        {
            Array.Clear(dense);
            FeatureFolding.Add([id], [1], 7, dense);
            var place = Array.FindIndex(dense, static v => v != 0);
            seen.Add((place, dense[place] > 0));
        }
        Assert.Equal(100, seen.Count);
    }

    [Fact]
    public void What_cannot_be_folded_is_refused_and_changes_nothing()
    {
        var dense = new float[4];
        Memories.Refused(() => FeatureFolding.Add([1, 2], [1], 0, dense), "2 ids and 1 values");
        Memories.Refused(() => FeatureFolding.Add([1], [1], 0, []), "0 places");
        Memories.Refused(() => FeatureFolding.Add([1, 2], [1, float.NaN], 0, dense), "NaN");
        Assert.All(dense, static v => Assert.Equal(0, v));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        ulong[] ids = [1, 2, 3];
        float[] values = [1, 2, 3], dense = new float[16];
        Assert.Equal(0, Allocation.Least(() => FeatureFolding.Add(ids, values, 1, dense)));
    }
}
