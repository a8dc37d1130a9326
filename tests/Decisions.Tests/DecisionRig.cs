using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Recsys.Api.Catalogue;
using Recsys.Api.Decisions;
using Recsys.Api.Experiments;
using Recsys.Api.Snapshots;
using Recsys.Api.Telemetry;
using Recsys.Bandits.Catalogue;
using Recsys.Bandits.Interactions;
using Recsys.Bandits.Policies;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;

namespace Recsys.Decisions.Tests;

/// <summary>
/// The decision path of the Api without HTTP: bytes of a request in, bytes of an answer out, a trained policy in the slot, the log in memory. The
/// steps are separate, so that each can be measured alone.
/// </summary>
public sealed class DecisionRig : IDisposable
{
    private const int Dimension = 8;
    private const long Now = 1_760_000_000_000;

    private readonly DecisionOptions _options = new();
    private readonly ExperimentRuntime _runtime;
    private readonly DecisionService _service;
    private readonly MemoryLog _log = new();
    private readonly CatalogueIndex _catalogues = new();
    private DecisionOutcome _outcome;

    /// <summary>A trained experiment.</summary>
    /// <param name="kind">Kind of the policy.</param>
    /// <param name="source">Where candidates come from.</param>
    /// <param name="candidates">Actions of each request, or items that the catalogue proposes at least.</param>
    /// <param name="variants">Different requests, at least 1.</param>
    /// <param name="mode">How much of the loop is live.</param>
    public DecisionRig(string kind, CandidateSource source, int candidates, int variants = 16, ExperimentMode mode = ExperimentMode.Online)
    {
        var errors = new List<KeyValuePair<string, string>>();
        var graph = source == CandidateSource.Catalogue ? $$"""{"itemsPerCluster":{{candidates}},"clustersPerUser":3}""" : "{}";
        var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(
            $$$"""
            {"policy":{"kind":"{{{kind}}}","parameters":{{{graph}}}},"candidates":"{{{Name(source)}}}","mode":"{{{Name(mode)}}}",
             "features":{"context":{"vector":{{{Dimension}}}},"action":{"vector":{{{Dimension}}}}},"exploration":{"minimumPropensity":0.0001}}
            """), errors) ?? throw new InvalidOperationException(string.Join(" ", errors));
        var random = new Random(20_230_728);
        var centroids = Enumerable.Range(0, 5).Select(_ => Vector(random)).ToList();
        var head = new GraphHead(Version: 1, Checksum: 1, NextCluster: 6);
        _catalogues.Of("home").Bring(head, new GraphPlan(1, centroids, [1, 2, 3, 4, 5], null));
        var metrics = new ApiMetrics(Prometheus.Metrics.WithCustomRegistry(Prometheus.Metrics.NewCustomRegistry()));
        _runtime = new ExperimentRuntime(
            new Experiment("home", definition, 0, head),
            new RuntimeParts(new NoSnapshots(), _catalogues, metrics, TimeProvider.System, NullLogger<ExperimentRegistry>.Instance));
        _service = new DecisionService(_log, Options.Create(_options), NullLogger<DecisionService>.Instance);
        Requests = [.. Enumerable.Range(0, variants).Select(i => Request(random, i, source, candidates))];
        if (source == CandidateSource.Catalogue)
            Fill(random, candidates);
        Serve(definition.Policy, null);
        if (mode != ExperimentMode.Logging)
            Train(definition.Policy);
    }

    /// <summary>Bodies of requests, UTF-8.</summary>
    public IReadOnlyList<byte[]> Requests { get; }

    /// <summary>What a request is worked on with.</summary>
    public DecisionWorkspace Workspace { get; } = new();

    /// <summary>Decisions in the log.</summary>
    public long Logged => _log.Decisions;

    /// <summary>The answer as text.</summary>
    public string Answer => Encoding.UTF8.GetString(Workspace.Answer.WrittenSpan);

    /// <summary>Step 1: parses and encodes a request.</summary>
    public void Read(int request)
    {
        Workspace.ClearAnswer();
        DecisionRequestReader.Read(Requests[request], _runtime.Experiment.Definition, _options, Workspace);
        if (Workspace.Errors.Count > 0)
            throw new InvalidOperationException(string.Join(" ", Workspace.Errors));
    }

    /// <summary>Step 2: decides and logs.</summary>
    public void Decide()
    {
        _outcome = _service.Decide(_runtime, Workspace, Now);
        if (!_outcome.IsDecided || _outcome.Fallback is not null)
            throw new InvalidOperationException($"Not decided by the policy: {_outcome}.");
    }

    /// <summary>Step 3: writes the answer.</summary>
    public void Write()
    {
        DecisionResponse.Write(Workspace.Json, _runtime, Workspace, _outcome);
        Workspace.Json.Flush();
    }

    /// <summary>All steps.</summary>
    public void Run(int request)
    {
        Read(request);
        Decide();
        Write();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Workspace.Dispose();
        _catalogues.Dispose();
    }

    // Learns from its own decisions, so that estimates, widths and edges are those of the actions that requests bring.
    private void Train(PolicySpec spec)
    {
        var trainer = PolicyCatalog.Find(spec.Kind).CreateTrainer(spec);
        var random = new Random(7);
        for (var round = 0; round < 4 * Requests.Count; round++)
        {
            Run(round % Requests.Count);
            foreach (var slot in Workspace.Slots)
            {
                var candidate = Workspace.Candidates[slot.Action];
                trainer.Learn([new Interaction(
                    Workspace.Context.ToOwned(), candidate.Key, candidate.Features.ToOwned(), Workspace.Clusters.ToArray(), slot.Propensity, random.NextSingle(), Now)]);
            }
        }
        var parameters = new ArrayBufferWriter<byte>();
        trainer.WriteParameters(parameters);
        Serve(spec, new PolicyShard(0, trainer.Interactions, parameters.WrittenMemory));
    }

    private void Serve(PolicySpec spec, PolicyShard? shard) => _runtime.Slot.Current =
        new ServingState(PolicyCatalog.Find(spec.Kind).Assemble(spec, shard is null ? [] : [shard]), Now, null);

    private void Fill(Random random, int items)
    {
        for (var i = 0; i < 2 * items; i++)
        {
            var errors = new List<KeyValuePair<string, string>>();
            using var json = JsonDocument.Parse(
                $$"""{"vector":{{Json(Vector(random))}},"features":{"topic":"t{{i % 11}}","length":{{i}}},"availableFrom":"2020-01-01T00:00:00Z"}""");
            _runtime.Catalogue.ApplyOwn("item-" + i, CatalogueEntry.Read("item-" + i, json.RootElement, Dimension, "", errors)
                ?? throw new InvalidOperationException(string.Join(" ", errors)), Now);
        }
        _runtime.Catalogue.Build();
    }

    private static byte[] Request(Random random, int variant, CandidateSource source, int candidates)
    {
        var text = new StringBuilder();
        // Numbers, text, escapes, arrays, namespaces, exclusions: everything that a request may bring.
        text.Append(CultureInfo.InvariantCulture, $$$"""
            {"decisionId":"decision-{{{variant}}}","context":{"subject":"user-{{{variant}}}","vector":{{{Json(Vector(random))}}},
             "features":{"device":"d{{{variant % 3}}}","hour":{{{variant % 24}}},"tags":["a","b\u00e9",1.5],"new":true,"geo":{"country":"ch","city":"Z\u00fcrich"} } },
             "count":{{{1 + (variant % 3)}}},"activate":{{{(variant % 2 == 0 ? "true" : "false")}}}
            """);
        if (source == CandidateSource.Request)
        {
            text.Append(",\"actions\":[");
            for (var i = 0; i < candidates; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $$$"""
                    {{{(i == 0 ? "" : ",")}}}{"id":"item-{{{i}}}{{{(i == 1 ? "\\u00e9" : "")}}}","vector":{{{Json(Vector(random))}}},"features":{"topic":"t{{{i % 11}}}","length":{{{i}}}}}
                    """);
            }
            text.Append("],\"excludedActions\":[\"item-0\",\"nothing\"]");
        }
        else if (variant % 4 == 3)
        {
            // A list beside a catalogue restricts it.
            text.Append(",\"actions\":[").AppendJoin(',', Enumerable.Range(0, Math.Min(1000, 2 * candidates)).Select(static i => $$"""{"id":"item-{{i}}"}""")).Append(']');
        }
        return Encoding.UTF8.GetBytes(text.Append('}').ToString());
    }

    private static float[] Vector(Random random) => [.. Enumerable.Range(0, Dimension).Select(_ => (random.NextSingle() * 2) - 1)];

    private static string Json(float[] vector) => "[" + string.Join(',', vector.Select(static v => v.ToString("R", CultureInfo.InvariantCulture))) + "]";

    private static string Name<T>(T value) where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private sealed class MemoryLog : IEventPublisher
    {
        private readonly byte[] _last = new byte[1 << 20];

        public long Decisions { get; private set; }

        public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken) => Task.CompletedTask;

        public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value)
        {
            value.CopyTo(_last);
            Decisions++;
            return true;
        }

        public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
