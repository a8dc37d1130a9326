using System.Text.Json;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Local;
using Xunit;

namespace Recsys.Api.Tests.Served;

/// <summary>Everything in one process, with a data directory that outlives it.</summary>
public sealed class EmbeddedDeployment : IDeployment, IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("recsys-test-").FullName;

    public EmbeddedDeployment() =>
        Api = ServiceProcess.Api([new("Embedded__DataDirectory", _directory), IDeployment.OftenSaved]);

    public string Name => "embedded";

    /// <summary>Where it keeps everything.</summary>
    public string DataDirectory => _directory;

    /// <summary>The one process.</summary>
    public ServiceProcess Api { get; }

    public IReadOnlyList<ServiceProcess> Apis => [Api];

    public string? Missing => null;

    public Task LearnersReadyAsync(string experiment) => Task.CompletedTask;

    public IEnumerable<LogRecord> ReadLog(string experiment) => JournalReader.ReadLog(Path.Combine(_directory, "log", EventTopics.Events(experiment)));

    /// <summary>Starts it and waits for what a newcomer would not notice: the demo's first parameters come a moment after the service is ready.</summary>
    public async ValueTask InitializeAsync()
    {
        await Api.StartAsync();
        await Eventually.IsTrueAsync(
            async () => (await Api.PostAsync("/v1/experiments/demo/explain", """{"actions":[{"id":"a"}]}""")).Body.GetProperty("fallback").ValueKind == JsonValueKind.Null,
            static () => "the demo had its first parameters");
    }

    public ValueTask DisposeAsync()
    {
        Api.Dispose();
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
