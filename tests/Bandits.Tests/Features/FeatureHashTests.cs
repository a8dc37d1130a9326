using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Recsys.Bandits.Features;
using Xunit;

namespace Recsys.Bandits.Tests.Features;

/// <summary>The hash is a wire format: programs in any language compute it. The numbers come from xxHash's own command line tool.</summary>
public sealed class FeatureHashTests
{
    [Theory]
    [InlineData("", "hour", null, 0x5a9a031dU)]
    [InlineData("", "device", "mobile", 0x750ef0acU)]
    [InlineData("geo", "country", "NL", 0x5ea430b1U)]
    [InlineData("", "tags[1]", null, 0xbe099853U)]
    [InlineData("", "new", "true", 0xd5afef0eU)]
    [InlineData("", "ville", "Besançon", 0xd6dca953U)]
    [InlineData("", "note", "", 0x14d328b7U)]
    public void Of_has_the_published_values(string space, string name, string? value, uint expected) =>
        Assert.Equal(expected, FeatureHash.Of(space, name, value));

    // Around the buffer on the stack, which holds 512 bytes.
    [Theory]
    [InlineData(512, -1, 0x12a81a98c393ea66UL)]
    [InlineData(600, -1, 0x50d6ce9d7b01c4c5UL)]
    [InlineData(600, 300, 0xf62feb845a9ec85eUL)]
    public void Of_long_text_is_the_folded_hash_of_the_whole(int nameLength, int valueLength, ulong hash) =>
        Assert.Equal((uint)(hash ^ (hash >> 32)), FeatureHash.Of("", new string('x', nameLength), valueLength < 0 ? null : new string('y', valueLength)));

    [Fact]
    public void Of_agrees_with_the_table_in_the_documentation()
    {
        var table = Regex.Matches(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "events.md")), @"^\| `(?<json>.+?)`(, the (?<number>\d+))? \| `(?<hash>[0-9a-f]{8})` \|$",
            RegexOptions.Multiline | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));
        Assert.True(table.Count >= 7, $"{table.Count} examples found");
        foreach (Match row in table)
        {
            using var document = JsonDocument.Parse("{" + row.Groups["json"].Value + "}");
            var feature = document.RootElement.EnumerateObject().Single();
            var hash = feature.Value.ValueKind switch
            {
                JsonValueKind.Number => FeatureHash.Of("", feature.Name, null),
                JsonValueKind.String => FeatureHash.Of("", feature.Name, feature.Value.GetString()),
                JsonValueKind.True => FeatureHash.Of("", feature.Name, "true"),
                JsonValueKind.Object => FeatureHash.Of(feature.Name, feature.Value.EnumerateObject().Single().Name, feature.Value.EnumerateObject().Single().Value.GetString()),
                JsonValueKind.Array => FeatureHash.Of("", $"{feature.Name}[{IndexOf(feature.Value, row.Groups["number"].Value)}]", null),
                _ => throw new InvalidOperationException(row.Value),
            };
            Assert.Equal(row.Groups["hash"].Value, hash.ToString("x8", CultureInfo.InvariantCulture));
        }

        static int IndexOf(JsonElement array, string number) => array.EnumerateArray().ToList().FindIndex(e => e.GetRawText() == number);
    }

    [Fact]
    public void Of_text_and_of_bytes_agree_and_tell_absent_from_empty()
    {
        Assert.Equal(FeatureHash.Of("s", "né", "v"), FeatureHash.Of("s"u8, Encoding.UTF8.GetBytes("né"), "v"u8, categorical: true));
        Assert.NotEqual(FeatureHash.Of("", "a", null), FeatureHash.Of("", "a", ""));
        Assert.NotEqual(FeatureHash.Of("", "ab", null), FeatureHash.Of("a", "b", null));
        Assert.NotEqual(FeatureHash.Of("", "a", "bc"), FeatureHash.Of("", "ab", "c"));
    }
}
