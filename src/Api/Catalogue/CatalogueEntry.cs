using System.Text;
using System.Text.Json;
using Recsys.Api.Serialization;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Features;

namespace Recsys.Api.Catalogue;

/// <summary>One item of a catalogue: encoded for the graph, and as its owner wrote it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Item">Encoded, with its times of availability.</param>
/// <param name="Json">The item as its owner wrote it.</param>
/// <param name="FirstPut">When an item of this id was put first, Unix milliseconds; replacing it does not make it new. Null where nobody said.</param>
public sealed record CatalogueEntry(string Id, CatalogueItem Item, ReadOnlyMemory<byte> Json, long? FirstPut = null)
{
    /// <summary>The field in which the log keeps <see cref="FirstPut"/>.</summary>
    public const string FirstPutField = "firstPut";

    /// <summary>Most tags of one item.</summary>
    public const int TagsMax = 256;

    private static readonly string[] Known = ["vector", "features", "tags", "availableFrom", "availableUntil"];

    /// <summary>Reads an item strictly; finds everything that is wrong.</summary>
    /// <param name="id">Its id, checked as well.</param>
    /// <param name="item">Its JSON.</param>
    /// <param name="vector">Length that its vector must have; null takes any, for items of the log that a later definition may fit.</param>
    /// <param name="path">Prefix of the field names in <paramref name="errors"/>: empty, or for example <c>items[3]</c>.</param>
    /// <param name="errors">Receives field and message of every problem.</param>
    /// <param name="alsoAllowed">One more field that is not of the item itself, such as the id in a bulk request.</param>
    /// <returns>The item, or null when there is a problem.</returns>
    public static CatalogueEntry? Read(
        string id, JsonElement item, int? vector, string path, ICollection<KeyValuePair<string, string>> errors, string? alsoAllowed = null)
    {
        var before = errors.Count;
        string At(string field) => path.Length == 0 ? field : $"{path}.{field}";
        void Add(string field, string message) => errors.Add(new(At(field), message));

        if (Identifiers.Problem(id) is { } idProblem)
            Add("id", idProblem);
        if (item.ValueKind != JsonValueKind.Object)
        {
            Add("item", "Give an object.");
            return null;
        }
        foreach (var field in item.EnumerateObject())
        {
            if (!Known.Contains(field.Name) && field.Name != alsoAllowed)
                Add(field.Name, $"Unknown field. Known: {string.Join(", ", Known)}.");
        }

        var buffer = new FeatureBuffer();
        if (JsonFields.Get(item, "features") is { } features)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(features.GetRawText()));
            reader.Read();
            if (FeatureJsonReader.ReadFeatures(ref reader, buffer) is { } problem)
                Add("features", problem);
        }
        var given = JsonFields.Get(item, "vector");
        var length = vector ?? (given is { ValueKind: JsonValueKind.Array } array ? array.GetArrayLength() : 0);
        if (given is { } numbers)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(numbers.GetRawText()));
            reader.Read();
            if (FeatureJsonReader.ReadVector(ref reader, buffer, length) is { } problem)
                Add("vector", problem);
        }
        else if (length > 0)
        {
            Add("vector", $"must have {length} numbers; the length is set by the experiment's features.action.vector.");
        }
        string[] tags = [];
        if (JsonFields.Get(item, "tags") is { } listed)
        {
            if (listed.ValueKind != JsonValueKind.Array || listed.GetArrayLength() > TagsMax || listed.EnumerateArray().Any(static t => t.ValueKind != JsonValueKind.String))
                Add("tags", $"must be an array of at most {TagsMax} strings.");
            else
                tags = [.. listed.EnumerateArray().Select(static t => t.GetString()!)];
        }
        var from = Time("availableFrom");
        var until = Time("availableUntil");
        if (from >= until)
            Add("availableUntil", "must be after availableFrom.");
        if (errors.Count > before)
            return null;
        var utf8 = Encoding.UTF8.GetBytes(id);
        var encoded = new CatalogueItem(utf8, ActionKey.Of(utf8), buffer.Since(0, 0).ToOwned(), tags, from, until);
        return new CatalogueEntry(id, encoded, Encoding.UTF8.GetBytes(WithoutField(item, alsoAllowed)));

        long? Time(string field)
        {
            if (JsonFields.Get(item, field) is not { } time)
                return null;
            if (time.ValueKind == JsonValueKind.String && Rfc3339.TryParse(time.GetString(), out var parsed))
                return parsed;
            Add(field, "must be an RFC 3339 time from 1970 on, for example \"2026-01-31T12:00:00Z\".");
            return null;
        }
    }

    /// <summary>Reads an item of the log: any length of vector, and the time of its first appearance if the record has one.</summary>
    /// <returns>The item, or null when there is a problem.</returns>
    public static CatalogueEntry? ReadLogged(string id, JsonElement item, ICollection<KeyValuePair<string, string>> errors)
    {
        var entry = Read(id, item, vector: null, "", errors, alsoAllowed: FirstPutField);
        return JsonFields.Get(item, FirstPutField) is { ValueKind: JsonValueKind.String } text && Rfc3339.TryParse(text.GetString(), out var time)
            ? entry is null ? null : entry with { FirstPut = time }
            : entry;
    }

    /// <summary>What the log keeps: the item as its owner wrote it, and when it appeared first.</summary>
    public ReadOnlyMemory<byte> ToLogged()
    {
        if (FirstPut is not { } first)
            return Json;
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(Json.Length + 64);
        using (var document = JsonDocument.Parse(Json))
        using (var json = new Utf8JsonWriter(buffer, JsonFormat.Options))
        {
            json.WriteStartObject();
            foreach (var property in document.RootElement.EnumerateObject())
                property.WriteTo(json);
            json.WriteString(FirstPutField, DateTimeOffset.FromUnixTimeMilliseconds(first).UtcDateTime);
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    private static string WithoutField(JsonElement item, string? field)
    {
        if (field is null || !item.TryGetProperty(field, out _))
            return item.GetRawText();
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonFormat.Options))
        {
            json.WriteStartObject();
            foreach (var property in item.EnumerateObject())
            {
                if (property.Name != field)
                    property.WriteTo(json);
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
