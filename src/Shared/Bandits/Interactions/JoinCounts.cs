using System.Runtime.InteropServices;

namespace Recsys.Bandits.Interactions;

/// <summary>
/// What became of the events of a partition. Counts only grow. Every reward ends in exactly one of <see cref="Joined"/>, <see cref="Duplicate"/>,
/// <see cref="Late"/>, <see cref="Orphan"/> and <see cref="Invalid"/>, at the latest when its decision has not come in time.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public record struct JoinCounts
{
    /// <summary>Decisions taken in.</summary>
    public long Decisions;

    /// <summary>Positions of these decisions.</summary>
    public long Positions;

    /// <summary>Positions that have been learned, or never will be because their window closed without an activation.</summary>
    public long Settled;

    /// <summary>Decision events whose id was taken; the first stands.</summary>
    public long RepeatedDecisions;

    /// <summary>Activations of known decisions within their window, repeated and needless ones included.</summary>
    public long Activations;

    /// <summary>Rewards that count for their decision.</summary>
    public long Joined;

    /// <summary>Positions that got the default reward because their window closed.</summary>
    public long Defaulted;

    /// <summary>Rewards beyond the first under <see cref="RewardAggregate.First"/>, or with an event id seen before.</summary>
    public long Duplicate;

    /// <summary>Rewards and activations after the window.</summary>
    public long Late;

    /// <summary>Rewards and activations whose decision never came.</summary>
    public long Orphan;

    /// <summary>Rewards outside the range, or naming an action that was not shown.</summary>
    public long Invalid;

    /// <summary>Decisions made with <c>activate: false</c> that were never activated, and so not learned.</summary>
    public long Unactivated;

    /// <summary>Events whose own time was pulled to the bound around the log's.</summary>
    public long Clamped;

    /// <summary>Decisions forgotten early because too many were held; those whose window was open closed early.</summary>
    public long Evicted;

    /// <summary>Positions whose reward is still awaited: impressions in flight.</summary>
    public readonly long InFlight => Positions - Settled;
}
