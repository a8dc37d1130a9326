namespace Recsys.Bandits.Memory;

/// <summary>How the cells of a sample become an estimate.</summary>
public enum MemoryReadout
{
    /// <summary>Sums over all arrays, divided: Nadaraya and Watson's kernel regression under the kernel of the hash. No temperature, least variance.</summary>
    Ratio,

    /// <summary>Means of single cells under a softmax over the arrays, as ReLoop2 words it.</summary>
    Attention,
}
