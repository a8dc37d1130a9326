using System.Net;
using System.Net.Sockets;

namespace Recsys.TestKit;

/// <summary>Ports of 127.0.0.1 that nobody listens on.</summary>
public static class FreePorts
{
    /// <summary>One port. It was free a moment ago; the system hands such ports out in turn, so it very probably still is.</summary>
    public static int Next()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
