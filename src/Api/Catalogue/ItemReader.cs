using System.Globalization;
using System.Text;
using System.Text.Json;
using Recsys.Bandits.Features;
using Recsys.Infrastructure.Features;

namespace Recsys.Api.Catalogue;

/// <summary>Reads one catalogue item strictly.</summary>
public static class ItemReader
{
    /// <summary>Reads an item.</summary>
    /// <param name="json">UTF-8 JSON object.</param>
    /// <param name="schema">Shapes.</param>
    /// <param name="errors">Receives everything that is wrong.</param>
    /// <param name="bulk">Whether the object also carries its <c>id</c>.</param>
    /// <returns>The item, or null when there are errors.</returns>
    public static (FeatureSet Features, long AvailableFrom, long AvailableUntil)? Read(
        ReadOnlyMemory<byte> json, FeatureSchema schema, List<KeyValuePair<string, string>> errors, bool bulk = false)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(errors);
        var before = errors.Count;
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json);
        }
        catch (JsonException problem)
        {
            errors.Add(new("$", $"is not valid JSON: {problem.Message}"));
            return null;
        }
        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                errors.Add(new("$", "must be an object."));
                return null;
            }
            var buffer = new FeatureBuffer();
            var hasVector = false;
            long from = long.MinValue, until = long.MaxValue;
            foreach (var field in root.EnumerateObject())
            {
                switch (field.Name)
                {
                    case "features":
                        var features = new Utf8JsonReader(Encoding.UTF8.GetBytes(field.Value.GetRawText()));
                        features.Read();
                        Add("features", FeatureJsonReader.ReadFeatures(ref features, buffer));
                        break;
                    case "vector" when field.Value.ValueKind != JsonValueKind.Null:
                        hasVector = true;
                        var vector = new Utf8JsonReader(Encoding.UTF8.GetBytes(field.Value.GetRawText()));
                        vector.Read();
                        Add("vector", FeatureJsonReader.ReadVector(ref vector, buffer, schema.ActionVector));
                        break;
                    case "tags":
                        if (field.Value.ValueKind is not JsonValueKind.Null
                            && (field.Value.ValueKind != JsonValueKind.Array || field.Value.EnumerateArray().Any(static t => t.ValueKind != JsonValueKind.String)))
                            Add("tags", "must be an array of words.");
                        break;
                    case "availableFrom":
                        from = Time(field, from);
                        break;
                    case "availableUntil":
                        until = Time(field, until);
                        break;
                    case "vector":
                    case "id" when bulk:
                        break;
                    default:
                        Add(field.Name, "is an unknown field. Known: vector, features, tags, availableFrom, availableUntil.");
                        break;
                }
            }
            if (!hasVector && schema.ActionVector > 0)
                Add("vector", $"must have {schema.ActionVector} numbers.");
            if (from >= until)
                Add("availableUntil", "must be later than availableFrom.");
            return errors.Count == before ? (buffer.Since(0, 0).ToOwned(), from, until) : null;
        }

        void Add(string field, string? problem)
        {
            if (problem is not null)
                errors.Add(new(field, problem));
        }

        long Time(JsonProperty field, long fallback)
        {
            if (field.Value.ValueKind == JsonValueKind.Null)
                return fallback;
            if (field.Value.ValueKind == JsonValueKind.String
                && DateTimeOffset.TryParse(field.Value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
                return time.ToUnixTimeMilliseconds();
            Add(field.Name, "must be an RFC 3339 time, for example \"2026-01-31T08:00:00Z\".");
            return fallback;
        }
    }
}
