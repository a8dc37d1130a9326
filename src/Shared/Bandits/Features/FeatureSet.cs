namespace Recsys.Bandits.Features;

/// <summary>One encoded named feature: the full 32-bit hash of its name (and category) and its value.</summary>
/// <param name="Hash">Full hash; a policy masks it to the bits its schema asks for, so one log serves every table size.</param>
/// <param name="Value">Finite; 1 for a category, the number itself for a numeric feature.</param>
public readonly record struct SparseFeature(uint Hash, float Value);

/// <summary>
/// Encoded features of one context or one action: hashed named features and a dense vector. A view over memory that
/// somebody else owns; copy it before keeping it.
/// </summary>
/// <param name="Sparse">Hashed features in the order in which they were given; a hash may repeat, values then add.</param>
/// <param name="Dense">The vector; its length is fixed by the schema, or zero when the schema has no vector.</param>
public readonly record struct FeatureSet(ReadOnlyMemory<SparseFeature> Sparse, ReadOnlyMemory<float> Dense)
{
    /// <summary>No features at all.</summary>
    public static FeatureSet Empty => default;

    /// <summary>A copy that owns its memory, for keeping beyond the life of a pooled buffer.</summary>
    public FeatureSet ToOwned() => new(Sparse.ToArray(), Dense.ToArray());
}
