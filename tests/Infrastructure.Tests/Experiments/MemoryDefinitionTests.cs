using System.Text;
using Recsys.Bandits.Memory;
using Recsys.Infrastructure.Experiments;
using Xunit;

namespace Recsys.Infrastructure.Tests.Experiments;

/// <summary>What a definition says of the error memory.</summary>
public sealed class MemoryDefinitionTests
{
    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "errorMemory": null }""")]
    [InlineData("""{ "errorMemory": {} }""")]
    [InlineData("""{ "errorMemory": { "enabled": false, "arrays": 32 } }""")]
    public void Memory_is_off_unless_it_is_switched_on(string json) => Assert.Null(Definition(json).Memory);

    [Fact]
    public void Memory_switched_on_takes_its_defaults()
    {
        Assert.Equal(MemoryOptions.Default, Memory(""" "enabled": true """));
        Assert.Equal(MemoryOptions.Default, Memory(""" "enabled": true, "arrays": null, "keys": null, "evidence": null, "seed": null """));
        Assert.Equal((64, 12), (MemoryOptions.Default.Shape.Arrays, MemoryOptions.Default.Shape.Bits));
        Assert.Contains("does not run in this version", Assert.Single(Definition("""{ "errorMemory": { "enabled": true } }""").Warnings), StringComparison.Ordinal);
        Assert.Empty(Definition("""{ "errorMemory": { "enabled": false } }""").Warnings);
    }

    [Fact]
    public void Memory_takes_every_field() => Assert.Equal(
        new MemoryOptions(new MemoryShape(256, 14), 9_007_199_254_740_991, MemoryKeys.Hidden, 7, 9, 0.5, 0.25, 3.5, MemoryReadout.Attention, 0.2, -4),
        Memory(
            """
            "enabled": true, "arrays": 256, "bits": 14, "window": 7, "renewAfter": 9, "keys": "hidden", "lambda": 0.5, "gamma": 0.25, "evidence": 3.5,
            "readout": "attention", "temperature": 0.2, "seed": 9007199254740991, "reset": -4
            """));

    [Fact]
    public void What_is_accepted_at_the_edges_is_valid()
    {
        foreach (var fields in (string[])
            [
                """ "arrays": 1, "bits": 1, "window": 1, "renewAfter": 1, "lambda": 0, "gamma": 0, "evidence": 0, "temperature": 0.001, "seed": 0, "keys": "input" """,
                """ "arrays": 64, "bits": 16, "window": 1000000000, "renewAfter": 1000000000, "lambda": 1, "gamma": 1, "evidence": 1e9, "temperature": 1000 """,
            ])
            Memory($""" "enabled": true, {fields} """).Validate();
    }

    [Fact]
    public void Everything_that_is_wrong_is_said_at_once_even_of_a_memory_that_is_off()
    {
        var problems = Problems(
            """
            { "errorMemory": { "enabled": 1, "arrays": 257, "bits": 0, "window": 1.5, "renewAfter": 0, "keys": "both", "lambda": 2, "gamma": -1, "evidence": "x",
              "readout": 3, "temperature": 0, "seed": -1, "reset": 0.5, "size": 4 } }
            """);
        Assert.Equal(
            [
                "errorMemory.arrays", "errorMemory.bits", "errorMemory.enabled", "errorMemory.evidence", "errorMemory.gamma", "errorMemory.keys", "errorMemory.lambda",
                "errorMemory.readout", "errorMemory.renewAfter", "errorMemory.reset", "errorMemory.seed", "errorMemory.size", "errorMemory.temperature", "errorMemory.window",
            ],
            problems.Select(static p => p.Key).Order(StringComparer.Ordinal));
        Assert.Contains("auto, input, hidden", problems.Single(static p => p.Key == "errorMemory.keys").Value, StringComparison.Ordinal);
        Assert.Equal(["errorMemory"], Problems("""{ "errorMemory": true }""").Select(static p => p.Key));
    }

    [Fact]
    public void Cells_of_all_arrays_are_bounded_together()
    {
        var problem = Assert.Single(Problems("""{ "errorMemory": { "arrays": 65, "bits": 16 } }"""));
        Assert.Equal("errorMemory.arrays", problem.Key);
        Assert.Contains("4259840 cells; at most 4194304", problem.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_no_part_of_what_is_learned_from_the_log()
    {
        var without = Definition("{}");
        foreach (var memory in (string[])["""{ "enabled": true }""", """{ "enabled": true, "arrays": 8, "reset": 3 }"""])
        {
            var with = Definition($$"""{ "errorMemory": {{memory}} }""");
            Assert.Equal(without.Generation, with.Generation);
            Assert.Equal(without.Policy.Fingerprint, with.Policy.Fingerprint);
        }
    }

    private static MemoryOptions Memory(string fields)
    {
        var memory = Definition($$"""{ "errorMemory": { {{fields}} } }""").Memory;
        Assert.NotNull(memory);
        return memory;
    }

    private static ExperimentDefinition Definition(string json)
    {
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(json), errors);
        Assert.Empty(errors);
        return definition!;
    }

    private static List<KeyValuePair<string, string>> Problems(string json)
    {
        var errors = new List<KeyValuePair<string, string>>();
        Assert.Null(ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(json), errors));
        return errors;
    }
}
