using System.Text;
using Recsys.Api.Experiments;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Api.Hosting;

/// <summary>Gives a newcomer something to decide on: an experiment <c>demo</c>, when there is no experiment at all.</summary>
public sealed class DemoExperiment(IExperimentStore store, IEventPublisher log, ExperimentRegistry registry, TimeProvider clock) : IHostedService
{
    /// <summary>Its name.</summary>
    public const string Name = "demo";

    /// <summary>A first decision for it.</summary>
    public const string FirstDecision =
        """{"context":{"features":{"device":"mobile","hour":13}},"actions":[{"id":"sport","features":{"topic":"sport"}},{"id":"politics","features":{"topic":"politics"}},{"id":"science","features":{"topic":"science"}}]}""";

    // A short window, so that what nobody clicks on is learned while the newcomer is still looking.
    private static readonly byte[] Definition = Encoding.UTF8.GetBytes(
        $$"""{ "policy": { "kind": "{{ExperimentDefinitionReader.DefaultKind}}" }, "reward": { "window": "00:01:00" } }""");

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if ((await store.ListAsync(cancellationToken)).Count > 0
            || ExperimentDefinitionReader.Read(Definition, new List<KeyValuePair<string, string>>()) is not { } definition)
            return;
        var demo = new Experiment(Name, definition, clock.GetUtcNow().ToUnixTimeMilliseconds(), GraphHead.None);
        await log.EnsureLogAsync(Name, cancellationToken);
        await store.PutAsync(demo, cancellationToken);
        registry.Put(demo);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
