using System.CommandLine;
using Microsoft.Extensions.Options;
using Recsys.Infrastructure;
using Recsys.Learner.Hosting;

namespace Recsys.Learner.CommandLine;

/// <summary><c>run</c>: the learning service. SIGTERM and Ctrl+C publish and save everything once more, then end it.</summary>
public static class RunCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command(
            "run",
            "Consume events, learn, publish parameters (the default verb). Settings come from learner.appsettings.json beside the program and from the "
            + "environment: Kafka__BootstrapServers and Redis__Configuration are needed; Training__* say how often to learn, publish and save; "
            + "ASPNETCORE_URLS is the address of /health/* and /metrics, http://127.0.0.1:5081 by default.");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var error = parsed.InvocationConfiguration.Error;
        var builder = LearnerHost.CreateBuilder();
        if (LearnerHost.Missing(builder.Configuration) is { } missing)
        {
            await error.WriteLineAsync(missing);
            return LearnerCommandLine.Misused;
        }
        try
        {
            await using var app = LearnerHost.Build(builder);
            // Said before the host starts, which would say it at length.
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            await app.StartAsync(cancellation);
            // The host sees SIGTERM too; whoever is first begins the same orderly stop, which the host's own timeout bounds.
            using var stop = cancellation.Register(app.Lifetime.StopApplication);
            await app.WaitForShutdownAsync(CancellationToken.None);
            return 0;
        }
        catch (Exception problem) when (SettingsProblem.Explain(problem) is { } explanation)
        {
            await error.WriteLineAsync(explanation);
            return LearnerCommandLine.Misused;
        }
    }
}
