using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Recsys.Bandits.Features;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Features;
using Xunit;

namespace Recsys.Infrastructure.Tests.Events;

/// <summary>What the documents tell other programs, tried out.</summary>
public sealed class EventDocumentTests
{
    private const RegexOptions Options = RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking;

    [Fact]
    public void Examples_of_events_md_are_read()
    {
        var examples = Regex.Matches(Document("events.md"), "```json\n(?<json>[^`]*)```", Options);
        Assert.Equal(5, examples.Count);
        foreach (Match example in examples)
            JsonEventCodec.Read(Encoding.UTF8.GetBytes(example.Groups["json"].Value), default, new FeatureSchema(ContextVector: 1, ActionVector: 1), appendedAt: 0);
    }

    [Fact]
    public void Hashes_of_events_md_are_what_the_encoder_computes()
    {
        var rows = Regex.Matches(Document("events.md"), """^\| `(?<feature>"[^`]*)`.* \| `(?<hash>[0-9a-f]{8})` \|$""", Options);
        Assert.Equal(7, rows.Count);
        foreach (Match row in rows)
        {
            var buffer = new FeatureBuffer();
            var reader = new System.Text.Json.Utf8JsonReader(Encoding.UTF8.GetBytes($"{{{row.Groups["feature"].Value}}}"));
            reader.Read();
            Assert.Null(FeatureJsonReader.ReadFeatures(ref reader, buffer));
            Assert.Equal(row.Groups["hash"].Value, buffer.Since(0, 0).Sparse.Span[^1].Hash.ToString("x8", System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void Asyncapi_names_the_topics_and_the_schemas()
    {
        var document = Document("asyncapi.yaml");
        foreach (var topic in new[] { EventTopics.Events("{experiment}"), EventTopics.Items, EventTopics.DeadLetters })
            Assert.Contains($"address: {topic}\n", document, StringComparison.Ordinal);
        Assert.Contains(EventTopics.BinaryContentType, document, StringComparison.Ordinal);
        var schemas = Regex.Matches(document, @"\./(?<file>schemas/[a-z.]*\.json)", Options).Select(m => m.Groups["file"].Value).ToList();
        Assert.Equal(Directory.GetFiles(Path.Combine(Docs, "schemas")).Select(f => $"schemas/{Path.GetFileName(f)}").Order(), schemas.Order());
        foreach (var schema in schemas)
            Assert.NotNull(JsonNode.Parse(Document(schema)));
        foreach (Match reference in Regex.Matches(document, "'#/components/(?<kind>[a-zA-Z]*)/(?<name>[a-zA-Z]*)'", Options))
            Assert.Matches($@"(?m)^  {reference.Groups["kind"].Value}:\n(?:    .*\n)*?    {reference.Groups["name"].Value}:$", document);
    }

    private static string Docs
    {
        get
        {
            var folder = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(folder, "Recsys.sln")))
                folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("Recsys.sln is in no parent folder.");
            return Path.Combine(folder, "docs");
        }
    }

    private static string Document(string path) => File.ReadAllText(Path.Combine(Docs, path));
}
