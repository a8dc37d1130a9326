using Microsoft.Extensions.Options;
using Prometheus;
using Recsys.Infrastructure.Distributed;

namespace Recsys.Learner.Hosting;

/// <summary>The learner as a process of its own: Kafka in, Redis out, probes and metrics on a small address.</summary>
public static class LearnerHost
{
    /// <summary>File beside the program with every key of the learner and its default.</summary>
    public const string SettingsFile = "learner.appsettings.json";

    /// <summary>What is missing to run, in words for whoever started it; null when nothing is.</summary>
    public static string? Missing(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        string[] needed = ["Kafka:BootstrapServers", "Redis:Configuration"];
        var missing = Array.FindAll(needed, key => string.IsNullOrWhiteSpace(configuration[key]));
        return missing.Length == 0
            ? null
            : $"""
               The learner needs an event log and a store, and {string.Join(" and ", missing.Select(static k => k.Replace(":", "__", StringComparison.Ordinal)))} {(missing.Length == 1 ? "is" : "are")} not set. For example:
                 Kafka__BootstrapServers=localhost:9092 Redis__Configuration=localhost:6379 dotnet run -c Release --project src/Learner
               With nothing else installed, the embedded mode runs API and learner in one process:
                 dotnet run -c Release --project src/Api
               """;
    }

    /// <summary>Settings of the process: the file beside the program, then the environment.</summary>
    public static WebApplicationBuilder CreateBuilder()
    {
        // Not the working directory: what happens to lie there is somebody else's.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Configuration
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, SettingsFile), optional: true)
            .AddEnvironmentVariables("DOTNET_").AddEnvironmentVariables("ASPNETCORE_").AddEnvironmentVariables();
        return builder;
    }

    /// <summary>Builds the process.</summary>
    /// <exception cref="OptionsValidationException">At start, when a setting is misspelt or out of range.</exception>
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        // The bridge of runtime meters and event counters has a hundred series that nobody reads.
        Metrics.SuppressDefaultMetrics(new SuppressDefaultMetricOptions { SuppressEventCounters = true, SuppressMeters = true });
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);
        // Below the 45 s that the manifests give a pod, above what publishing and saving every partition once more takes.
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddKafkaAndRedis(builder.Configuration);
        builder.Services.AddLearner();

        var app = builder.Build();
        app.MapMetrics("/metrics");
        app.MapGet("/health/live", static () => "live");
        app.MapGet("/health/startup", static (LearnerHealth health) => Answer(health.Listed, "started", "waiting for the list of experiments"));
        app.MapGet("/health/ready", static (LearnerHealth health) => Answer(health.IsReady, "ready", health.IsStopping ? "stopping" : "waiting for the list of experiments"));
        return app;
    }

    private static IResult Answer(bool well, string yes, string no) =>
        Results.Text(well ? yes : no, statusCode: well ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}
