using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Recsys.TestKit;

/// <summary>
/// librdkafka's mock cluster on 127.0.0.1: the Kafka protocol without a Kafka. Other processes can connect to <see cref="Bootstrap"/>.
/// It keeps only the last 5 MiB of a partition, has no admin API (so topics are made by <see cref="Topic"/> or by asking for them),
/// no isolation and no look-up by time. A group rebalance takes 5 to 10 s.
/// </summary>
/// <remarks>The mock API is experimental and outside librdkafka's ABI promise: the package version is pinned and every import is in this file.</remarks>
public sealed unsafe class MockKafka : IDisposable
{
    /// <summary>API key of a produce request, for <see cref="Fail"/>.</summary>
    public const short Produce = 0;

    /// <summary>API key of a fetch request, for <see cref="Fail"/>.</summary>
    public const short Fetch = 1;

    private const int ErrorBytes = 512;
    private const int ProducerType = 0;
    private const int EveryBroker = -1;

    private nint _client;
    private nint _cluster;

    /// <summary>Starts a cluster; ready when the constructor returns.</summary>
    public MockKafka(int brokers = 1)
    {
        var error = stackalloc byte[ErrorBytes];
        var configuration = rd_kafka_conf_new();
        if (rd_kafka_conf_set(configuration, "log_level", "0", error, ErrorBytes) != 0)
            throw new InvalidOperationException($"librdkafka refused its configuration: {Text(error)}");
        _client = rd_kafka_new(ProducerType, configuration, error, ErrorBytes);
        if (_client == 0)
            throw new InvalidOperationException($"librdkafka did not start: {Text(error)}");
        _cluster = rd_kafka_mock_cluster_new(_client, brokers);
        if (_cluster == 0)
            throw new InvalidOperationException("The mock cluster did not start.");
        // The default of 3 s before the first assignment of a group only makes tests slower.
        rd_kafka_mock_group_initial_rebalance_delay_ms(_cluster, 0);
        Bootstrap = Marshal.PtrToStringUTF8(rd_kafka_mock_cluster_bootstraps(_cluster))!;
    }

    /// <summary>What clients put into <c>bootstrap.servers</c>.</summary>
    public string Bootstrap { get; }

    /// <summary>Creates a topic.</summary>
    public void Topic(string topic, int partitions) => Check(rd_kafka_mock_topic_create(_cluster, topic, partitions, 1), "create a topic");

    /// <summary>Makes every broker answer this much later.</summary>
    public void RoundTrip(TimeSpan time) =>
        Check(rd_kafka_mock_broker_set_rtt(_cluster, EveryBroker, (int)time.TotalMilliseconds), "set the round trip");

    /// <summary>Cuts all connections and refuses new ones. The log is kept.</summary>
    public void Down() => Check(rd_kafka_mock_broker_set_down(_cluster, EveryBroker), "go down");

    /// <summary>Accepts connections again.</summary>
    public void Up() => Check(rd_kafka_mock_broker_set_up(_cluster, EveryBroker), "come up");

    /// <summary>Answers the next requests of a kind with these error codes, one each.</summary>
    public void Fail(short apiKey, params int[] errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        fixed (int* first = errors)
            rd_kafka_mock_push_request_errors_array(_cluster, apiKey, (nuint)errors.Length, first);
    }

    /// <summary>Stops the cluster and forgets everything.</summary>
    public void Dispose()
    {
        var (cluster, client) = (_cluster, _client);
        _cluster = _client = 0;
        if (cluster != 0)
            rd_kafka_mock_cluster_destroy(cluster);
        if (client != 0)
            rd_kafka_destroy(client);
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
            throw new InvalidOperationException($"The mock cluster could not {what}: error {error}.");
    }

    private static string Text(byte* error) => Marshal.PtrToStringUTF8((nint)error) ?? "";

    // The package's first library needs libsasl2.so.3, which Debian lacks; Confluent.Kafka then loads the next one, and so must we.
#pragma warning disable CA2255 // A resolver has to be there before the first import, whoever makes it.
    [ModuleInitializer]
    internal static void FindLibrary() => NativeLibrary.SetDllImportResolver(typeof(MockKafka).Assembly, static (name, assembly, path) =>
    {
        if (name != "librdkafka")
            return 0;
        foreach (var candidate in (string[])["librdkafka", "centos8-librdkafka", "alpine-librdkafka"])
        {
            if (NativeLibrary.TryLoad(candidate, assembly, path, out var library))
                return library;
        }
        return 0;
    });
#pragma warning restore CA2255

#pragma warning disable SYSLIB1054, CA2101, CA5392 // Plain imports of a test-only file; names are those of the C library.
    private const string Library = "librdkafka";

    [DllImport(Library)] private static extern nint rd_kafka_conf_new();
    [DllImport(Library)] private static extern int rd_kafka_conf_set(
        nint conf, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, byte* error, nuint size);
    [DllImport(Library)] private static extern nint rd_kafka_new(int type, nint conf, byte* error, nuint size);
    [DllImport(Library)] private static extern void rd_kafka_destroy(nint client);
    [DllImport(Library)] private static extern nint rd_kafka_mock_cluster_new(nint client, int brokers);
    [DllImport(Library)] private static extern void rd_kafka_mock_cluster_destroy(nint cluster);
    [DllImport(Library)] private static extern nint rd_kafka_mock_cluster_bootstraps(nint cluster);
    [DllImport(Library)] private static extern void rd_kafka_mock_group_initial_rebalance_delay_ms(nint cluster, int delay);
    [DllImport(Library)] private static extern int rd_kafka_mock_topic_create(
        nint cluster, [MarshalAs(UnmanagedType.LPUTF8Str)] string topic, int partitions, int replication);
    [DllImport(Library)] private static extern int rd_kafka_mock_broker_set_rtt(nint cluster, int broker, int milliseconds);
    [DllImport(Library)] private static extern int rd_kafka_mock_broker_set_down(nint cluster, int broker);
    [DllImport(Library)] private static extern int rd_kafka_mock_broker_set_up(nint cluster, int broker);
    [DllImport(Library)] private static extern void rd_kafka_mock_push_request_errors_array(nint cluster, short apiKey, nuint count, int* errors);
#pragma warning restore SYSLIB1054, CA2101, CA5392
}
