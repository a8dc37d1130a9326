using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Recsys.Bandits.Features;

namespace Recsys.Infrastructure.Features;

/// <summary>
/// Encodes the JSON form of features while reading it. Numbers become one feature with that value; strings and booleans one feature per
/// value; an array is the bag of its strings and booleans, and its numbers are features <c>name[0]</c>, <c>name[1]</c>, …; one level of objects
/// gives namespaces; null is no feature.
/// </summary>
public static class FeatureJsonReader
{
    /// <summary>Most features in one object; bounds the work of one request.</summary>
    public const int FeaturesMax = 10_000;

    /// <summary>Reads a features object.</summary>
    /// <param name="reader">Stands on the value; afterwards on its last token.</param>
    /// <param name="into">Receives the encoded features.</param>
    /// <returns>Null, or what is wrong, to be put behind the field's name. The value is skipped in that case.</returns>
    /// <exception cref="JsonException">Malformed JSON.</exception>
    public static string? ReadFeatures(ref Utf8JsonReader reader, FeatureBuffer into)
    {
        ArgumentNullException.ThrowIfNull(into);
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return "must be an object of names and values.";
        }
        var start = into.SparseCount;
        string? problem = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            using var name = new Utf8Text(ref reader);
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    using var inner = new Utf8Text(ref reader);
                    reader.Read();
                    problem = ReadValue(ref reader, name.Span, inner.Span, into) ?? problem;
                }
            }
            else
            {
                problem = ReadValue(ref reader, default, name.Span, into) ?? problem;
            }
            if (into.SparseCount - start > FeaturesMax)
                problem = $"has more than {FeaturesMax} features.";
        }
        return problem;
    }

    /// <summary>Reads an array of finite numbers.</summary>
    /// <param name="reader">Stands on the value; afterwards on its last token.</param>
    /// <param name="into">Receives the elements.</param>
    /// <param name="expected">How many there must be.</param>
    /// <returns>Null, or what is wrong. The value is skipped in that case.</returns>
    /// <exception cref="JsonException">Malformed JSON.</exception>
    public static string? ReadVector(ref Utf8JsonReader reader, FeatureBuffer into, int expected)
    {
        ArgumentNullException.ThrowIfNull(into);
        if (reader.TokenType == JsonTokenType.Null)
            return expected == 0 ? null : $"must have {expected} numbers.";
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return $"must be an array of {expected} numbers.";
        }
        string? problem = null;
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetSingle(out var value) && float.IsFinite(value))
            {
                if (count < expected)
                    into.AddDense(value);
            }
            else
            {
                reader.Skip();
                problem = "must hold finite 32-bit numbers only.";
            }
            count++;
        }
        return problem ?? (count == expected ? null : $"must have {expected} numbers, not {count}; the length is set by the experiment's features.*.vector.");
    }

    private static string? ReadValue(ref Utf8JsonReader reader, scoped ReadOnlySpan<byte> space, scoped ReadOnlySpan<byte> name, FeatureBuffer into)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartArray:
                string? problem = null;
                for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
                {
                    if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
                    {
                        reader.Skip();
                        problem = "may nest arrays and objects one level deep only.";
                    }
                    else
                    {
                        problem = ReadScalar(ref reader, space, name, index, into) ?? problem;
                    }
                }
                return problem;
            case JsonTokenType.StartObject:
                reader.Skip();
                return "may nest objects one level deep only.";
            default:
                return ReadScalar(ref reader, space, name, index: -1, into);
        }
    }

    private static string? ReadScalar(ref Utf8JsonReader reader, scoped ReadOnlySpan<byte> space, scoped ReadOnlySpan<byte> name, int index, FeatureBuffer into)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Number:
                if (!reader.TryGetSingle(out var number) || !float.IsFinite(number))
                    return "must hold finite 32-bit numbers only.";
                into.Add(new SparseFeature(index < 0 ? FeatureHash.Of(space, name, default, categorical: false) : Element(space, name, index), number));
                return null;
            case JsonTokenType.String:
                using (var value = new Utf8Text(ref reader))
                    into.Add(new SparseFeature(FeatureHash.Of(space, name, value.Span, categorical: true), 1));
                return null;
            case JsonTokenType.True:
                into.Add(new SparseFeature(FeatureHash.Of(space, name, "true"u8, categorical: true), 1));
                return null;
            case JsonTokenType.False:
                into.Add(new SparseFeature(FeatureHash.Of(space, name, "false"u8, categorical: true), 1));
                return null;
            default:
                return null;
        }
    }

    private static uint Element(ReadOnlySpan<byte> space, ReadOnlySpan<byte> name, int index)
    {
        Span<byte> digits = stackalloc byte[12];
        Utf8Formatter.TryFormat(index, digits, out var length);
        var rented = ArrayPool<byte>.Shared.Rent(name.Length + length + 2);
        name.CopyTo(rented);
        rented[name.Length] = (byte)'[';
        digits[..length].CopyTo(rented.AsSpan(name.Length + 1));
        rented[name.Length + 1 + length] = (byte)']';
        var hash = FeatureHash.Of(space, rented.AsSpan(0, name.Length + length + 2), default, categorical: false);
        ArrayPool<byte>.Shared.Return(rented);
        return hash;
    }

    /// <summary>The current string or property name as unescaped UTF-8; borrows the reader's own bytes when there is nothing to unescape.</summary>
    private readonly ref struct Utf8Text
    {
        private readonly byte[]? _rented;

        public Utf8Text(ref Utf8JsonReader reader)
        {
            if (!reader.ValueIsEscaped && !reader.HasValueSequence)
            {
                Span = reader.ValueSpan;
                return;
            }
            _rented = ArrayPool<byte>.Shared.Rent(reader.HasValueSequence ? (int)reader.ValueSequence.Length : reader.ValueSpan.Length);
            Span = _rented.AsSpan(0, reader.CopyString(_rented));
        }

        public ReadOnlySpan<byte> Span { get; }

        public void Dispose()
        {
            if (_rented is not null)
                ArrayPool<byte>.Shared.Return(_rented);
        }
    }
}
