namespace Recsys.Infrastructure.Events;

/// <summary>Names on the wire (contract, section 2).</summary>
public static class EventTopics
{
    /// <summary>Catalogue items of all experiments; compacted.</summary>
    public const string Items = "recsys.items.v1";

    /// <summary>Events that could not be understood.</summary>
    public const string DeadLetters = "recsys.dead-letter.v1";

    /// <summary>Content type of the Api's own compact form; <c>docs/events.md</c> has its layout.</summary>
    public const string BinaryContentType = "application/vnd.recsys.event";

    /// <summary>Content type of the form that any producer may write.</summary>
    public const string JsonContentType = "application/json";

    /// <summary>Decisions, activations and rewards of one experiment.</summary>
    public static string Events(string experiment) => $"recsys.{experiment}.events.v1";

    /// <summary>Key of an item: ids may contain slashes, experiment names may not, so the first slash separates.</summary>
    public static string ItemKey(string experiment, string item) => $"{experiment}/{item}";
}
