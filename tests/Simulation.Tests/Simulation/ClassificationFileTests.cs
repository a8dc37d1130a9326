using Recsys.Bandits.Features;
using Recsys.Learner.Simulation.Classification;
using Recsys.Learner.Simulation.Data;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class ClassificationFileTests
{
    [Fact]
    public void Encode_leaves_numbers_as_they_are_and_hashes_categories()
    {
        using var file = new TemporaryFile("size,colour,class\n1,red,b\n3,blue,a\n?,red,b\n");
        var data = ClassificationFile.Read(file.Path);

        Assert.Equal(["a", "b"], data.Classes);
        Assert.Equal([1, 0, 1], data.Labels);
        Assert.Equal(3, data.Features);
        Assert.Equal(new FeatureSchema(ContextVector: 1, ContextHashBits: ClassificationData.HashBits), data.Schema);
        // A missing number is the mean of its column.
        Assert.Equal([1f], data.Encode(0).Dense.ToArray());
        Assert.Equal([3f], data.Encode(1).Dense.ToArray());
        Assert.Equal([2f], data.Encode(2).Dense.ToArray());
        SparseFeature red = Assert.Single(data.Encode(0).Sparse.ToArray()), blue = Assert.Single(data.Encode(1).Sparse.ToArray());
        Assert.Equal((1, 1), (red.Value, blue.Value));
        Assert.NotEqual(red.Hash, blue.Hash);
        Assert.Equal([red], data.Encode(2).Sparse.ToArray());
    }

    [Fact]
    public void Encode_keeps_columns_apart_and_in_order()
    {
        using var file = new TemporaryFile("same,x,left,right,class\n5,1,p,p,a\n5,2,q,p,b\n");
        var data = ClassificationFile.Read(file.Path);
        Assert.Equal([5f, 1f], data.Encode(0).Dense.ToArray());
        Assert.Equal([5f, 2f], data.Encode(1).Dense.ToArray());
        // One category of two columns is two features.
        var sparse = data.Encode(0).Sparse.ToArray();
        Assert.Equal(2, sparse.Select(static s => s.Hash).Distinct().Count());
        Assert.Equal(sparse[1], data.Encode(1).Sparse.Span[1]);
    }

    [Fact]
    public void Read_does_not_depend_on_the_order_of_rows_for_its_classes()
    {
        using var one = new TemporaryFile("x,class\n1,b\n2,a\n3,c\n");
        using var other = new TemporaryFile("x,class\n3,c\n2,a\n1,b\n");
        Assert.Equal(ClassificationFile.Read(one.Path).Classes, ClassificationFile.Read(other.Path).Classes);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("x,class\n", "no row")]
    [InlineData("class\na\nb\n", "line 1")]
    [InlineData("x,y,class\n1,2,a\n1,b\n", "line 3, column 'class'")]
    [InlineData("x,y,class\n1,2,a\n1,2,b,c\n", "line 3")]
    [InlineData("x,class\n1,a\n2,\n", "line 3, column 'class'")]
    [InlineData("x,class\n1,a\n2,a\n", "column 'class'")]
    [InlineData("x,class\n1e308,a\n-1e308,b\n", "column 'x'")]
    public void Read_refuses_what_is_not_a_labelled_table(string content, string says)
    {
        using var file = new TemporaryFile(content);
        var problem = Assert.Throws<DataFileException>(() => ClassificationFile.Read(file.Path));
        Assert.Contains(file.Path, problem.Message, StringComparison.Ordinal);
        Assert.Contains(says, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_column_of_free_text_is_named_with_its_first_line()
    {
        var rows = Enumerable.Range(0, ClassificationFile.FeaturesMax + 1).Select(static i => $"1,text {i},{(i % 2 == 0 ? "a" : "b")}");
        using var file = new TemporaryFile("x,note,class\n" + string.Join('\n', rows));
        var problem = Assert.Throws<DataFileException>(() => ClassificationFile.Read(file.Path));
        Assert.Contains("line 2, column 'note'", problem.Message, StringComparison.Ordinal);
    }
}
