using Microsoft.Extensions.Logging;
using Recsys.Infrastructure.Experiments;
using StackExchange.Redis;

namespace Recsys.Infrastructure.Distributed;

/// <summary>
/// Two connections to Redis: one for small commands and bells, one for blobs, so that no command waits behind megabytes. Both reconnect by themselves.
/// </summary>
public sealed class RedisConnection : IDisposable
{
    private readonly Lazy<ConnectionMultiplexer> _commands;
    private readonly Lazy<ConnectionMultiplexer> _blobs;
    private readonly ILogger _log;

    /// <summary>Reads the configuration; connects on first use.</summary>
    public RedisConnection(RedisOptions options, ILogger<RedisConnection> log)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        _log = log;
        _commands = new(() => Connect("recsys", options.CommandTimeout));
        _blobs = new(() => Connect("recsys-blobs", options.BlobTimeout));
    }

    /// <summary>The options it was made with.</summary>
    public RedisOptions Options { get; }

    internal IDatabase Commands => _commands.Value.GetDatabase();

    internal IDatabase Blobs => _blobs.Value.GetDatabase();

    internal ISubscriber Subscriber => _commands.Value.GetSubscriber();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_commands.IsValueCreated)
            _commands.Value.Dispose();
        if (_blobs.IsValueCreated)
            _blobs.Value.Dispose();
    }

    /// <summary>Says of any failure to talk to Redis that the store is away.</summary>
    internal static T Try<T>(Func<T> talk)
    {
        try
        {
            return talk();
        }
        catch (Exception problem) when (IsOutage(problem))
        {
            throw Unavailable(problem);
        }
    }

    /// <summary>Says of any failure to talk to Redis that the store is away.</summary>
    internal static async Task<T> TryAsync<T>(Func<Task<T>> talk, CancellationToken cancellationToken)
    {
        try
        {
            return await talk().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception problem) when (IsOutage(problem))
        {
            throw Unavailable(problem);
        }
    }

    internal static bool IsOutage(Exception problem) => problem is RedisException or TimeoutException or ObjectDisposedException;

    private static StoreUnavailableException Unavailable(Exception problem) => new(
        problem is RedisServerException
            ? $"Redis refuses: {problem.Message} Check its memory, persistence and role."
            : $"Redis cannot be reached: {problem.Message} Check Redis:Configuration and the server.",
        problem);

    private ConnectionMultiplexer Connect(string name, TimeSpan timeout)
    {
        var configuration = ConfigurationOptions.Parse(Options.Configuration);
        configuration.AbortOnConnectFail = false;
        configuration.ClientName = name;
        configuration.SyncTimeout = configuration.AsyncTimeout = (int)timeout.TotalMilliseconds;
        configuration.ConnectTimeout = (int)Math.Min(configuration.ConnectTimeout, 2000);
        // Callers keep their last good state and come back in a quarter of a second; a queue in the client would only hide that Redis is away.
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        configuration.ReconnectRetryPolicy = new LinearRetry(250);
        configuration.HeartbeatInterval = TimeSpan.FromMilliseconds(500);
        var connection = ConnectionMultiplexer.Connect(configuration);
        connection.ConnectionFailed += (_, e) => _log.RedisProblem($"{e.EndPoint}", $"connection {name} lost: {e.FailureType}. It reconnects by itself.");
        return connection;
    }
}
