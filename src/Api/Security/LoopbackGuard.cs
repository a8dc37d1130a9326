using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Recsys.Api.Security;

/// <summary>Refuses to listen to the network without keys. Asked for every address before it is bound.</summary>
public static class LoopbackGuard
{
    /// <summary>Checks an address that is about to be bound.</summary>
    /// <exception cref="StartupException">It is not loopback and there are no keys.</exception>
    public static void Check(ListenOptions address, ApiKeys keys)
    {
        // A Unix socket has no IP address; its file permissions say who may connect.
        if (keys.Any || address.IPEndPoint is not { } endpoint || IPAddress.IsLoopback(endpoint.Address))
            return;
        throw new StartupException(
            $"Refusing to listen on {endpoint}: no API key is configured, and without one this service is open to everybody who can reach it. "
            + "Set Security__ApiKeys__0__Key (or __Sha256) and Security__ApiKeys__0__Roles=admin, or listen on 127.0.0.1 only.");
    }
}
