using System.Runtime.InteropServices;

namespace Recsys.Bandits.Interactions;

/// <summary>Bounds of an <see cref="InteractionJoiner"/>. Part of what makes a replay exact: keep them while a log is in use.</summary>
/// <param name="EarlyWait">How long, in ms of event time, a reward waits for its decision before it is an orphan.</param>
/// <param name="AheadMax">How far, in ms, an event's own time may be ahead of the log's; a clock that runs ahead must not close other people's windows.</param>
/// <param name="BehindMax">How far, in ms, an event's own time may lie behind the log's.</param>
/// <param name="RetainedMax">Most decisions held; over it the oldest closes early. A million decisions take about half a gigabyte.</param>
public sealed record JoinLimits(long EarlyWait, long AheadMax, long BehindMax, int RetainedMax)
{
    /// <summary>Most rewards with ids of their own that one decision keeps apart.</summary>
    public const int RewardIdsMax = 1024;

    /// <summary>A minute for early rewards (or the window, if shorter), a minute ahead, a day behind, a million decisions.</summary>
    public static JoinLimits For(RewardRule rule) => new((long)Math.Min(60_000, rule.Window.TotalMilliseconds), 60_000, 86_400_000, 1_000_000);
}

/// <summary>What became of the events of a partition. Counts only grow.</summary>
[StructLayout(LayoutKind.Sequential)]
public record struct JoinCounts
{
    /// <summary>Decisions taken in.</summary>
    public long Decisions;

    /// <summary>Decision events whose id was taken; the first stands.</summary>
    public long RepeatedDecisions;

    /// <summary>Activations taken in.</summary>
    public long Activations;

    /// <summary>Rewards that became, or became part of, an interaction.</summary>
    public long Joined;

    /// <summary>Positions that got the default reward because their window closed.</summary>
    public long Defaulted;

    /// <summary>Rewards beyond the first under <see cref="RewardAggregate.First"/>, or with an event id seen before.</summary>
    public long Duplicate;

    /// <summary>Rewards after the window.</summary>
    public long Late;

    /// <summary>Rewards and activations whose decision never came.</summary>
    public long Orphan;

    /// <summary>Rewards outside the range, or naming an action that was not shown.</summary>
    public long Invalid;

    /// <summary>Decisions made with <c>activate: false</c> that were never activated, and so not learned.</summary>
    public long Unactivated;

    /// <summary>Events whose own time was pulled to the bound around the log's.</summary>
    public long Clamped;

    /// <summary>Decisions closed early because too many were held.</summary>
    public long Evicted;
}

/// <summary>What became of one event.</summary>
public enum JoinOutcome
{
    /// <summary>A decision or activation was taken in, or time moved on.</summary>
    Accepted,

    /// <summary>A reward belongs to a known decision.</summary>
    Joined,

    /// <summary>A reward or activation waits for its decision.</summary>
    Waiting,

    /// <summary>Seen before.</summary>
    Duplicate,

    /// <summary>After the window.</summary>
    Late,

    /// <summary>Not a valid reward for its decision.</summary>
    Invalid,
}

/// <summary>From where a joiner's state can be rebuilt.</summary>
/// <param name="Offset">The first record to read again.</param>
/// <param name="Watermark">The joiner's event time before that record, Unix ms.</param>
public readonly record struct JoinResumePoint(long Offset, long Watermark);
