namespace Recsys.Bandits.Interactions;

/// <summary>Bounds of an <see cref="InteractionJoiner"/>. Part of what makes a replay exact: keep them while a log is in use.</summary>
/// <param name="EarlyWait">
/// How long, in ms of event time from its arrival, a reward or activation waits for its decision before it is an orphan. 0 for not at all.
/// </param>
/// <param name="AheadMax">How far, in ms, an event's own time may be ahead of the log's: how much longer than its window a decision can stay open.</param>
/// <param name="BehindMax">How far, in ms, an event's own time may lie behind the log's.</param>
/// <param name="RetainedMax">Most decisions held; over it the oldest closes early. A million decisions take about half a gigabyte.</param>
public sealed record JoinLimits(long EarlyWait, long AheadMax, long BehindMax, int RetainedMax)
{
    /// <summary>Most rewards with ids of their own that one decision keeps apart; further ones are refused as duplicates.</summary>
    public const int RewardIdsMax = 1024;

    /// <summary>
    /// Most rewards and activations that wait for a decision; over it the one that has waited longest becomes an orphan. They have their own
    /// bound so that rewards for ids that never existed cannot push out decisions.
    /// </summary>
    public int WaitingMax => Math.Max(1, RetainedMax / 8);

    /// <summary>A minute for early rewards (or the window, if shorter), a minute ahead, a day behind, a million decisions.</summary>
    public static JoinLimits For(RewardRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return new((long)Math.Min(60_000, rule.Window.TotalMilliseconds), 60_000, 86_400_000, 1_000_000);
    }
}
