using System.Buffers;
using System.IO.Hashing;
using System.Text;

namespace Recsys.Bandits.Features;

/// <summary>
/// Names to hashes, the hashing trick of Weinberger et al. 2009 (arXiv 0902.2206) without the sign: a numeric feature hashes its name, a
/// categorical one its name and value, a namespaced one its namespace first. The text is hashed as UTF-8, so every producer in
/// any language can compute the same hash.
/// </summary>
public static class FeatureHash
{
    /// <summary>Raised when the rule below changes; part of every schema fingerprint.</summary>
    public const int Version = 1;

    /// <summary>Joins namespace, name and value. Cannot occur in valid names because control characters are refused.</summary>
    public const byte Separator = 0x1F;

    /// <summary>Hash of a feature: XxHash3 of <c>[namespace 0x1F] name [0x1F value]</c>, folded to 32 bits.</summary>
    /// <param name="space">UTF-8 namespace, empty for none.</param>
    /// <param name="name">UTF-8 feature name.</param>
    /// <param name="value">UTF-8 category, empty for a numeric feature.</param>
    /// <param name="categorical">Whether <paramref name="value"/> takes part (an empty string is a category too).</param>
    public static uint Of(ReadOnlySpan<byte> space, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool categorical)
    {
        var length = (space.IsEmpty ? 0 : space.Length + 1) + name.Length + (categorical ? value.Length + 1 : 0);
        byte[]? rented = null;
        var buffer = length <= 512 ? stackalloc byte[512] : (rented = ArrayPool<byte>.Shared.Rent(length));
        var at = 0;
        if (!space.IsEmpty)
        {
            space.CopyTo(buffer);
            at = space.Length;
            buffer[at++] = Separator;
        }
        name.CopyTo(buffer[at..]);
        at += name.Length;
        if (categorical)
        {
            buffer[at++] = Separator;
            value.CopyTo(buffer[at..]);
            at += value.Length;
        }
        var hash = Fold(XxHash3.HashToUInt64(buffer[..at]));
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
        return hash;
    }

    /// <summary>The same for text, for hosts off the hot path.</summary>
    /// <param name="space">Namespace, empty for none.</param>
    /// <param name="name">Feature name.</param>
    /// <param name="value">Category, or null for a numeric feature.</param>
    public static uint Of(string space, string name, string? value) =>
        Of(Encoding.UTF8.GetBytes(space), Encoding.UTF8.GetBytes(name), value is null ? [] : Encoding.UTF8.GetBytes(value), value is not null);

    private static uint Fold(ulong hash) => (uint)(hash ^ (hash >> 32));
}
