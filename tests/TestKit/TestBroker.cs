namespace Recsys.TestKit;

/// <summary>
/// The broker that a test talks to: a <see cref="MockKafka"/> of its own, or the real one that the environment variable
/// <c>KAFKA_BOOTSTRAP</c> names. Topics of a real broker outlive the test, so every test uses names of its own (<see cref="Unique"/>).
/// </summary>
public sealed class TestBroker : IDisposable
{
    /// <summary>Starts a mock cluster unless a real broker is named.</summary>
    public TestBroker(int brokers = 1)
    {
        var real = Environment.GetEnvironmentVariable("KAFKA_BOOTSTRAP");
        Mock = string.IsNullOrEmpty(real) ? new MockKafka(brokers) : null;
        Bootstrap = Mock?.Bootstrap ?? real!;
    }

    /// <summary>The mock cluster, for faults; null on a real broker.</summary>
    public MockKafka? Mock { get; }

    /// <summary>What clients put into <c>bootstrap.servers</c>.</summary>
    public string Bootstrap { get; }

    /// <summary>Whether topics can be made through the admin API; on the mock use <see cref="MockKafka.Topic"/>.</summary>
    public bool HasAdmin => Mock is null;

    /// <summary>An experiment name that no other test or run uses.</summary>
    public static string Unique(string prefix) => $"{prefix}-{Guid.NewGuid():N}"[..Math.Min(prefix.Length + 13, 63)];

    /// <inheritdoc/>
    public void Dispose() => Mock?.Dispose();
}
