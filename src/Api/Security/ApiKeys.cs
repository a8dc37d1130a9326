using System.Net;
using System.Security.Cryptography;
using System.Text;
using Recsys.Api.Problems;

namespace Recsys.Api.Security;

/// <summary>What a caller may do.</summary>
public enum ApiRole
{
    /// <summary>Decide, explain, read.</summary>
    Decide,

    /// <summary>Send rewards and activations.</summary>
    Reward,

    /// <summary>Everything, including experiments and catalogue.</summary>
    Admin,
}

/// <summary>One configured key.</summary>
public sealed class ApiKeyOptions
{
    /// <summary>The key itself; never logged.</summary>
    public string Key { get; init; } = "";

    /// <summary>What it allows.</summary>
    public IReadOnlyList<ApiRole> Roles { get; init; } = [];
}

/// <summary>Who may do what.</summary>
public sealed class SecurityOptions
{
    /// <summary>Section of the configuration.</summary>
    public const string SectionName = "Security";

    /// <summary>The keys. None: everything is allowed, and the service is reachable from this machine only.</summary>
    public IReadOnlyList<ApiKeyOptions> ApiKeys { get; init; } = [];
}

/// <summary>Checks the header <c>X-Api-Key</c> against the configured keys, in constant time.</summary>
public sealed class ApiKeys
{
    private readonly List<(byte[] Hash, ApiRole[] Roles)> _keys;

    /// <summary>Takes over the configuration.</summary>
    /// <exception cref="InvalidOperationException">A key is empty or allows nothing.</exception>
    public ApiKeys(SecurityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        foreach (var key in options.ApiKeys)
        {
            if (string.IsNullOrWhiteSpace(key.Key))
                throw new InvalidOperationException("Security:ApiKeys holds an empty key. An empty key never means open: remove the entry or give it a value.");
            if (key.Roles.Count == 0)
                throw new InvalidOperationException("Security:ApiKeys holds a key without roles. Give it one or more of decide, reward, admin.");
        }
        _keys = [.. options.ApiKeys.Select(static k => (SHA256.HashData(Encoding.UTF8.GetBytes(k.Key)), k.Roles.ToArray()))];
    }

    /// <summary>Whether any key is configured.</summary>
    public bool Any => _keys.Count > 0;

    /// <summary>Lets the request pass or says why not.</summary>
    /// <exception cref="ApiProblem">It may not pass.</exception>
    public void Check(HttpContext context, ApiRole role)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!Any)
            return;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(context.Request.Headers["X-Api-Key"].ToString()));
        ApiRole[]? roles = null;
        foreach (var (known, allowed) in _keys)
        {
            if (CryptographicOperations.FixedTimeEquals(known, hash))
                roles = allowed;
        }
        if (roles is null)
            throw new ApiProblem(ProblemTypes.Unauthorized, "Send a configured key in the header X-Api-Key.");
        if (!roles.Contains(role) && !roles.Contains(ApiRole.Admin))
            throw new ApiProblem(ProblemTypes.Forbidden, $"This key lacks the role '{role.ToString().ToLowerInvariant()}'.");
    }

    /// <summary>Without a key the service must not be reachable from elsewhere.</summary>
    /// <exception cref="InvalidOperationException">An address is not loopback and no key is configured.</exception>
    public void RefuseOpenAddresses(IEnumerable<string> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        if (Any)
            return;
        foreach (var address in addresses)
        {
            var host = BindingAddress.Parse(address).Host;
            if (host is "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip)))
                continue;
            throw new InvalidOperationException(
                $"No API key is configured, so '{address}' would be open to everybody. Set Security__ApiKeys__0__Key and Security__ApiKeys__0__Roles__0, or bind 127.0.0.1.");
        }
    }
}

/// <summary>Says at the route what a caller needs.</summary>
public static class ApiKeyRouting
{
    /// <summary>Requires a role.</summary>
    public static RouteHandlerBuilder Needs(this RouteHandlerBuilder route, ApiRole role) => route.AddEndpointFilter(async (context, next) =>
    {
        context.HttpContext.RequestServices.GetRequiredService<ApiKeys>().Check(context.HttpContext, role);
        return await next(context);
    });
}
