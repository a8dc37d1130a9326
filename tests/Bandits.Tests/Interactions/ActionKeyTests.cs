using Recsys.Bandits.Interactions;
using Xunit;

namespace Recsys.Bandits.Tests.Interactions;

public sealed class ActionKeyTests
{
    // From xxHash's own command line tool: state that is keyed by these must stay readable.
    [Theory]
    [InlineData("a1", 0xb8fd8403c5ec973cUL)]
    public void Of_is_the_published_hash(string id, ulong expected)
    {
        Assert.Equal(expected, ActionKey.Of(id).Value);
        Assert.Equal(expected, ActionKey.Of(System.Text.Encoding.UTF8.GetBytes(id)).Value);
    }

    [Theory]
    [InlineData(0, 0UL)]
    [InlineData(1, 1UL)]
    [InlineData(63, 0x7FFFFFFFFFFFFFFFUL)]
    [InlineData(64, 0xFFFFFFFFFFFFFFFFUL)]
    public void AllClusters_sets_one_bit_each(int clusters, ulong expected) => Assert.Equal(expected, DecisionQuery.AllClusters(clusters));
}
