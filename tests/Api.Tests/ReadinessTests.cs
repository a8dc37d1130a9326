using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Recsys.Api.Catalogue;
using Recsys.Api.Experiments;
using Recsys.Api.Health;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Api.Tests;

/// <summary>When a replica says that it is ready, and that it does not take it back.</summary>
public sealed class ReadinessTests : IDisposable
{
    private readonly CatalogueIndex _catalogue = new();
    private readonly ExperimentRegistry _registry;
    private readonly Readiness _readiness;

    public ReadinessTests()
    {
        var metrics = new ApiMetrics(Prometheus.Metrics.WithCustomRegistry(Prometheus.Metrics.NewCustomRegistry()));
        _registry = new ExperimentRegistry(
            new RuntimeParts(new NoSnapshots(), _catalogue, metrics, TimeProvider.System, NullLogger<ExperimentRegistry>.Instance));
        _readiness = new Readiness(_registry, _catalogue) { WarmedUp = true };
    }

    public void Dispose() => _catalogue.Dispose();

    [Fact]
    public void Replica_is_ready_when_its_experiments_and_their_parameters_are_known()
    {
        Assert.False(_readiness.IsReady);
        _registry.Apply([Experiment("shop", "{}")], _registry.LocalChanges);
        Assert.False(_readiness.IsReady);
        _registry.Find("shop")!.ParametersKnown = true;
        Assert.True(_readiness.IsReady);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"candidates":"catalogue"}""")]
    public void Experiment_that_comes_later_and_has_to_wait_does_not_take_the_others_out_of_service(string later)
    {
        _registry.Apply([], _registry.LocalChanges);
        Assert.True(_readiness.IsReady);
        _registry.Put(Experiment("later", later));
        Assert.False(_readiness.ParametersKnown);
        Assert.True(_readiness.IsReady);
        _readiness.Stopping = true;
        Assert.False(_readiness.IsReady);
    }

    private static Experiment Experiment(string name, string definition) =>
        new(name, ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(definition), new List<KeyValuePair<string, string>>())!, 1, GraphHead.None);

    private sealed class NoSnapshots : ISnapshotReader
    {
        public Task<IReadOnlyList<ShardHead>> HeadsAsync(string experiment, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ShardHead>>([]);

        public Task<ShardUpdate?> FetchAsync(string experiment, ShardHead head, long? known, CancellationToken cancellationToken) =>
            Task.FromResult<ShardUpdate?>(null);

        public Task WaitForChangeAsync(string experiment, CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);
    }
}
