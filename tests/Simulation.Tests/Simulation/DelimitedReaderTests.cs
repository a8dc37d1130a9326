using Recsys.Learner.Simulation.Data;
using Xunit;

namespace Recsys.Simulation.Tests.Simulation;

public sealed class DelimitedReaderTests
{
    [Theory]
    [InlineData("a,b\n1,2\n", "a|b;1|2")]
    [InlineData("a,b\r\n1,2", "a|b;1|2")]
    [InlineData("\uFEFFa,b\n\n1,2\n\n", "a|b;1|2")]
    [InlineData("\"a,1\",\"say \"\"no\"\"\"\nx,\n", "a,1|say \"no\";x|")]
    [InlineData("\"two\nlines\",b\nc,d\n", "two\nlines|b;c|d")]
    [InlineData("\"\",b\n", "|b")]
    public void Read_gives_the_fields_of_each_record(string content, string expected)
    {
        foreach (var zipped in new[] { false, true })
        {
            using var file = new TemporaryFile(content, zipped);
            Assert.Equal(expected, string.Join(';', All(file.Path, ",")));
        }
    }

    [Theory]
    [InlineData("1::2::5::9\n3::4::1::8\n", "1|2|5|9;3|4|1|8")]
    [InlineData("1\t2\t5\t9\n", "1|2|5|9")]
    [InlineData("a;b;c\n", "a|b|c")]
    [InlineData("a,b;c,d\n", "a|b;c|d")]
    public void Open_without_a_delimiter_tells_it_from_the_first_line(string content, string expected)
    {
        using var file = new TemporaryFile(content);
        Assert.Equal(expected, string.Join(';', All(file.Path, null)));
    }

    [Fact]
    public void Line_counts_line_ends_inside_quotes()
    {
        using var file = new TemporaryFile("a\n\"x\ny\nz\"\n\nlast\n");
        using var reader = DelimitedReader.Open(file.Path);
        var lines = new List<long>();
        while (reader.Read())
            lines.Add(reader.Line);
        Assert.Equal([1, 2, 6], lines);
    }

    [Theory]
    [InlineData("a,b\nx,\"open\n\n", "line 2")]
    [InlineData("a,b\n\"x\"y,z\n", "line 2")]
    public void Read_malformed_quotes_names_the_line(string content, string where)
    {
        using var file = new TemporaryFile(content);
        var problem = Assert.Throws<DataFileException>(() => All(file.Path, ",").Count);
        Assert.Contains(where, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_gzip_cut_short_is_a_data_file_error()
    {
        var whole = TemporaryFile.Zip(System.Text.Encoding.UTF8.GetBytes(SyntheticTables.Colours(500, 1)));
        whole[whole.Length / 2] ^= 0xFF;
        using var file = new TemporaryFile(whole);
        Assert.Throws<DataFileException>(() => All(file.Path, ",").Count);
    }

    [Fact]
    public void Open_missing_file_says_so()
    {
        var problem = Assert.Throws<DataFileException>(() => DelimitedReader.Open("no/such/file.csv"));
        Assert.Contains("no such file", problem.Message, StringComparison.Ordinal);
    }

    private static List<string> All(string path, string? delimiter)
    {
        using var reader = DelimitedReader.Open(path, delimiter);
        var records = new List<string>();
        while (reader.Read())
            records.Add(string.Join('|', Enumerable.Range(0, reader.Count).Select(i => reader[i].ToString())));
        return records;
    }
}
