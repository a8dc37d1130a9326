using Recsys.Infrastructure.Local;
using Recsys.TestKit;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>A service that cannot start says why in a sentence for whoever configured it, and ends.</summary>
public sealed class StartupTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("recsys-startup-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "Kafka__BootstrapServers", "localhost:9092", "Redis__Configuration" },
        { "Redis__Configuration", "localhost:6379", "Kafka__BootstrapServers" },
        { "Decisions__ActionMax", "3", "ActionMax" },
        { "Decisions__ActionsMax", "0", "ActionsMax" },
        { "Training__PublishInterval", "soon", "PublishInterval" },
        { "ASPNETCORE_URLS", "http://0.0.0.0:0", "no API key" },
        { "Security__ApiKeys__0__Role", "admin", "Role" },
        { "Embedded__DataDirectory", "/proc/nowhere", "Embedded__DataDirectory" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task Mistaken_setting_is_named(string setting, string value, string says)
    {
        using var service = Start([new(setting, value)]);
        await ExpectAsync(service, says, 1);
    }

    [Theory]
    [InlineData("Training__PublishIntervall", "1", "PublishIntervall")]
    [InlineData("Training__PublishInterval", "soon", "PublishInterval")]
    [InlineData("Kafka__Partitions", "0", "Kafka:Partitions")]
    [InlineData("Redis__Configuration", "", "Redis__Configuration")]
    public async Task Mistaken_setting_of_a_learner_is_named(string setting, string value, string says)
    {
        var settings = new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0", ["Kafka__BootstrapServers"] = "127.0.0.1:1", ["Redis__Configuration"] = "127.0.0.1:1", [setting] = value,
        };
        using var learner = ChildProcess.StartDotnet(Path.Combine(AppContext.BaseDirectory, "Recsys.Learner.dll"), ["run"], settings);
        await ExpectAsync(learner, says, 2);
    }

    [Fact]
    public async Task Second_process_leaves_the_data_of_the_first_alone()
    {
        using var first = new DataDirectory(_directory);
        using var second = Start([]);
        await ExpectAsync(second, "Another process is using the data directory", 1);
    }

    private ChildProcess Start(IEnumerable<KeyValuePair<string, string?>> settings) => ChildProcess.StartDotnet(
        Path.Combine(AppContext.BaseDirectory, "Recsys.Api.dll"), [],
        new Dictionary<string, string?> { ["ASPNETCORE_URLS"] = "http://127.0.0.1:0", ["Embedded__DataDirectory"] = _directory }
            .Where(own => settings.All(given => given.Key != own.Key)).Concat(settings));

    private static async Task ExpectAsync(ChildProcess service, string says, int code)
    {
        await Served.Eventually.IsTrueAsync(() => Task.FromResult(service.HasExited), () => $"it ended; it said:\n{service.Output}");
        await service.WaitForLineAsync(line => line.Contains(says, StringComparison.Ordinal), TimeSpan.FromSeconds(10));
        Assert.DoesNotContain("   at ", service.Output, StringComparison.Ordinal);
        Assert.Equal(code, service.ExitCode);
    }
}
