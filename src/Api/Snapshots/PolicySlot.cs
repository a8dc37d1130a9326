using Recsys.Bandits.Policies;

namespace Recsys.Api.Snapshots;

/// <summary>What an experiment serves with at one moment; immutable.</summary>
/// <param name="Policy">The policy, or null before the first parameters.</param>
/// <param name="AsOf">Up to which time the parameters reflect the log, Unix milliseconds.</param>
/// <param name="Missing">Why there is no policy, one sentence; null when there is one.</param>
public sealed record ServingState(IPolicy? Policy, long AsOf, string? Missing)
{
    /// <summary>Nothing was ever published.</summary>
    public static ServingState None { get; } = new(null, 0, "No parameters have been published yet.");

    /// <summary>What was published was learned under another definition.</summary>
    public static ServingState Outdated { get; } = new(null, 0, "The definition has changed and no parameters for it have been published yet.");
}

/// <summary>One reference to what is served. Written by the refresher alone, read once per decision.</summary>
public sealed class PolicySlot
{
    private volatile ServingState _current = ServingState.None;

    /// <summary>What is served now.</summary>
    public ServingState Current
    {
        get => _current;
        set => _current = value;
    }
}
