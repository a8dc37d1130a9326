using Recsys.Bandits.Catalogue;
using Xunit;

namespace Recsys.Bandits.Tests.Catalogue;

public sealed class EdgeSelectionTests
{
    // Item i has inner product 100 − i with the centroid: its rank is i + 1.
    private static readonly float[]?[] Items = [.. Enumerable.Range(0, 40).Select(static i => new float[] { 100 - i, i })];
    private static readonly HashSet<int> Nothing = [];

    [Fact]
    public void Choose_takes_the_top_w_as_sorting_all_of_them_does()
    {
        var random = new Random(2);
        var items = Enumerable.Range(0, 200).Select(i => i % 7 == 0 ? null : new float[] { random.Next(9), random.Next(9) }).ToArray();
        var expected = Enumerable.Range(0, 200).Where(i => items[i] is not null).OrderByDescending(i => 2 * items[i]![0] - items[i]![1]).ThenBy(static i => i).Take(20);
        Assert.Equal(expected, EdgeSelection.Choose([2, -1], items, null, null, Nothing, new EdgeRules(20)));
    }

    [Fact]
    public void Choose_lets_an_edge_leave_only_beyond_1_3_w()
    {
        var earlier = new HashSet<int> { 11, 12, 13 };
        Assert.Equal([.. Enumerable.Range(0, 10), 11, 12], EdgeSelection.Choose([1, 0], Items, null, null, earlier, new EdgeRules(10)));
        Assert.Equal(Enumerable.Range(0, 10), EdgeSelection.Choose([1, 0], Items, null, null, earlier, new EdgeRules(10, LeaveFactor: 1)));
    }

    [Fact]
    public void Choose_keeps_to_the_cap_of_every_group_an_item_belongs_to()
    {
        var groups = Enumerable.Range(0, 40).Select(static i => i < 20 ? new[] { 0, i % 2 + 1 } : []).ToArray();
        var chosen = EdgeSelection.Choose([1, 0], Items, groups, null, Nothing, new EdgeRules(10, GroupMax: 3));
        Assert.Equal([0, 1, 2, 20, 21, 22, 23, 24, 25, 26], chosen);
    }

    [Fact]
    public void Choose_gives_fresh_items_their_share_and_takes_it_from_the_last_without_history()
    {
        var fresh = Enumerable.Range(0, 40).Select(static i => i >= 30).ToArray();
        var earlier = new HashSet<int> { 9 };
        var chosen = EdgeSelection.Choose([1, 0], Items, null, fresh, earlier, new EdgeRules(10, FreshShare: 0.2));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 9, 30, 31], chosen);
        Assert.Equal(Enumerable.Range(0, 10), EdgeSelection.Choose([1, 0], Items, null, fresh, earlier, new EdgeRules(10, FreshShare: 0)));
    }

    [Fact]
    public void Choose_takes_what_there_is_when_there_is_little() =>
        Assert.Equal([0, 1], EdgeSelection.Choose([1, 0], Items[..2], null, [false, true], Nothing, new EdgeRules(10)));
}
