using System.CommandLine;
using Prometheus;
using Recsys.Infrastructure.Distributed;
using Recsys.Learner.Hosting;

namespace Recsys.Learner.CommandLine;

/// <summary>The verb <c>run</c>: consume, learn, publish, until told to stop.</summary>
public static class RunCommand
{
    private const string DefaultAddress = "http://127.0.0.1:5081";

    /// <summary>Builds it.</summary>
    public static Command Create()
    {
        var urls = new Option<string>("--urls") { Description = "Where health and metrics answer.", DefaultValueFactory = static _ => Environment.GetEnvironmentVariable("ASPNETCORE_URLS") ?? DefaultAddress };
        var command = new Command("run", "Consumes the event logs, learns, publishes. Needs Kafka__BootstrapServers and Redis__Configuration. The default verb.") { urls };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(urls)!, parsed.InvocationConfiguration.Error, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string urls, TextWriter error, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        if (!DistributedInfrastructure.IsConfigured(builder.Configuration))
        {
            await error.WriteLineAsync(
                "Set Kafka__BootstrapServers and Redis__Configuration, for example to localhost:9092 and localhost:6379. Without them there is nothing to consume: the Api alone (dotnet run -c Release --project src/Api) runs the whole loop in one process.");
            return LearnerCommandLine.Misused;
        }
        builder.WebHost.UseUrls(urls);
        builder.Services.AddKafkaAndRedis(builder.Configuration);
        builder.Services.AddSingleton(static _ => Metrics.NewCustomRegistry());
        builder.Services.AddSingleton<IMetricFactory>(static p => Metrics.WithCustomRegistry(p.GetRequiredService<CollectorRegistry>()));
        builder.Services.AddLearner();
        var app = builder.Build();
        app.MapGet("/health/live", static () => Results.Json(new { status = "ok" }));
        app.MapGet("/health/startup", static (LearnerHealth health) => Answer(health.Listed));
        app.MapGet("/health/ready", static (LearnerHealth health) => Answer(health.IsReady));
        app.MapMetrics(registry: app.Services.GetRequiredService<CollectorRegistry>());
        await app.RunAsync(cancellationToken);
        return 0;
    }

    private static IResult Answer(bool ready) => Results.Json(
        new { status = ready ? "ok" : "starting" }, statusCode: ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}
