using Recsys.Bandits.Interactions;
using Recsys.Bandits.Memory;
using Xunit;

namespace Recsys.Bandits.Tests.Memory;

public sealed class ActionSaltTests
{
    /// <summary>Keys that are hashes and keys that are small numbers: cells of two actions meet once in 2^L, in one array as in another.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Actions_with_one_row_meet_about_once_in_all_cells(bool sequential)
    {
        var shape = new MemoryShape(256, 6);
        var codes = Memories.Codes(new Random(1), shape);
        var salted = Enumerable.Range(0, 200).Select(i => Salt(shape, codes, sequential ? new ActionKey((ulong)i) : ActionKey.Of($"item-{i}"))).ToArray();
        var met = new int[256];
        var worst = 0;
        for (var i = 0; i < 200; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var both = 0;
                for (var k = 0; k < 256; k++)
                {
                    if (salted[i][k] == salted[j][k])
                        (met[k], both) = (met[k] + 1, both + 1);
                }
                worst = Math.Max(worst, both);
            }
        }
        // 19,900 pairs: 311 expected in each array; and 4 of 256 arrays for a pair.
        Assert.InRange(met.Average(), 290, 332);
        Assert.InRange(met.Max(), 311, 500);
        Assert.InRange(worst, 5, 24);
    }

    [Fact]
    public void Salt_is_the_same_for_ever_and_undone_by_itself()
    {
        var shape = new MemoryShape(64, 12);
        var codes = Memories.Codes(new Random(2), shape);
        var once = Salt(shape, codes, new ActionKey(99));
        Assert.NotEqual(codes, once);
        Assert.Equal(codes, Salt(shape, once, new ActionKey(99)));
        // Two vectors in a cell stay together.
        var other = Memories.Codes(new Random(3), shape);
        other[5] = codes[5];
        Assert.Equal(once[5], Salt(shape, other, new ActionKey(99))[5]);
        Assert.Equal([2196, 1861, 1386], Salt(shape, new ushort[64], ActionKey.Of("a")).Take(3).Select(static c => (int)c));
    }

    [Fact]
    public void Many_actions_at_once_get_the_salt_of_each()
    {
        var random = new Random(4);
        foreach (var bits in new[] { 1, 7, 16 })
        {
            var shape = new MemoryShape(17, bits);
            var codes = Memories.Codes(random, shape);
            foreach (var count in new[] { 0, 1, 15, 16 })
            {
                ActionKey[] actions = [.. Enumerable.Range(0, count).Select(_ => new ActionKey((ulong)random.NextInt64()))];
                var all = new ushort[17 * 16];
                ActionSalt.ApplyAll(shape, codes, actions, all);
                for (var i = 0; i < count; i++)
                    Assert.Equal(Salt(shape, codes, actions[i]), Memories.Row(all, 17, i));
                Assert.All(all, c => Assert.True(c < shape.CellsPerArray));
            }
        }
    }

    [Fact]
    public void Codes_that_cannot_be_are_refused()
    {
        var shape = new MemoryShape(3, 4);
        Memories.Refused(() => ActionSalt.Apply(shape, new ushort[2], default, new ushort[2]), "2 codes, 3 are needed");
        Memories.Refused(() => ActionSalt.Apply(shape, [1, 16, 2], default, new ushort[3]), "more than 4 bits");
        Memories.Refused(() => ActionSalt.Apply(shape, new ushort[3], default, new ushort[4]), "Room for 4");
    }

    private static ushort[] Salt(MemoryShape shape, ushort[] codes, ActionKey action)
    {
        var salted = codes.ToArray();
        ActionSalt.Apply(shape, salted, action, salted);
        return salted;
    }
}
