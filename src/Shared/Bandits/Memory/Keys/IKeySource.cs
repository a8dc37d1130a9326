using Recsys.Bandits.Interactions;
using Recsys.Bandits.Snapshots;

namespace Recsys.Bandits.Memory.Keys;

/// <summary>A trainer that has a representation of its own, from which an error memory can be keyed.</summary>
internal interface IKeySource
{
    /// <summary>Writes what makes the vectors as the trainer stands, for <see cref="FrozenKeys.Read"/>.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="space">Their name.</param>
    void WriteKeys(StateWriter writer, KeySpace space);
}
