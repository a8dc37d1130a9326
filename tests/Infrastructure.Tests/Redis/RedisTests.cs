using Microsoft.Extensions.Logging.Abstractions;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Distributed;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Recsys.TestKit;
using StackExchange.Redis;
using Xunit;

namespace Recsys.Infrastructure.Tests.Redis;

/// <summary>A redis-server of its own for each test; tests skip visibly where none is installed.</summary>
public abstract class RedisTests : IDisposable
{
    private readonly List<RedisConnection> _connections = [];
    private readonly Lazy<ConnectionMultiplexer> _raw;
    private RedisServer? _server;

    protected RedisTests()
    {
        _raw = new(() => ConnectionMultiplexer.Connect(Server.Configuration + ",allowAdmin=true"));
    }

    protected RedisServer Server
    {
        get
        {
            if (!RedisServer.IsInstalled)
                Assert.Skip("redis-server is not installed; tests/run.sh installs it.");
            return _server ??= new RedisServer();
        }
    }

    /// <summary>Looks past the stores.</summary>
    protected IDatabase Raw => _raw.Value.GetDatabase();

    /// <summary>A connection as one process has it.</summary>
    protected RedisConnection Process(string settings = "", TimeSpan? kept = null)
    {
        var options = new RedisOptions { Configuration = Server.Configuration + settings };
        if (kept is { } time)
            options.ReplacedParametersKept = time;
        var connection = new RedisConnection(options, NullLogger<RedisConnection>.Instance);
        _connections.Add(connection);
        return connection;
    }

    protected RedisSnapshotStore Snapshots(RedisConnection? process = null, SnapshotChannel channel = SnapshotChannel.Parameters) =>
        new(process ?? Process(), NullLogger<RedisSnapshotStore>.Instance, channel);

    protected RedisCheckpointStore Checkpoints(RedisConnection? process = null) => new(process ?? Process());

    protected RedisExperimentStore Experiments(RedisConnection? process = null) => new(process ?? Process(), NullLogger<RedisExperimentStore>.Instance);

    /// <summary>Tries until the store is back.</summary>
    protected static async Task<T> Recovered<T>(Func<Task<T>> attempt)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await attempt();
            }
            catch (StoreUnavailableException) when (tries < 200)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
    }

    protected static Task<T> Recovered<T>(Func<T> attempt) => Recovered(() => Task.FromResult(attempt()));

    public void Dispose()
    {
        foreach (var connection in _connections)
            connection.Dispose();
        if (_raw.IsValueCreated)
            _raw.Value.Dispose();
        _server?.Dispose();
        GC.SuppressFinalize(this);
    }
}
