using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Recsys.Api.Hosting;

namespace Recsys.Api.Security;

/// <summary>
/// Refuses to listen to the network without keys. Asked for every address before it is bound, and for the usual settings before anything starts, when
/// nothing but the reason is printed yet.
/// </summary>
public static class LoopbackGuard
{
    /// <summary>Checks an address that is about to be bound.</summary>
    /// <exception cref="StartupException">It is not loopback and there are no keys.</exception>
    public static void Check(ListenOptions address, ApiKeys keys)
    {
        // A Unix socket has no IP address; its file permissions say who may connect.
        if (keys.Any || address.IPEndPoint is not { } endpoint || IPAddress.IsLoopback(endpoint.Address))
            return;
        throw Refusal(endpoint.ToString());
    }

    /// <summary>Checks the addresses that are configured.</summary>
    /// <exception cref="StartupException">One of them is not loopback and there are no keys.</exception>
    public static void Check(IConfiguration configuration, ApiKeys keys)
    {
        if (keys.Any)
            return;
        if (configuration["urls"] is not { Length: > 0 } urls)
        {
            // Ports alone mean every address of the machine.
            if (configuration["http_ports"] is { Length: > 0 } ports)
                throw Refusal($"port {ports} of every address");
            return;
        }
        foreach (var url in urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var address = BindingAddress.Parse(url);
            var isLoopback = address.IsUnixPipe || address.IsNamedPipe || address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                || (IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip));
            if (!isLoopback)
                throw Refusal(url);
        }
    }

    private static StartupException Refusal(string address) => new(
        $"Refusing to listen on {address}: no API key is configured, and without one this service is open to everybody who can reach it. "
        + "Set Security__ApiKeys__0__Key (or __Sha256) and Security__ApiKeys__0__Roles=admin, or listen on 127.0.0.1 only.");
}
