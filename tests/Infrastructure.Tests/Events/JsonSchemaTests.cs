using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using NJsonSchema;
using Recsys.Bandits.Features;
using Recsys.Infrastructure.Events;
using Xunit;

namespace Recsys.Infrastructure.Tests.Events;

/// <summary>The published schemas against their own examples and against the code that reads.</summary>
public sealed class JsonSchemaTests
{
    public static readonly TheoryData<string> Events = ["decision", "activation", "reward"];

    [Theory]
    [InlineData("decision")]
    [InlineData("activation")]
    [InlineData("reward")]
    [InlineData("item")]
    public async Task Examples_validate(string name)
    {
        var (schema, json) = await LoadAsync(name);
        Assert.NotEmpty(Examples(json));
        foreach (var example in Examples(json))
            Assert.Empty(schema.Validate(example.ToJsonString()));
    }

    [Theory]
    [MemberData(nameof(Events))]
    public async Task Examples_are_read(string name)
    {
        var (_, json) = await LoadAsync(name);
        foreach (var example in Examples(json))
            Read(example.ToJsonString());
    }

    [Theory]
    [MemberData(nameof(Events))]
    public async Task Schema_refuses_an_event_without_a_field_that_it_needs(string name)
    {
        var (schema, json) = await LoadAsync(name);
        foreach (var field in json["required"]!.AsArray())
        {
            var example = Examples(json).First().DeepClone().AsObject();
            example.Remove(field!.GetValue<string>());
            Assert.NotEmpty(schema.Validate(example.ToJsonString()));
        }
    }

    /// <summary>Random changes to the examples: whatever the schema still accepts, the code must accept too.</summary>
    [Theory]
    [MemberData(nameof(Events))]
    public async Task What_the_schema_accepts_is_read(string name)
    {
        var (schema, json) = await LoadAsync(name);
        var examples = Examples(json).ToArray();
        var values = Gen.OneOf(
            Gen.Const("null"), Gen.Const("true"), Gen.Const("[]"), Gen.Const("{}"), Gen.Const("\"\""), Gen.Const("\"text\""), Gen.Const("\"a\\u0001\""),
            Gen.Const("\"2026-01-31T12:00:00.123456789Z\""), Gen.Const("-1"), Gen.Const("3.0"), Gen.Const("0.5"), Gen.Const("1e40"), Gen.Const("1e-40"),
            Gen.Const("[1,\"a\",true,null]"), Gen.Const("{\"n\":{\"x\":[1]}}"), Gen.Const("\"" + new string('x', 257) + "\""));
        var accepted = 0;
        Gen.Select(Gen.Int[0, examples.Length - 1], Gen.Int[0, 1000], values).Sample(
            (which, place, value) =>
            {
                var changed = examples[which].DeepClone();
                var places = Places(changed).ToArray();
                places[place % places.Length](JsonNode.Parse(value));
                var text = changed.ToJsonString();
                if (schema.Validate(text).Count > 0 || RefersToNothing(changed))
                    return;
                accepted++;
                Read(text);
            },
            seed: "0000000000000", iter: 3_000, threads: 1);
        Assert.InRange(accepted, 100, 3_000);
    }

    // That chosen actions are listed, once each, and that each has a trace or none, is said in words; JSON Schema cannot say it.
    private static bool RefersToNothing(JsonNode changed)
    {
        if (changed["actions"] is not JsonArray actions || changed["chosen"] is not JsonArray chosen)
            return false;
        var listed = actions.Select(a => a!["id"]!.GetValue<string>()).ToList();
        var used = chosen.Select(c => c!["id"]!.GetValue<string>()).ToList();
        return listed.Distinct().Count() < listed.Count || used.Distinct().Count() < used.Count || used.Except(listed).Any()
            || (changed["memory"] is JsonArray { Count: > 0 } memory && memory.Count != used.Count)
            || changed.ToJsonString().Contains("\"vector\":[1", StringComparison.Ordinal);
    }

    private static IEnumerable<Action<JsonNode?>> Places(JsonNode node)
    {
        if (node is JsonObject map)
        {
            yield return value => map["added"] = value;
            foreach (var (name, child) in map.ToList())
            {
                yield return value => map[name] = value;
                foreach (var place in child is null ? [] : Places(child))
                    yield return place;
            }
        }
        else if (node is JsonArray list)
        {
            yield return list.Add;
            for (var i = 0; i < list.Count; i++)
            {
                var at = i;
                yield return value => list[at] = value;
                foreach (var place in list[i] is { } child ? Places(child) : [])
                    yield return place;
            }
        }
    }

    private static void Read(string json) => JsonEventCodec.Read(Encoding.UTF8.GetBytes(json), default, new FeatureSchema(), appendedAt: 0);

    private static IEnumerable<JsonNode> Examples(JsonNode schema) => schema["examples"]!.AsArray().Select(e => e!);

    private static async Task<(JsonSchema Schema, JsonNode Json)> LoadAsync(string name)
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Recsys.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("Recsys.sln is in no parent folder.");
        var text = await File.ReadAllTextAsync(Path.Combine(folder, "docs", "schemas", $"{name}.schema.json"), TestContext.Current.CancellationToken);
        return (await JsonSchema.FromJsonAsync(text, TestContext.Current.CancellationToken), JsonNode.Parse(text)!);
    }
}
