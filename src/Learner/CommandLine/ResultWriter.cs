using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Recsys.Learner.Simulation.Catalogue;
using Recsys.Learner.Simulation.Classification;

namespace Recsys.Learner.CommandLine;

/// <summary>The JSON shapes of simulation results.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClassificationResult))]
[JsonSerializable(typeof(CatalogueResult))]
[JsonSerializable(typeof(ConstantRewardProbe))]
internal sealed partial class SimulationJsonContext : JsonSerializerContext;

/// <summary>Prints a result, either for programs or for people; both forms show the same fields under the same names.</summary>
internal static class ResultWriter
{
    /// <summary>One JSON object on one line.</summary>
    public static void WriteJson<T>(TextWriter output, T result, JsonTypeInfo<T> shape) => output.WriteLine(JsonSerializer.Serialize(result, shape));

    /// <summary>One line per field, names and values aligned; the fields of an object or of the objects of a list have lines of their own.</summary>
    public static void WriteTable<T>(TextWriter output, T result, JsonTypeInfo<T> shape)
    {
        var fields = Flat("", JsonSerializer.SerializeToElement(result, shape)).ToList();
        var width = fields.Max(static f => f.Name.Length);
        foreach (var (name, value) in fields)
            output.WriteLine($"  {name.PadRight(width)}  {ForPeople(value),16}");
    }

    private static IEnumerable<(string Name, JsonElement Value)> Flat(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().SelectMany(field => Flat(name.Length == 0 ? field.Name : $"{name}.{field.Name}", field.Value)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany((element, i) => Flat($"{name}[{i}]", element)),
        _ => [(name, value)],
    };

    private static string ForPeople(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetInt64(out var whole) => whole.ToString("N0", CultureInfo.InvariantCulture),
        JsonValueKind.Number => value.GetDouble() is var number && Math.Abs(number) < 1000
            ? number.ToString("0.0000", CultureInfo.InvariantCulture)
            : number.ToString("N0", CultureInfo.InvariantCulture),
        JsonValueKind.Null => "-",
        _ => value.ToString(),
    };
}
