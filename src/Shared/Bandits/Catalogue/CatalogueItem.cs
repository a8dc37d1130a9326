using Recsys.Bandits.Features;
using Recsys.Bandits.Interactions;

namespace Recsys.Bandits.Catalogue;

/// <summary>One item of a catalogue.</summary>
/// <param name="Id">Its id as UTF-8; owned.</param>
/// <param name="Key">Hash of the id.</param>
/// <param name="Features">Its encoded features; owned. <see cref="FeatureSet.Dense"/> is the item's vector, empty for none.</param>
/// <param name="Tags">Words that rules may refer to.</param>
/// <param name="AvailableFrom">First Unix millisecond at which it may be proposed, or null.</param>
/// <param name="AvailableUntil">First Unix millisecond at which it may no longer be proposed, or null.</param>
public sealed record CatalogueItem(
    ReadOnlyMemory<byte> Id, ActionKey Key, FeatureSet Features, IReadOnlyList<string> Tags, long? AvailableFrom = null, long? AvailableUntil = null)
{
    /// <summary>Whether it may be proposed at a time.</summary>
    /// <param name="now">Unix milliseconds.</param>
    public bool IsAvailable(long now) => !(now < AvailableFrom) && !(now >= AvailableUntil);
}
