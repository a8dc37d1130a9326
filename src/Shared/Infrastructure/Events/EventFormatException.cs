namespace Recsys.Infrastructure.Events;

/// <summary>An event that cannot be understood. The message is the reason that its dead letter carries.</summary>
public sealed class EventFormatException : Exception
{
    /// <summary>Says what is wrong with the event.</summary>
    public EventFormatException(string message) : base(message) { }

    /// <summary>Says what is wrong with the event and what revealed it.</summary>
    public EventFormatException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Required by the framework; prefer the constructors with a message.</summary>
    public EventFormatException() { }
}
