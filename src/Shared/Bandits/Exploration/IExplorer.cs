namespace Recsys.Bandits.Exploration;

/// <summary>Turns estimates into a distribution over the same actions. Implemented by structs, so that a policy's loop has no virtual call per action.</summary>
public interface IExplorer
{
    /// <summary>Whether the rule is meaningless without confidence widths.</summary>
    bool NeedsWidths { get; }

    /// <summary>
    /// Writes the distribution. Equal actions get equal shares (ties split evenly, a deliberate deviation from "any argmax" in the papers), so
    /// permuting the actions permutes the distribution.
    /// </summary>
    /// <param name="means">Length K ≥ 1, finite, normalised to [0, 1] up to estimation error.</param>
    /// <param name="widths">Length K, at least 0.</param>
    /// <param name="propensities">Length K, written: at least 0, adding to 1.</param>
    void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities);
}
