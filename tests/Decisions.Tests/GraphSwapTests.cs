using System.Collections.Concurrent;
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
using Xunit;

namespace Recsys.Decisions.Tests;

/// <summary>Graphs that change while decisions are made: no decision sees half of each, and what was taken down is gone at once.</summary>
public sealed class GraphSwapTests : IDisposable
{
    private const int Items = 40;
    private const int ClustersPerGraph = 4;
    private const long Now = 1_760_000_000_000;

    private readonly CatalogueIndex _catalogues = new();
    private readonly RecordingLog _log = new();
    private readonly ExperimentRuntime _runtime;
    private readonly DecisionService _service;

    public GraphSwapTests()
    {
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(
            """
            {"policy":{"kind":"diag-lin-ucb","parameters":{"clustersPerUser":3,"itemsPerCluster":20,"clusterTemperature":1}},"candidates":"catalogue",
             "features":{"context":{"vector":4},"action":{"vector":4}}}
            """u8.ToArray(), errors) ?? throw new InvalidOperationException(string.Join(" ", errors));
        var metrics = new ApiMetrics(Prometheus.Metrics.WithCustomRegistry(Prometheus.Metrics.NewCustomRegistry()));
        _runtime = new ExperimentRuntime(
            new Experiment("home", definition, 0, GraphHead.None),
            new RuntimeParts(new NoSnapshots(), _catalogues, metrics, TimeProvider.System, NullLogger<ExperimentRegistry>.Instance));
        _service = new DecisionService(_log, Options.Create(new DecisionOptions()), NullLogger<DecisionService>.Instance);
        for (var i = 0; i < Items; i++)
            Put(i);
    }

    public void Dispose() => _catalogues.Dispose();

    [Fact]
    public async Task Every_logged_decision_is_of_one_version_while_unrelated_graphs_are_swapped()
    {
        Swap(1);
        using var stop = new CancellationTokenSource();
        var versions = new ConcurrentDictionary<long, long>();
        var deciding = Enumerable.Range(0, 3).Select(client => Task.Run(() =>
        {
            using var workspace = new DecisionWorkspace();
            for (var i = 0; !stop.IsCancellationRequested; i++)
                versions.AddOrUpdate(Check(Decide(workspace, $"{client}-{i}", user: i)), 1, static (_, n) => n + 1);
        })).ToArray();
        const int Swaps = 200;
        for (var version = 2; version <= Swaps; version++)
        {
            Swap(version);
            // Somebody changes items all the while, too, which makes graphs from the one that serves.
            Put(version % Items);
            _runtime.Catalogue.Update();
            // As many as there are swaps, so that there are decisions between most of them.
            var seen = _log.Count;
            while (_log.Count < seen + 20)
                Thread.Yield();
        }
        await stop.CancelAsync();
        await Task.WhenAll(deciding);
        Assert.True(versions.Count > Swaps / 2, $"Only {versions.Count} of {Swaps} versions decided anything.");
    }

    [Fact]
    public void Item_that_is_taken_down_is_in_no_later_decision_though_no_graph_is_built()
    {
        Swap(1);
        using var workspace = new DecisionWorkspace();
        var gone = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < Items - 1; i++)
        {
            Assert.True(_runtime.Catalogue.ApplyOwn($"item-{i}", null, Now));
            Assert.False(_runtime.Catalogue.ApplyOwn($"item-{i}", null, Now));
            gone.Add($"item-{i}");
            for (var user = 0; user < 4; user++)
                Assert.DoesNotContain(Proposed(workspace, $"{i}-{user}", user), gone.Contains);
        }
        Assert.Equal(["item-39"], Enumerable.Range(0, 4).SelectMany(user => Proposed(workspace, $"last-{user}", user)).Distinct());
        // The graph that knows has nothing to hide.
        Assert.NotNull(_runtime.Catalogue.Update());
        Assert.False(_runtime.Catalogue.Served.HidesAny);
        Assert.Equal(1, _runtime.Catalogue.Graph.ItemCount);
        // Back again, when a graph has it.
        Put(0);
        Assert.NotNull(_runtime.Catalogue.Update());
        Assert.Contains("item-0", Enumerable.Range(0, 4).SelectMany(user => Proposed(workspace, $"back-{user}", user)));
    }

    [Fact]
    public void End_of_availability_counts_at_once_as_well_and_an_item_from_the_log_like_our_own()
    {
        Swap(1);
        using var workspace = new DecisionWorkspace();
        Put(0, "\"availableUntil\":\"2001-01-01T00:00:00Z\",");
        Assert.True(_runtime.Catalogue.ApplyLogged("item-4", null, default, Now, live: true));
        for (var user = 0; user < 40; user++)
            Assert.DoesNotContain(Proposed(workspace, $"u{user}", user), static id => id is "item-0" or "item-4");
    }

    [Fact]
    public async Task Takedown_while_a_graph_is_built_from_nothing_is_in_that_graph_too()
    {
        Swap(1);
        using var workspace = new DecisionWorkspace();
        using var stop = new CancellationTokenSource();
        var building = Task.Run(() =>
        {
            for (var version = 2; !stop.IsCancellationRequested; version++)
                Swap(version);
        });
        for (var i = 0; i < Items - 1; i++)
        {
            _runtime.Catalogue.ApplyOwn($"item-{i}", null, Now);
            for (var n = 0; n < 40; n++)
                Assert.DoesNotContain(Proposed(workspace, $"{i}-{n}", n), id => int.Parse(id.AsSpan(5)) <= i);
            if (i % 5 == 0)
                _runtime.Catalogue.Update();
        }
        await stop.CancelAsync();
        await building;
    }

    [Fact]
    public async Task Changes_during_a_build_are_in_the_graph_that_it_makes()
    {
        Swap(1);
        using var stop = new CancellationTokenSource();
        var building = Task.Run(() =>
        {
            for (var version = 2; !stop.IsCancellationRequested; version++)
                Swap(version);
        });
        for (var i = Items; i < Items + 300; i++)
        {
            Put(i);
            if (i % 3 == 0)
                _runtime.Catalogue.Update();
        }
        await stop.CancelAsync();
        await building;
        _runtime.Catalogue.Update();
        Assert.Equal(Items + 300, _runtime.Catalogue.Graph.ItemCount);
        Assert.True(_runtime.Catalogue.NextBuild.IsCompleted);
        Assert.False(_runtime.Catalogue.NeedsUpdate || _runtime.Catalogue.NeedsBuild);
    }

    [Fact]
    public void New_item_is_reported_once_with_the_time_from_which_it_could_have_been_proposed()
    {
        var first = Swap(1)!;
        Assert.Equal(Items, first.Arrivals.Count);
        Put(0);
        Assert.Empty(_runtime.Catalogue.Update()!.Arrivals);
        Put(50);
        Put(51, "\"availableFrom\":\"2100-01-01T00:00:00Z\",");
        Assert.Equal(
            [Now, DateTimeOffset.Parse("2100-01-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds()],
            _runtime.Catalogue.Update()!.Arrivals.Order());
        // What the log said before this process was up is no news.
        _runtime.Catalogue.ApplyLogged("item-60", Entry(60), default, Now, live: false);
        Assert.Empty(_runtime.Catalogue.Update()!.Arrivals);
        Assert.Null(_runtime.Catalogue.Update());
    }

    [Fact]
    public void Plan_that_is_missing_or_damaged_leaves_the_graph_that_serves()
    {
        Swap(1);
        var served = _runtime.Catalogue.Served;
        var head = new GraphHead(2, 2, 99);
        _runtime.Catalogue.Redefine(_runtime.Experiment with { Graph = head });
        Assert.False(_runtime.Catalogue.NeedsBuild);
        Assert.Equal(head, _runtime.Catalogue.MissingPlan);
        Assert.Null(_runtime.Catalogue.Build());
        _runtime.Catalogue.Refuse(head);
        Assert.Null(_runtime.Catalogue.MissingPlan);
        Assert.False(_runtime.Catalogue.NeedsBuild);
        Assert.Same(served, _runtime.Catalogue.Served);
        // Items still change.
        Put(77);
        Assert.Equal(Items + 1, _runtime.Catalogue.Update()!.Graph.ItemCount);
        Assert.Equal(1, _runtime.Catalogue.Graph.Version);
    }

    [Fact]
    public void Damaged_plan_right_after_a_start_is_served_without_clusters()
    {
        var head = new GraphHead(2, 2, 99);
        _runtime.Catalogue.Redefine(_runtime.Experiment with { Graph = head });
        Assert.False(_runtime.Catalogue.IsComplete);
        _runtime.Catalogue.Refuse(head);
        Assert.NotNull(_runtime.Catalogue.Build());
        Assert.True(_runtime.Catalogue.IsComplete);
        using var workspace = new DecisionWorkspace();
        var decision = Decide(workspace, "d", 1);
        Assert.Equal([0], decision.Clusters.ToArray().Select(static c => c.Cluster));
    }

    [Fact]
    public void Newcomers_leave_their_turns_by_age_and_by_what_they_earned()
    {
        // The one cluster names 20 items and lets 4 fresh ones in; the others are newcomers.
        Serve(new GraphPlan(1, [[1, 1, 1, 1]], [1], [[.. Enumerable.Range(0, 20).Select(static i => ActionKey.Of($"item-{i}"))]]));
        var newcomers = _runtime.Catalogue.Graph.Items.Where(i => _runtime.Catalogue.Graph.IsNewcomer(i.Key)).Select(static i => Encoding.UTF8.GetString(i.Id.Span)).ToList();
        Assert.True(newcomers.Count >= 8, string.Join(' ', newcomers));
        var (good, bad, few, old) = (newcomers[0], newcomers[1], newcomers[2], newcomers[3]);
        foreach (var id in newcomers)
            PutAt(id, id == old ? Now - (long)TimeSpan.FromDays(7).TotalMilliseconds : Now);
        _runtime.Catalogue.Update();
        var edges = new Dictionary<string, EdgeStatistics>(StringComparer.Ordinal) { [good] = new(200, 0.5f, 0), [bad] = new(500, 0.4f, 0), [few] = new(199, 0.9f, 0) };
        for (var i = 0; i < 9; i++)
            edges[$"item-{i}"] = new EdgeStatistics(1000, i / 8f, 0);
        _runtime.Slot.Current = new ServingState(new KnownEdges(1, edges), Now, null);

        var leaving = NewcomerPass.Leaving(_runtime, Now);
        Assert.Equal(new[] { good, bad, old }.Select(static id => ActionKey.Of(id)).Order(), leaving.Keys.Order());
        Assert.Equal([1], leaving[ActionKey.Of(good)]);
        Assert.Empty(leaving[ActionKey.Of(bad)]);
        Assert.Empty(leaving[ActionKey.Of(old)]);

        _runtime.Catalogue.Dismiss(leaving);
        Assert.NotNull(_runtime.Catalogue.Update());
        Assert.Equal((1, 2), _runtime.Catalogue.Dismissed);
        Assert.Equal(0, _runtime.Catalogue.LeftOut);
        Assert.Empty(NewcomerPass.Leaving(_runtime, Now));
        using var workspace = new DecisionWorkspace();
        // Its turn comes with every decision now, and never for those that are gone.
        for (var n = 0; n < 50; n++)
        {
            var proposed = Proposed(workspace, $"n{n}", n).ToList();
            Assert.Equal(1, proposed.Count(id => id == good));
            Assert.DoesNotContain(proposed, id => id == bad || id == old);
            Assert.All(workspace.Candidates.ToArray(), static c => Assert.Equal(1UL, c.ClusterMask));
        }
        // What graduated is taken down like any other, and what comes back is a newcomer.
        Assert.True(_runtime.Catalogue.ApplyOwn(good, null, Now));
        Assert.DoesNotContain(good, Proposed(workspace, "gone", 1));
        _runtime.Catalogue.Update();
        Assert.DoesNotContain(good, Proposed(workspace, "gone still", 1));
        PutAt(good, Now);
        _runtime.Catalogue.Update();
        Assert.True(_runtime.Catalogue.Graph.IsNewcomer(ActionKey.Of(good)));
        // Another graph asks again.
        Serve(new GraphPlan(2, [[1, 1, 1, 1]], [1], [[]]));
        Assert.Equal((0, 0), _runtime.Catalogue.Dismissed);
    }

    [Fact]
    public void Nobody_is_a_newcomer_where_nobody_is_ranked()
    {
        Serve(GraphPlan.None with { Version = 1 });
        foreach (var i in Enumerable.Range(0, Items))
            PutAt($"item-{i}", 0);
        _runtime.Catalogue.Update();
        Assert.Empty(NewcomerPass.Leaving(_runtime, Now));
    }

    [Fact]
    public void Log_keeps_when_an_item_appeared_first_and_its_owner_does_not_see_it()
    {
        var entry = Entry(3, "\"tags\":[\"é\"],") with { FirstPut = Now };
        using var logged = JsonDocument.Parse(entry.ToLogged());
        var read = CatalogueEntry.ReadLogged("item-3", logged.RootElement, new List<KeyValuePair<string, string>>())!;
        Assert.Equal(Now, read.FirstPut);
        Assert.DoesNotContain("firstPut", Encoding.UTF8.GetString(read.Json.Span), StringComparison.Ordinal);
        using var foreign = JsonDocument.Parse(entry.Json);
        Assert.Null(CatalogueEntry.ReadLogged("item-3", foreign.RootElement, new List<KeyValuePair<string, string>>())!.FirstPut);
    }

    private void PutAt(string id, long firstPut) => _runtime.Catalogue.ApplyOwn(id, Entry(int.Parse(id.AsSpan(5))) with { FirstPut = firstPut }, Now);

    private void Serve(GraphPlan plan)
    {
        var head = new GraphHead(plan.Version, (ulong)plan.Version, 10_000);
        _runtime.Catalogue.Bring(head, plan);
        _runtime.Catalogue.Redefine(_runtime.Experiment with { Graph = head });
        Assert.NotNull(_runtime.Catalogue.Build());
    }

    /// <summary>Puts a graph into service whose clusters are no earlier graph's, and whose rows part the items as no other does.</summary>
    private GraphSwap? Swap(int version)
    {
        var (head, plan) = (new GraphHead(version, (ulong)version, 10_000), PlanOf(version));
        _runtime.Catalogue.Bring(head, plan);
        _runtime.Catalogue.Redefine(_runtime.Experiment with { Graph = head });
        return _runtime.Catalogue.Build();
    }

    private static GraphPlan PlanOf(long version)
    {
        var rows = Enumerable.Range(0, ClustersPerGraph).Select(static _ => new List<ActionKey>()).ToArray();
        for (var i = 0; i < Items; i++)
            rows[RowOf(version, i)].Add(ActionKey.Of($"item-{i}"));
        var centroids = Enumerable.Range(0, ClustersPerGraph).Select(static c => Enumerable.Range(0, 4).Select(d => d == c ? 1f : 0.1f).ToArray()).ToArray();
        return new GraphPlan(version, centroids, [.. Enumerable.Range(0, ClustersPerGraph).Select(c => IdOf(version, c))], rows);
    }

    private static int RowOf(long version, int item) => (int)((item * 7 + item / 4 * version + version * version) % ClustersPerGraph);

    private static int IdOf(long version, int cluster) => (int)(version * ClustersPerGraph) + cluster;

    /// <summary>Whether clusters, candidates and edges of a decision are those of one version; returns which.</summary>
    private static long Check(DecisionEvent decision)
    {
        var clusters = decision.Clusters.ToArray();
        Assert.Equal(3, clusters.Length);
        var version = Assert.Single(clusters.Select(static c => c.Cluster / ClustersPerGraph).Distinct());
        Assert.NotEmpty(decision.Actions);
        foreach (var action in decision.Actions)
        {
            var row = IdOf(version, RowOf(version, int.Parse(action.Id.AsSpan(5))));
            var connected = clusters.Index().Where(c => (action.ClusterMask & (1UL << c.Index)) != 0).Select(static c => c.Item.Cluster);
            Assert.Equal([row], connected);
        }
        return version;
    }

    private IEnumerable<string> Proposed(DecisionWorkspace workspace, string id, int user)
    {
        Decide(workspace, id, user);
        return workspace.Candidates.ToArray().Select(static c => Encoding.UTF8.GetString(c.Id.Span)).ToList();
    }

    private DecisionEvent Decide(DecisionWorkspace workspace, string id, int user)
    {
        workspace.Clear();
        workspace.SetDecisionId(Encoding.UTF8.GetBytes(id));
        workspace.Count = 5;
        workspace.Context = workspace.Context with { Dense = Enumerable.Range(0, 4).Select(d => d == user % 4 ? 1f : d == user / 4 % 4 ? 0.5f : 0).ToArray() };
        var outcome = _service.Decide(_runtime, workspace, Now);
        return outcome.IsDecided ? (DecisionEvent)BinaryEventCodec.Read(workspace.Record.WrittenSpan) : Nothing;
    }

    private static readonly DecisionEvent Nothing = new("none", Now, "none", 0, false, default, [], [], []);

    private void Put(int item, string fields = "") => _runtime.Catalogue.ApplyOwn($"item-{item}", Entry(item, fields), Now);

    private static CatalogueEntry Entry(int item, string fields = "")
    {
        var errors = new List<KeyValuePair<string, string>>();
        using var json = JsonDocument.Parse($$"""{ {{fields}} "vector":[{{item % 3}},{{item % 5}},1,{{item % 7}}] }""");
        return CatalogueEntry.Read($"item-{item}", json.RootElement, 4, "", errors) ?? throw new InvalidOperationException(string.Join(" ", errors));
    }

    /// <summary>A policy that knows edges of one cluster, and decides uniformly.</summary>
    private sealed class KnownEdges(int cluster, Dictionary<string, EdgeStatistics> edges) : IPolicy, IEdgeStatistics
    {
        private readonly Dictionary<ActionKey, EdgeStatistics> _edges = edges.ToDictionary(static e => ActionKey.Of(e.Key), static e => e.Value);

        public PolicyDescriptor Descriptor => new("known", 0, 1);

        public void Estimate(in DecisionQuery query, Span<float> means, Span<float> widths)
        {
            means.Clear();
            widths.Clear();
        }

        public void Distribute(ReadOnlySpan<float> means, ReadOnlySpan<float> widths, Span<float> propensities) => propensities.Fill(1f / propensities.Length);

        public bool TryRead(int cluster1, ActionKey action, out EdgeStatistics statistics)
        {
            statistics = default;
            return cluster1 == cluster && _edges.TryGetValue(action, out statistics);
        }

        public bool TryRead(ActionKey action, out EdgeStatistics statistics) => _edges.TryGetValue(action, out statistics);
    }

    private sealed class RecordingLog : IEventPublisher
    {
        private long _count;

        public long Count => Interlocked.Read(ref _count);

        public Task EnsureLogAsync(string experiment, CancellationToken cancellationToken) => Task.CompletedTask;

        public bool TryPublishDecision(string experiment, ReadOnlySpan<byte> decisionId, ReadOnlySpan<byte> value)
        {
            Interlocked.Increment(ref _count);
            return true;
        }

        public Task PublishAsync(string experiment, string decisionId, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishToPartitionAsync(string experiment, int partition, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishItemAsync(string experiment, string item, ReadOnlyMemory<byte>? value, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishDeadLetterAsync(DeadLetter letter, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
