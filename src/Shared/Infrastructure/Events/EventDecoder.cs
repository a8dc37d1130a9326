using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Infrastructure.Events;

/// <summary>Bytes of the log to events, in whichever of the two forms they were written.</summary>
public static class EventDecoder
{
    /// <summary>Decodes one record.</summary>
    /// <param name="record">The record; nothing of it is kept.</param>
    /// <param name="schema">Shapes of the experiment's features; a decision made under other shapes is refused.</param>
    /// <exception cref="EventFormatException">It cannot be understood; the message says why.</exception>
    public static LoggedEvent Decode(in LogRecord record, FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var logged = MediaType(record.Headers.ContentType) switch
        {
            var type when type.Equals(EventTopics.BinaryContentType, StringComparison.OrdinalIgnoreCase) => BinaryEventCodec.Read(record.Value.Span),
            var type when type.IsEmpty || type.Equals(EventTopics.JsonContentType, StringComparison.OrdinalIgnoreCase) =>
                JsonEventCodec.Read(record.Value, record.Headers, schema, record.AppendedAt),
            var type => throw new EventFormatException(
                $"Content type '{type}' is not read here; write {EventTopics.JsonContentType} or {EventTopics.BinaryContentType}."),
        };
        if (logged is DecisionEvent decision)
        {
            Match(decision.Context.Dense.Length, schema.ContextVector, "context");
            foreach (var action in decision.Actions)
                Match(action.Features.Dense.Length, schema.ActionVector, "action");
        }
        return logged;
    }

    // Without parameters: "application/json; charset=utf-8" is JSON.
    private static ReadOnlySpan<char> MediaType(string? contentType)
    {
        var type = contentType.AsSpan();
        var end = type.IndexOf(';');
        return (end < 0 ? type : type[..end]).Trim();
    }

    private static void Match(int length, int expected, string what)
    {
        if (length != expected)
            throw new EventFormatException($"The {what} vector length is {length} where the experiment's definition says {expected}.");
    }
}
