using Recsys.Bandits.Features;

namespace Recsys.Bandits.Interactions;

/// <summary>One entry of an experiment's event log, decoded.</summary>
/// <param name="Time">When it happened according to its producer, Unix milliseconds.</param>
public abstract record LoggedEvent(long Time);

/// <summary>One action of a logged decision that was, or could have been, shown.</summary>
/// <param name="Id">The action's id.</param>
/// <param name="Features">Its encoded features.</param>
/// <param name="ClusterMask">As in <see cref="Candidate.ClusterMask"/>.</param>
public sealed record LoggedAction(string Id, FeatureSet Features, ulong ClusterMask = ulong.MaxValue)
{
    /// <summary>Hash of the id.</summary>
    public ActionKey Key { get; } = ActionKey.Of(Id);
}

/// <summary>One filled position of a decision.</summary>
/// <param name="Action">Index into <see cref="DecisionEvent.Actions"/>.</param>
/// <param name="Propensity">Exact probability with which this action was drawn at this position given the positions before it, in (0, 1].</param>
public readonly record struct ChosenSlot(int Action, float Propensity);

/// <summary>A decision was made.</summary>
/// <param name="DecisionId">1 to 256 characters.</param>
/// <param name="Time">Decision time, Unix milliseconds.</param>
/// <param name="Policy">Kind of the policy that decided.</param>
/// <param name="PolicyVersion">Interactions the serving parameters had learned from.</param>
/// <param name="Activated">False when the decision counts only once an activation arrives.</param>
/// <param name="Context">Encoded context.</param>
/// <param name="Clusters">The user's clusters with their weights.</param>
/// <param name="Actions">All candidates for listed actions; only the chosen ones for a catalogue.</param>
/// <param name="Chosen">The filled positions in order, at least one.</param>
public sealed record DecisionEvent(
    string DecisionId,
    long Time,
    string Policy,
    long PolicyVersion,
    bool Activated,
    FeatureSet Context,
    IReadOnlyList<ClusterWeight> Clusters,
    IReadOnlyList<LoggedAction> Actions,
    IReadOnlyList<ChosenSlot> Chosen) : LoggedEvent(Time)
{
    /// <summary>
    /// Whether it is to be learned from, as whoever decided knew: the log then says by itself what was learned. Null leaves it to the experiment's mode.
    /// </summary>
    public bool? Learned { get; init; }

    /// <summary>What the error memory said of the filled positions, one each in their order; empty where no memory was asked.</summary>
    public IReadOnlyList<MemoryTrace> Traces { get; init; } = [];
}

/// <summary>A reward was observed.</summary>
/// <param name="DecisionId">The decision it belongs to.</param>
/// <param name="Time">When it was observed, Unix milliseconds.</param>
/// <param name="Value">Finite, in the experiment's own units.</param>
/// <param name="Action">The rewarded action of a multi-action decision; null means the first position.</param>
/// <param name="EventId">Optional id of this observation: a second reward with the same id is a duplicate.</param>
public sealed record RewardEvent(string DecisionId, long Time, double Value, string? Action = null, string? EventId = null) : LoggedEvent(Time);

/// <summary>A decision made with <c>activate: false</c> was really shown.</summary>
/// <param name="DecisionId">The decision.</param>
/// <param name="Time">When it was shown, Unix milliseconds.</param>
public sealed record ActivationEvent(string DecisionId, long Time) : LoggedEvent(Time);

/// <summary>Time passed and nothing else happened; written by the learner so that an idle stream still closes its reward windows.</summary>
/// <param name="Time">Unix milliseconds.</param>
public sealed record TickEvent(long Time) : LoggedEvent(Time);
