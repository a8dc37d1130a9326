namespace Recsys.Learner.Replay;

/// <summary>What a recorded log teaches. The same log and definition give the same result, times excepted.</summary>
/// <param name="Policy">Kind of the policy that learned.</param>
/// <param name="Digest">Identifies the learned state: equal to the one in the learner's checkpoint after the same records.</param>
/// <param name="Events">Records read.</param>
/// <param name="Interactions">Interactions learned.</param>
/// <param name="Decisions">Decisions taken in.</param>
/// <param name="RepeatedDecisions">Decisions whose id was taken.</param>
/// <param name="Activations">Activations taken in.</param>
/// <param name="Joined">Rewards that count for their decision.</param>
/// <param name="Defaulted">Positions that got the default reward.</param>
/// <param name="Duplicate">Rewards beyond the first, or sent twice.</param>
/// <param name="Late">Rewards and activations after the window.</param>
/// <param name="Orphan">Rewards and activations whose decision never came.</param>
/// <param name="Invalid">Rewards that cannot be used.</param>
/// <param name="Unactivated">Decisions that were never shown.</param>
/// <param name="Clamped">Events whose own time was pulled to the bound around the log's.</param>
/// <param name="Evicted">Decisions closed early because too many were open.</param>
/// <param name="Older">Decisions of an earlier experiment of the same name.</param>
/// <param name="Undecodable">Records that cannot be understood.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="EventsPerSecond">Records read per second.</param>
public sealed record ReplayResult(
    string Policy,
    string Digest,
    long Events,
    long Interactions,
    long Decisions,
    long RepeatedDecisions,
    long Activations,
    long Joined,
    long Defaulted,
    long Duplicate,
    long Late,
    long Orphan,
    long Invalid,
    long Unactivated,
    long Clamped,
    long Evicted,
    long Older,
    long Undecodable,
    double Seconds,
    double EventsPerSecond);
