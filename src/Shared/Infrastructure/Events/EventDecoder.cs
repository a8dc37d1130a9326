using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Infrastructure.Events;

/// <summary>Bytes of the log to events, in whichever of the two forms they were written.</summary>
public static class EventDecoder
{
    /// <summary>Decodes one record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="schema">Shapes of the experiment's features; a decision made under other shapes is refused.</param>
    /// <exception cref="EventFormatException">It cannot be understood; the message says why.</exception>
    public static LoggedEvent Decode(in LogRecord record, FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var binary = string.Equals(record.Headers.ContentType, EventTopics.BinaryContentType, StringComparison.OrdinalIgnoreCase);
        var logged = binary
            ? BinaryEventCodec.Read(record.Value.Span)
            : JsonEventCodec.Read(record.Value, record.Headers, schema, record.AppendedAt);
        if (logged is DecisionEvent decision)
        {
            Match(decision.Context.Dense.Length, schema.ContextVector, "context");
            foreach (var action in decision.Actions)
                Match(action.Features.Dense.Length, schema.ActionVector, "action");
        }
        return logged;
    }

    private static void Match(int length, int expected, string what)
    {
        if (length != expected)
            throw new EventFormatException($"The {what} vector has {length} numbers where the experiment's definition says {expected}.");
    }
}
