using Recsys.Bandits.Randomness;

namespace Recsys.Bandits.Memory;

/// <summary>
/// Sparse features folded into a dense vector of fixed length by signed feature hashing: each has a place and a sign by its hash, so inner products of folded vectors
/// are those of the sparse ones in expectation over seeds, with variance about |x|²·|y|²/D.
/// </summary>
/// <remarks>Source: Weinberger, Dasgupta, Langford, Smola and Attenberg, ICML 2009 (arXiv 0902.2206), section 2.</remarks>
public static class FeatureFolding
{
    /// <summary>Adds features to a vector. O(number of features), allocation-free.</summary>
    /// <param name="ids">Length F, any 64-bit ids; one that occurs twice counts with the sum of its values.</param>
    /// <param name="values">Length F, finite.</param>
    /// <param name="seed">Gives places and signs.</param>
    /// <param name="dense">In and out: length D, at least 1.</param>
    /// <exception cref="ArgumentException">Lengths differ, there is no place, or a value is not finite; the vector is as it was.</exception>
    public static void Add(ReadOnlySpan<ulong> ids, ReadOnlySpan<float> values, ulong seed, Span<float> dense)
    {
        if (ids.Length != values.Length || dense.IsEmpty)
            throw new ArgumentException($"{ids.Length} ids and {values.Length} values into {dense.Length} places.", nameof(values));
        var salt = SplitMix64.Mix(seed);
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
                throw new ArgumentException($"A value is {value}.", nameof(values));
        }
        for (var i = 0; i < ids.Length; i++)
        {
            var hash = SplitMix64.Mix(ids[i] ^ salt);
            // The high half gives the place, the lowest bit the sign.
            var place = (int)(((hash >> 32) * (ulong)dense.Length) >> 32);
            dense[place] += (hash & 1) == 0 ? values[i] : -values[i];
        }
    }
}
