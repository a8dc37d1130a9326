using Recsys.Bandits.Policies;

namespace Recsys.Api.Snapshots;

/// <summary>The parameters in use: one reference, read once per decision, replaced as a whole.</summary>
/// <param name="Policy">The frozen policy, or null while there are no parameters.</param>
/// <param name="AsOf">Up to when everything in the log is reflected, Unix ms.</param>
public sealed record ServingPolicy(IPolicy? Policy, long AsOf)
{
    /// <summary>Before the first parameters.</summary>
    public static ServingPolicy None { get; } = new(null, 0);
}

/// <summary>Holds the picture that decisions are made from.</summary>
public sealed class PolicySlot
{
    private ServingPolicy _current = ServingPolicy.None;

    /// <summary>The current picture; keep the reference for the whole decision.</summary>
    public ServingPolicy Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }
}
