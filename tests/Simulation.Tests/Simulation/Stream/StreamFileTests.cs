using Recsys.Bandits.Features;
using Recsys.Learner.Simulation;
using Recsys.Learner.Simulation.Data;
using Recsys.Learner.Simulation.Stream;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation.Stream;

public sealed class StreamFileTests
{
    [Theory]
    [InlineData("0", "1", "1")]
    [InlineData("1", "0", "1")]
    [InlineData("no", "YES", "YES")]
    [InlineData("y", "x", "y")]
    [InlineData("True", "False", "True")]
    [InlineData("skipped", "click", "click")]
    [InlineData("9", "10", "10")]
    [InlineData("-1", "0.5", "0.5")]
    [InlineData("<=50K", ">50K", ">50K")]
    [InlineData("g", "h", "h")]
    [InlineData("h", "g", "h")]
    public void Positive_says_yes_or_is_the_larger(string first, string second, string expected) =>
        Assert.Equal(expected, new[] { first, second }[LabelRule.Positive(first, second)]);

    [Fact]
    public void Read_encodes_numbers_raw_and_the_rest_hashed_without_label_and_ignored_columns()
    {
        var table = StreamTables.Read(
            "age,job,secret,userId,zip,paid,y\n30,cook,9,17,8001,1,no\n,smith,8,18,8002,2,yes\n50,cook,7,17,8001,?,no\n?,cook,6,17,8001,3,no\n",
            new StreamColumns("y", ["secret"], ["zip"]));
        Assert.Equal((4, "y", 1), (table.Rows, table.Label, table.Positive));
        Assert.Equal(2, table.Schema.ContextVector);
        Assert.Equal(2 + 2 + 2 + 2, table.Features);
        // A missing number is the mean of those before it.
        Assert.Equal([30f, 1f], table.Encode(0).Dense.ToArray());
        Assert.Equal([30f, 2f], table.Encode(1).Dense.ToArray());
        Assert.Equal([50f, 1.5f], table.Encode(2).Dense.ToArray());
        Assert.Equal([40f, 3f], table.Encode(3).Dense.ToArray());
        Assert.Equal(
            [FeatureHash.Of("", "job", "smith"), FeatureHash.Of("", "userId", "18"), FeatureHash.Of("", "zip", "8002")],
            table.Encode(1).Sparse.ToArray().Select(static feature => feature.Hash));
    }

    [Theory]
    [InlineData("id", true)]
    [InlineData("userId", true)]
    [InlineData("CustomerID", true)]
    [InlineData("item_id", true)]
    [InlineData("ITEM_ID", true)]
    [InlineData("paid", false)]
    [InlineData("PAID", false)]
    [InlineData("grid", false)]
    [InlineData("idle", false)]
    public void Column_named_as_an_id_is_categorical(string name, bool isCategorical) =>
        Assert.Equal(isCategorical ? 0 : 1, StreamTables.Read($"{name},y\n1,0\n2,1\n", new StreamColumns("y")).Schema.ContextVector);

    [Fact]
    public void Whole_numbers_too_long_for_a_number_are_categories()
    {
        Assert.Equal(0, StreamTables.Read("n,y\n1,0\n-1234567890123456,1\n", new StreamColumns("y")).Schema.ContextVector);
        Assert.Equal(1, StreamTables.Read("n,y\n1,0\n0.1234567890123456,1\n", new StreamColumns("y")).Schema.ContextVector);
    }

    [Fact]
    public void Event_time_is_that_of_its_column_or_a_second_a_row()
    {
        Assert.Equal(3000, StreamTables.Read("x,y\n1,0\n1,1\n1,1\n1,0\n", new StreamColumns("y")).TimeOf(3));
        var table = StreamTables.Read(
            "at,y\n1457963676,0\n2016-03-14T13:54:36Z,1\n2016-03-14 13:54:36,1\n1457963676500,0\n2016-03-14T14:54:36+01:00,0\n", new StreamColumns("y", [], [], "at"));
        Assert.Equal([1457963676000, 1457963676000, 1457963676000, 1457963676500, 1457963676000], Enumerable.Range(0, 5).Select(table.TimeOf));
        Assert.Equal(0, table.Features);
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("x,y\n", "no row below the header")]
    [InlineData("x,y\n1,0\n2\n", "line 3, column 'y': the header has 2 fields, this line 1")]
    [InlineData("x,y\n1,0\n2,1,3\n", "line 3: the header has 2 fields, this line 3")]
    [InlineData("x,y\n1,0\n2,\n", "line 3, column 'y': the label is missing")]
    [InlineData("x,y\n1,a\n2,a\n", "one value only, 'a'")]
    [InlineData("x,y,x\n1,0,1\n", "column 'x': the name is given to more than one column")]
    [InlineData("x,y\n1e300,0\n2,1\n", "too large")]
    public void Read_bad_file_says_where(string text, string says) =>
        Assert.Contains(says, Assert.Throws<DataFileException>(() => StreamTables.Read(text, new StreamColumns("y"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("later")]
    [InlineData("1e400")]
    [InlineData("1e16")]
    [InlineData("")]
    public void Read_bad_time_says_where(string time)
    {
        var problem = Assert.Throws<DataFileException>(() => StreamTables.Read($"at,y\n1,0\n{time},1\n", new StreamColumns("y", [], [], "at")));
        Assert.Contains("line 3, column 'at'", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_column_that_is_not_there_names_those_that_are()
    {
        var problem = Assert.Throws<SimulationOptionsException>(() => StreamTables.Read("x,y\n1,0\n2,1\n", new StreamColumns("label", ["secret"], ["zip"], "at")));
        foreach (var says in new[] { "'label', which --label", "'secret', which --ignore", "'zip', which --categorical", "'at', which --time", "x, y" })
            Assert.Contains(says, problem.Message, StringComparison.Ordinal);
        Assert.Throws<SimulationOptionsException>(() => StreamTables.Read("x,y\n1,0\n2,1\n", new StreamColumns("y", ["y"], [])));
        Assert.Throws<SimulationOptionsException>(() => StreamTables.Read("x,y\n1,0\n2,1\n", new StreamColumns("y", [], [], "y")));
    }
}
