namespace Recsys.Bandits.Interactions;

/// <summary>How several rewards of one decision become one.</summary>
public enum RewardAggregate
{
    /// <summary>The first one counts, and is learned at once.</summary>
    First,

    /// <summary>Their sum at the end of the window.</summary>
    Sum,

    /// <summary>The largest at the end of the window.</summary>
    Max,

    /// <summary>Their mean at the end of the window.</summary>
    Mean,
}

/// <summary>The reward rule of an experiment.</summary>
/// <param name="Window">How long after a decision its rewards count, at least 1 ms.</param>
/// <param name="Default">The reward of a decision whose window closed without one.</param>
/// <param name="Aggregate">How several rewards become one.</param>
/// <param name="Minimum">Smallest valid reward.</param>
/// <param name="Maximum">Largest valid reward.</param>
public sealed record RewardRule(TimeSpan Window, double Default, RewardAggregate Aggregate, double Minimum, double Maximum);
