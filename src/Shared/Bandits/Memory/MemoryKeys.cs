namespace Recsys.Bandits.Memory;

/// <summary>What makes two decisions similar to an error memory.</summary>
public enum MemoryKeys
{
    /// <summary>The last hidden layer where the policy has one, else the input.</summary>
    Auto,

    /// <summary>The encoded features, scaled.</summary>
    Input,

    /// <summary>The last hidden layer of a network; the input where the policy has none.</summary>
    Hidden,
}
