using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Recsys.Api.Experiments;
using Recsys.Api.Health;
using Recsys.Api.Security;
using Recsys.Api.Telemetry;

namespace Recsys.Api.Hosting;

/// <summary>Says once what was started, where, and what to try first; and marks the process as stopping when it stops.</summary>
public sealed class StartupBanner(
    StartupMode mode, IOptions<EmbeddedOptions> options, IServer server, IHostApplicationLifetime lifetime, IServiceProvider services) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(Say);
        lifetime.ApplicationStopping.Register(() => services.GetRequiredService<Readiness>().Stopping = true);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Say()
    {
        var log = services.GetRequiredService<ILogger<StartupBanner>>();
        var addresses = server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var first = addresses.FirstOrDefault() ?? SecurityServices.DefaultUrl;
        log.Banner(mode.IsEmbedded
            ? $"Recsys, embedded: API, learner, event log and parameters in this process; data in {Path.GetFullPath(options.Value.DataDirectory)}"
            : "Recsys API, on Kafka and Redis");
        log.Banner($"Listening on {string.Join(", ", addresses)} ({(services.GetRequiredService<ApiKeys>().Any ? "API keys needed" : "no API keys, loopback only")}); status at {first}/ and API at {first}/docs");
        if (services.GetRequiredService<ExperimentRegistry>().Find(DemoExperiment.Name) is not null)
            log.Banner($"Try: curl -s {first}/v1/experiments/{DemoExperiment.Name}/decisions -d '{DemoExperiment.FirstDecision}'");
    }
}
