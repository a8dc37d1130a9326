namespace Recsys.Bandits.Interactions;

/// <summary>What became of one event.</summary>
public enum JoinOutcome
{
    /// <summary>A decision or activation was taken in, or time moved on.</summary>
    Accepted,

    /// <summary>A reward belongs to a known decision and counts for it.</summary>
    Joined,

    /// <summary>A reward or activation waits for its decision.</summary>
    Waiting,

    /// <summary>Seen before.</summary>
    Duplicate,

    /// <summary>After the window.</summary>
    Late,

    /// <summary>Not a valid reward for its decision: not finite, outside the range, or for an action that was not shown.</summary>
    Invalid,

    /// <summary>A reward or activation without a decision, where none is waited for.</summary>
    Orphan,
}
