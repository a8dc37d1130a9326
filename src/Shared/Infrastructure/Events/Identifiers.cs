using System.Text;

namespace Recsys.Infrastructure.Events;

/// <summary>The rule for decision, action, item and subject ids: 1 to 256 characters without control characters (contract, section 1).</summary>
public static class Identifiers
{
    /// <summary>Most characters (UTF-16 units) in an id.</summary>
    public const int CharactersMax = 256;

    /// <summary>What is wrong with an id given as text, to be put behind its name; null when nothing is.</summary>
    public static string? Problem(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (id.Length is 0 or > CharactersMax)
            return $"must have 1 to {CharactersMax} characters, not {id.Length}.";
        foreach (var c in id)
        {
            if (char.IsControl(c))
                return "must not contain control characters.";
        }
        return null;
    }

    /// <summary>The same for UTF-8.</summary>
    public static string? Problem(ReadOnlySpan<byte> id)
    {
        if (id.IsEmpty)
            return $"must have 1 to {CharactersMax} characters, not 0.";
        // Control characters are U+0000–001F, U+007F and U+0080–009F, which is C2 80–9F in UTF-8.
        for (var i = 0; i < id.Length; i++)
        {
            if (id[i] is < 0x20 or 0x7F || (id[i] == 0xC2 && i + 1 < id.Length && id[i + 1] is >= 0x80 and <= 0x9F))
                return "must not contain control characters.";
        }
        if (id.Length > CharactersMax && Encoding.UTF8.GetCharCount(id) > CharactersMax)
            return $"must have 1 to {CharactersMax} characters, not {Encoding.UTF8.GetCharCount(id)}.";
        return null;
    }
}
