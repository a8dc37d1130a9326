using System.Buffers.Binary;
using System.IO.Hashing;

namespace Recsys.Bandits.Randomness;

/// <summary>
/// The randomness of one decision: a pure function of a salt and the decision id, so the same decision can be drawn again anywhere, for ever.
/// </summary>
public readonly record struct DecisionSeed(ulong Value)
{
    /// <summary>Seed of a decision.</summary>
    /// <param name="salt">Separates experiments, so that one id used in two experiments gives independent draws.</param>
    /// <param name="decisionId">The id as UTF-8.</param>
    public static DecisionSeed Of(ulong salt, ReadOnlySpan<byte> decisionId) => new(XxHash3.HashToUInt64(decisionId, (long)salt));

    /// <summary>Uniform number in [0, 1) for one position of the slate, with 53 random bits.</summary>
    public double Uniform(int slot)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, slot);
        return (XxHash3.HashToUInt64(bytes, (long)Value) >> 11) * (1.0 / (1UL << 53));
    }
}
