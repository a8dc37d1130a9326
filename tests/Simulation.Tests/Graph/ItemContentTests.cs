using Recsys.Learner.Graph;
using Recsys.Learner.Simulation.Data;
using Recsys.Simulation.Tests.Simulation;
using Xunit;

namespace Recsys.Simulation.Tests.Graph;

public sealed class ItemContentTests
{
    [Fact]
    public void Encode_standardises_numbers_and_keeps_only_values_that_items_share()
    {
        using var file = new TemporaryFile("title,itemId,genres,year\nOne,a,x|y,2\nTwo,b,x|z,4\nThree,c,y,\n");
        var table = ItemTable.Read(file.Path);
        Assert.Equal(["a", "b", "c"], table.Ids);
        var content = ItemContent.Encode(table, ["c", "unknown", "a", "b"]);
        // Features: genre x, genre y, year. Every title is of one item and says nothing.
        Assert.Equal(3, content.Features);
        Assert.Equal([1], content.Indices[0]);
        Assert.Empty(content.Indices[1]);
        Assert.Equal([0, 1, 2], content.Indices[2]);
        Assert.Equal([1 / MathF.Sqrt(2), 1 / MathF.Sqrt(2), -1], content.Weights[2]);
        Assert.Equal([0, 2], content.Indices[3]);
        Assert.Equal([1f, 1f], content.Weights[3]);
    }

    [Theory]
    [InlineData("id,x\na,1\na,2\n", "already")]
    [InlineData("id,x\na,NaN\n", "not finite")]
    [InlineData("id,x\n,1\n", "missing")]
    [InlineData("id,x\na\n", "1 fields")]
    [InlineData("id,x\n", "no row")]
    [InlineData("", "empty")]
    public void Read_says_what_is_wrong(string text, string says)
    {
        using var file = new TemporaryFile(text);
        Assert.Contains(says, Assert.Throws<DataFileException>(() => ItemTable.Read(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vectors_are_read_back_to_the_same_bits()
    {
        var vectors = new NamedVectors(["plain", "with, comma", "with \"quote\"", "a::b"], [[0.1f, -1e-30f], [1 / 3f, 3e38f], [1, 0], [2, 0]]);
        using var text = new StringWriter();
        VectorFile.Write(text, "user", vectors);
        using var file = new TemporaryFile(text.ToString());
        var read = VectorFile.Read(file.Path);
        Assert.Equal(vectors.Ids, read.Ids);
        Assert.Equal(vectors.Vectors, read.Vectors);
    }
}
