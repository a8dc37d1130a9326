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
internal sealed partial class SimulationJsonContext : JsonSerializerContext;

/// <summary>Prints a result, either for programs or for people; both forms show the same fields under the same names.</summary>
internal static class ResultWriter
{
    /// <summary>One JSON object on one line.</summary>
    public static void WriteJson<T>(TextWriter output, T result, JsonTypeInfo<T> shape) => output.WriteLine(JsonSerializer.Serialize(result, shape));

    /// <summary>One line per field, names and values aligned.</summary>
    public static void WriteTable<T>(TextWriter output, T result, JsonTypeInfo<T> shape)
    {
        var fields = JsonSerializer.SerializeToElement(result, shape).EnumerateObject().ToList();
        var width = fields.Max(static f => f.Name.Length);
        foreach (var field in fields)
            output.WriteLine($"  {field.Name.PadRight(width)}  {ForPeople(field.Value),16}");
    }

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
