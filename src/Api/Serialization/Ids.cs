using Microsoft.AspNetCore.Http.Features;

namespace Recsys.Api.Serialization;

/// <summary>Names and ids of the contract: what is allowed as a name, and how ids come out of a path.</summary>
public static class Ids
{
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
            return Slashes(routed);
        var path = target.AsSpan();
        if (path.IndexOf('?') is >= 0 and var query)
            path = path[..query];
        var segment = 0;
        foreach (var range in path[1..].Split('/'))
        {
            if (segment++ != 4)
                continue;
            var id = Uri.UnescapeDataString(path[1..][range]);
            // Dot segments (/x/../) are taken out before routing and are still on the wire: then the fifth segment is another one.
            return Slashes(id) == Slashes(routed) ? id : Slashes(routed);
        }
        return Slashes(routed);
    }

    private static string Slashes(string id) => id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
