using System.Text;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;
using Recsys.Learner;

namespace Recsys.Api.Embedded;

/// <summary>The whole loop in one process: log and stores in a directory, the learner beside the Api. The only place that knows the learner.</summary>
public static class EmbeddedMode
{
    /// <summary>Name of the experiment that a new data directory starts with.</summary>
    public const string DemoExperiment = "demo";

    /// <summary>Registers it.</summary>
    public static void AddEmbeddedMode(this IServiceCollection services, string directory)
    {
        services.AddLocalInfrastructure(directory);
        services.AddLearner();
    }

    /// <summary>Creates the demo experiment in an empty store, so that the first request of a newcomer works.</summary>
    public static async Task PrepareAsync(IServiceProvider services, string directory, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(services);
        log.Embedded(Path.GetFullPath(directory));
        var store = services.GetRequiredService<IExperimentStore>();
        if ((await store.ListAsync(CancellationToken.None)).Count == 0)
        {
            var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes("{}"), [])!;
            var now = services.GetRequiredService<TimeProvider>().GetUtcNow().ToUnixTimeMilliseconds();
            await services.GetRequiredService<IEventPublisher>().EnsureLogAsync(DemoExperiment, CancellationToken.None);
            await store.PutAsync(new Experiment(DemoExperiment, definition, now, []), CancellationToken.None);
        }
        await services.GetRequiredService<ExperimentRegistry>().LoadAsync(CancellationToken.None);
    }
}
