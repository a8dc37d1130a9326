using System.Runtime.InteropServices;

namespace Recsys.Bandits.Features;

/// <summary>Shapes of the encoded features of one experiment.</summary>
/// <param name="ContextVector">Length of the dense context vector, 0 for none.</param>
/// <param name="ContextHashBits">log2 of the table that hashed context features share, 1 to 24.</param>
/// <param name="ActionVector">Length of the dense action vector, 0 for none.</param>
/// <param name="ActionHashBits">log2 of the table that hashed action features share, 1 to 24.</param>
public sealed record FeatureSchema(int ContextVector = 0, int ContextHashBits = 12, int ActionVector = 0, int ActionHashBits = 12)
{
    /// <summary>Changes whenever parameters learned under one schema would be wrong under another.</summary>
    public ulong Fingerprint
    {
        get
        {
            ReadOnlySpan<int> parts = [ContextVector, ContextHashBits, ActionVector, ActionHashBits, FeatureHash.Version];
            return System.IO.Hashing.XxHash3.HashToUInt64(MemoryMarshal.AsBytes(parts));
        }
    }
}
