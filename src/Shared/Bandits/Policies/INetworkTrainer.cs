namespace Recsys.Bandits.Policies;

/// <summary>
/// A trainer that descends gradients. Unlike sums, what it learns can become worse by learning more, and what it has room for it decides by itself; it says how often
/// that was felt.
/// </summary>
public interface INetworkTrainer : IPrequentialTrainer
{
    /// <summary>Hashed inputs so far that came when there was no room for weights of theirs; each counts whenever it comes.</summary>
    long RefusedInputs { get; }

    /// <summary>Networks so far that began anew because their weights had left all bounds.</summary>
    long NetworkRestarts { get; }
}
