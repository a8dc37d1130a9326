using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Options;
using Recsys.Api.Catalogue;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Telemetry;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Snapshots;

namespace Recsys.Api.Health;

/// <summary>Runs the decision path until it is compiled, before readiness turns green, so that the first requests do not pay for it. Logs, counts and stores nothing.</summary>
public sealed class WarmUp(
    Readiness readiness, ISnapshotReader snapshots, IOptions<DecisionOptions> options, TimeProvider clock, ILogger<DecisionService> decisionLog,
    ILogger<ExperimentRegistry> registryLog) : BackgroundService
{
    private const int DecisionsMax = 20_000;
    private static readonly TimeSpan TimeMax = TimeSpan.FromMilliseconds(500);

    private static readonly byte[] Request = Encoding.UTF8.GetBytes(
        """
        {"context":{"subject":"u","features":{"device":"mobile","hour":13,"tags":["a","b"],"geo":{"country":"ch"}}},
         "actions":[{"id":"a","features":{"topic":"sport","length":3}},{"id":"b","features":{"topic":"news"}},{"id":"c"},{"id":"d"},{"id":"e"}],
         "excludedActions":["e"],"count":2}
        """);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var started = Stopwatch.GetTimestamp();
        var definition = ExperimentDefinitionReader.Read("""{"policy":{"kind":"uniform"}}"""u8.ToArray(), new List<KeyValuePair<string, string>>())!;
        var metrics = new ApiMetrics(Prometheus.Metrics.WithCustomRegistry(Prometheus.Metrics.NewCustomRegistry()));
        var parts = new RuntimeParts(snapshots, new CatalogueIndex(), metrics, clock, registryLog);
        var runtime = new ExperimentRuntime(new Experiment("warm-up", definition, 0, GraphHead.None), parts);
        var service = new DecisionService(new Discard(), options, decisionLog);
        using var workspace = new DecisionWorkspace();
        var decisions = 0;
        for (; decisions < DecisionsMax && Stopwatch.GetElapsedTime(started) < TimeMax && !stoppingToken.IsCancellationRequested; decisions++)
        {
            workspace.ClearAnswer();
            DecisionRequestReader.Read(Request, definition, options.Value, workspace);
            workspace.SetDecisionId("warm-up"u8);
            var outcome = service.Decide(runtime, workspace, 0);
            DecisionResponse.Write(workspace.Json, runtime, workspace, outcome);
            workspace.Json.Flush();
        }
        readiness.WarmedUp = true;
        decisionLog.WarmedUp(decisions, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    private sealed class Discard : IEventPublisher
    {
        public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken) => Task.CompletedTask;

        public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value) => true;

        public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
