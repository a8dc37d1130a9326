using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Policies;

/// <summary>
/// A trainer that also wants to know what is on its way to be learned: impressions whose reward is awaited. What it makes of them is published with its parameters and
/// is not part of its state: neither checkpoint nor digest hold it, because it follows from the decisions that are open in the log.
/// </summary>
/// <remarks>Every impression that was expected is settled once, when its interaction is learned or is known never to be. <see cref="IPolicyTrainer.Learn"/> settles nothing by itself.</remarks>
public interface IPendingTrainer : IPolicyTrainer
{
    /// <summary>Whether it makes anything of impressions as it is configured; if not, the other members do nothing.</summary>
    bool IsExpecting { get; }

    /// <summary>An action was shown, and its reward will come.</summary>
    void Expect(in Impression impression);

    /// <summary>The reward of an impression has come, or never will.</summary>
    void Settle(in Impression impression);

    /// <summary>No reward is awaited any more.</summary>
    void ForgetExpected();
}
