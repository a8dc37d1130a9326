using Recsys.Bandits.Features;
using Recsys.Bandits.Numerics;

namespace Recsys.Bandits.Policies.Neural;

/// <summary>Names for the inputs of a network: dense ones by their place, hashed ones by space and masked hash.</summary>
internal static class NetworkInputs
{
    private const ulong ContextSpace = 2UL << 56, ActionSpace = 4UL << 56;

    /// <summary>Id of a hashed context feature.</summary>
    public static ulong ContextId(uint hash, FeatureSchema schema) => ContextSpace | (hash & ((1U << schema.ContextHashBits) - 1));

    /// <summary>Id of a hashed action feature.</summary>
    public static ulong ActionId(uint hash, FeatureSchema schema) => ActionSpace | (hash & ((1U << schema.ActionHashBits) - 1));

    /// <summary>The value that a hashed feature has for the network: hashed numbers are not scaled, so they are bounded.</summary>
    public static float Value(float value) => Math.Clamp(StableMath.ClipFeature(value), -FeatureScaler.Limit, FeatureScaler.Limit);
}
