using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace Recsys.Api.Serialization;

/// <summary>Names and ids of the contract: what is allowed, and how they come out of a path.</summary>
public static class Ids
{
    /// <summary>Most characters (UTF-16 units) of a decision, action, item or subject id.</summary>
    public const int CharactersMax = 256;

    /// <summary>Most bytes of such an id in UTF-8.</summary>
    public const int BytesMax = 3 * CharactersMax;

    /// <summary>What is wrong with an id, or null.</summary>
    /// <param name="utf8">Valid UTF-8.</param>
    public static string? Check(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
            return "must not be empty.";
        if (utf8.Length > CharactersMax && (utf8.Length > BytesMax || Encoding.UTF8.GetCharCount(utf8) > CharactersMax))
            return $"must have at most {CharactersMax} characters.";
        for (var i = 0; i < utf8.Length; i++)
        {
            // C0 and DEL are one byte; C1 is 0xC2 followed by 0x80 to 0x9F.
            if (utf8[i] is < 0x20 or 0x7F || (utf8[i] == 0xC2 && i + 1 < utf8.Length && utf8[i + 1] is >= 0x80 and < 0xA0))
                return "must not contain control characters.";
        }
        return null;
    }

    /// <summary>What is wrong with an id, or null.</summary>
    public static string? Check(string id)
    {
        if (id.Length is 0)
            return "must not be empty.";
        if (id.Length > CharactersMax)
            return $"must have at most {CharactersMax} characters.";
        for (var i = 0; i < id.Length; i++)
        {
            if (char.IsControl(id[i]))
                return "must not contain control characters.";
            if (char.IsSurrogate(id[i]) && !(i + 1 < id.Length && char.IsSurrogatePair(id[i], id[i + 1])) && !(i > 0 && char.IsSurrogatePair(id[i - 1], id[i])))
                return "must be valid Unicode.";
        }
        return null;
    }

    /// <summary>Whether a name matches <c>[a-z0-9][a-z0-9-]{0,62}</c>.</summary>
    public static bool IsExperimentName(string name)
    {
        if (name.Length is 0 or > 63 || name[0] == '-')
            return false;
        foreach (var c in name)
        {
            if (c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'))
                return false;
        }
        return true;
    }

    /// <summary>
    /// The id in the fifth segment of the path (<c>/v1/experiments/{experiment}/items/{id}</c>), decoded once from the bytes on the wire: the framework
    /// leaves <c>%2F</c> alone and decodes <c>%252F</c> to the same text, so that its route value cannot tell the two ids apart.
    /// </summary>
    public static string FromPath(HttpContext context, string routeKey)
    {
        var routed = (string)context.Request.RouteValues[routeKey]!;
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(target) || target[0] != '/')
            return routed.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var path = target.AsSpan();
        if (path.IndexOf('?') is >= 0 and var query)
            path = path[..query];
        var segment = 0;
        foreach (var range in path[1..].Split('/'))
        {
            if (segment++ == 4)
                return Uri.UnescapeDataString(path[1..][range]);
        }
        return routed;
    }
}
