namespace Recsys.Bandits.Interactions;

/// <summary>An action that was really shown and whose reward is awaited: an <see cref="Interaction"/> to be, sure to come because a window that closes gives one too.</summary>
/// <param name="Action">The action.</param>
/// <param name="Clusters">As in <see cref="Interaction.Clusters"/>.</param>
public readonly record struct Impression(ActionKey Action, ReadOnlyMemory<ClusterWeight> Clusters)
{
    /// <summary>As in <see cref="DecisionEvent.Learned"/>.</summary>
    public bool? Learned { get; init; }
}
