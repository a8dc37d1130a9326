namespace Recsys.Bandits.Policies;

/// <summary>A trainer that judges every interaction by what it expected before it learned from it.</summary>
public interface IPrequentialTrainer : IPolicyTrainer
{
    /// <summary>Running average of the losses: half the squared error, or the cross entropy, of normalised rewards; at least 0.</summary>
    double PrequentialLoss { get; }

    /// <summary>How often losses have jumped, so that the world must have moved.</summary>
    long DriftAlarms { get; }
}
