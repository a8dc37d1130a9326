using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>Experiments, parameters and checkpoints as files: atomic, fenced, and tolerant of damaged neighbours.</summary>
public sealed class LocalStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;
    private readonly DataDirectory _data;

    public LocalStoreTests() => _data = new DataDirectory(_directory.Path);

    public void Dispose()
    {
        _data.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Experiments_damaged_or_invalid_file_is_left_out_and_kept_and_reported()
    {
        using var journals = Journals();
        await Experiments(journals).PutAsync(LocalInfrastructureTests.Experiment("good", LocalInfrastructureTests.Uniform, 1), _cancellation);
        var bad = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["cut"] = """{ "createdAt": 1, "defin""",
            ["unknown-kind"] = """{ "createdAt": 1, "definition": { "policy": { "kind": "nothing" } }, "graph": "0,0000000000000000,1" }""",
            ["odd-centroids"] = """{ "createdAt": 1, "definition": { "policy": { "kind": "uniform" } }, "centroids": 3 }""",
            ["bad-graph"] = """{ "createdAt": 1, "definition": { "policy": { "kind": "uniform" } }, "graph": "1,2" }""",
            ["array"] = "[]",
            ["UPPER"] = """{ "createdAt": 1, "definition": { "policy": { "kind": "uniform" } }, "graph": "0,0000000000000000,1" }""",
        };
        foreach (var (name, content) in bad)
            File.WriteAllText(_directory["experiments", name + ".json"], content);
        File.WriteAllText(_directory["experiments", "half.json.tmp"], "{");
        var log = new CountingLogger<LocalExperimentStore>();
        var store = new LocalExperimentStore(_data, journals, Snapshots(), Snapshots(SnapshotChannel.Memory), Checkpoints(), log);
        Assert.Equal(["good"], (await store.ListAsync(_cancellation)).Select(static e => e.Name));
        Assert.Equal(bad.Count, log.Errors);
        Assert.All(bad.Keys, name => Assert.True(File.Exists(_directory["experiments", name + ".json"])));
    }

    [Fact]
    public async Task Experiments_list_is_ordered_and_replaced()
    {
        using var journals = Journals();
        var store = Experiments(journals);
        foreach (var name in (string[])["b", "a", "c"])
            await store.PutAsync(LocalInfrastructureTests.Experiment(name, LocalInfrastructureTests.Uniform, 1), _cancellation);
        await store.PutAsync(LocalInfrastructureTests.Experiment("b", """{ "policy": { "kind": "uniform" }, "mode": "logging" }""", 1), _cancellation);
        var list = await store.ListAsync(_cancellation);
        Assert.Equal(["a", "b", "c"], list.Select(static e => e.Name));
        Assert.Equal(ExperimentMode.Logging, list[1].Definition.Mode);
    }

    [Fact]
    public async Task Experiments_wait_returns_at_once_when_behind_and_on_a_change()
    {
        using var journals = Journals();
        var store = Experiments(journals);
        var seen = await store.WaitForChangeAsync(-1, _cancellation);
        Assert.Equal(seen, await store.WaitForChangeAsync(seen, _cancellation));
        await store.PutAsync(LocalInfrastructureTests.Experiment("a", LocalInfrastructureTests.Uniform, 1), _cancellation);
        var behind = store.WaitForChangeAsync(seen, _cancellation);
        Assert.True(behind.IsCompleted);
        var waiting = store.WaitForChangeAsync(await behind, _cancellation);
        await store.DeleteAsync("a", _cancellation);
        Assert.True(await waiting > await behind);
    }

    [Fact]
    public async Task Experiments_interrupted_deletion_is_finished_at_the_next_start()
    {
        using (var journals = Journals())
        {
            await Experiments(journals).PutAsync(LocalInfrastructureTests.Experiment("home", LocalInfrastructureTests.Uniform, 1), _cancellation);
            await journals.Open("home").Append("old");
        }
        Checkpoints().AcquireEpoch("home", 0);
        File.Move(_directory["experiments", "home.json"], _directory["experiments", "home.deleted"]);
        using var again = Journals();
        Assert.Empty(await Experiments(again).ListAsync(_cancellation));
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path, "*home*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Experiment_from_before_graphs_had_versions_is_read_and_its_cluster_ids_stay_used()
    {
        File.WriteAllText(_directory["experiments", "old.json"], """{ "createdAt": 1, "definition": { "policy": { "kind": "uniform" } }, "centroids": [[1, 0], [0, 1], [1, 1]] }""");
        File.WriteAllText(_directory["experiments", "plain.json"], """{ "createdAt": 1, "definition": { "policy": { "kind": "uniform" } }, "centroids": [] }""");
        using var journals = Journals();
        var listed = await Experiments(journals).ListAsync(_cancellation);
        Assert.Equal([new GraphHead(0, 0, 3), GraphHead.None], listed.Select(static e => e.Graph));
    }

    [Fact]
    public async Task Plan_survives_a_restart_and_only_moves_forward()
    {
        using var journals = Journals();
        var store = Experiments(journals);
        var home = LocalInfrastructureTests.Experiment("home", LocalInfrastructureTests.Uniform, 1) with { Graph = GraphHead.None };
        var (first, firstBlob) = GraphPlans.On(home, GraphPlans.Sample(1));
        Assert.False(await store.PutAsync(first, firstBlob, _cancellation));
        await store.PutAsync(home, _cancellation);
        var seen = await store.WaitForChangeAsync(-1, _cancellation);
        Assert.True(await store.PutAsync(first, firstBlob, _cancellation));
        Assert.NotEqual(seen, await store.WaitForChangeAsync(seen, _cancellation));
        Assert.False(await store.PutAsync(first with { Graph = first.Graph with { Checksum = 1 } }, firstBlob, _cancellation));
        Assert.False(await store.PutAsync(first with { CreatedAt = 2 }, firstBlob, _cancellation));
        // A definition from somebody who has not heard of the plan does not undo it.
        await store.PutAsync(home, _cancellation);
        // As a crash between the two files of a put leaves it.
        File.WriteAllText(_directory["graphs", "home.9-0000000000000001.graph"], "half");
        File.WriteAllText(_directory["graphs", "home.9-0000000000000001.graph.tmp"], "half");

        store = Experiments(journals);
        Assert.Equal(first.Graph, Assert.Single(await store.ListAsync(_cancellation)).Graph);
        Assert.Equal(firstBlob, (await store.FetchAsync("home", first.Graph, _cancellation))!.Value.ToArray());
        Assert.Null(await store.FetchAsync("home", new GraphHead(9, 1, 2), _cancellation));

        var (second, secondBlob) = GraphPlans.On(home, GraphPlans.Sample(2));
        var (third, thirdBlob) = GraphPlans.On(home, GraphPlans.Sample(3));
        Assert.True(await store.PutAsync(second, secondBlob, _cancellation));
        Assert.Equal(firstBlob, (await store.FetchAsync("home", first.Graph, _cancellation))!.Value.ToArray());
        Assert.True(await store.PutAsync(third, thirdBlob, _cancellation));
        Assert.Null(await store.FetchAsync("home", first.Graph, _cancellation));
        Assert.True(await store.DeleteAsync("home", _cancellation));
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path, "*home*graph", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Snapshots_only_move_forward()
    {
        using var store = Snapshots();
        Assert.Empty(await store.HeadsAsync("home", _cancellation));
        ShardHead At(long epoch, long interactions, long asOf = 0) => new(0, epoch, interactions, asOf);
        SnapshotOutcome Publish(ShardHead head) => store.Publish("home", head, new byte[] { (byte)head.Epoch, (byte)head.Interactions });

        Assert.Equal(SnapshotOutcome.Fenced, store.Touch("home", At(1, 5)));
        Assert.Equal(SnapshotOutcome.Published, Publish(At(1, 5)));
        Assert.Equal(SnapshotOutcome.Fenced, Publish(At(1, 5)));
        Assert.Equal(SnapshotOutcome.Fenced, Publish(At(1, 4)));
        Assert.Equal(SnapshotOutcome.Published, Publish(At(2, 3)));
        Assert.Equal(SnapshotOutcome.Fenced, Publish(At(1, 9)));
        Assert.Equal(SnapshotOutcome.Fenced, store.Touch("home", At(1, 9, 50)));
        Assert.Equal(SnapshotOutcome.Published, store.Touch("home", At(2, 3, 50)));
        Assert.Equal(SnapshotOutcome.Published, store.Touch("home", At(2, 3, 40)));
        Assert.Equal([At(2, 3, 50)], await store.HeadsAsync("home", _cancellation));
        Assert.Equal([2, 3], (await store.FetchAsync("home", At(2, 3), null, _cancellation))!.Whole!.Value.ToArray());
        Assert.Null(await store.FetchAsync("home", At(1, 5), null, _cancellation));
        Assert.Null(await store.FetchAsync("other", At(2, 3), null, _cancellation));
    }

    [Fact]
    public async Task Snapshots_are_kept_soon_after_publication_and_survive_a_kill()
    {
        var store = Snapshots();
        for (var i = 1; i <= 5; i++)
            store.Publish("home", new ShardHead(0, 1, i, i), new[] { (byte)i });
        Assert.Empty(Directory.GetDirectories(_directory["snapshots"]));
        _time.Advance(TimeSpan.FromMilliseconds(300));
        using (var killed = Snapshots())
        {
            Assert.Equal([new ShardHead(0, 1, 5, 5)], await killed.HeadsAsync("home", _cancellation));
            Assert.Equal([5], (await killed.FetchAsync("home", new ShardHead(0, 1, 5, 0), null, _cancellation))!.Whole!.Value.ToArray());
        }
        store.Publish("home", new ShardHead(0, 1, 6, 6), new byte[] { 6 });
        store.Dispose();
        using var orderly = Snapshots();
        Assert.Equal([new ShardHead(0, 1, 6, 6)], await orderly.HeadsAsync("home", _cancellation));
    }

    [Fact]
    public async Task Snapshots_any_byte_damaged_is_left_out()
    {
        using (var store = Snapshots())
            store.Publish("home", new ShardHead(0, 1, 2, 3), new byte[] { 4, 5, 6 });
        var path = Directory.GetFiles(_directory["snapshots", "home"]).Single();
        var bytes = File.ReadAllBytes(path);
        for (var at = 0; at < bytes.Length; at++)
        {
            var damaged = bytes.ToArray();
            damaged[at] ^= 1;
            File.WriteAllBytes(path, damaged);
            using (var flipped = Snapshots())
                Assert.Empty(await flipped.HeadsAsync("home", _cancellation));
            File.WriteAllBytes(path, bytes.AsSpan(0, at));
            using var cut = Snapshots();
            Assert.Empty(await cut.HeadsAsync("home", _cancellation));
        }
    }

    [Fact]
    public async Task Snapshots_wait_hears_a_bell_that_rang_before_and_one_that_rings_during()
    {
        using var store = Snapshots();
        store.Publish("home", new ShardHead(0, 1, 1, 1), new byte[1]);
        Assert.True(store.WaitForChangeAsync("home", _cancellation).IsCompletedSuccessfully);
        var waiting = store.WaitForChangeAsync("home", _cancellation);
        Assert.False(waiting.IsCompleted);
        store.Touch("home", new ShardHead(0, 1, 1, 2));
        await waiting;
        // A bell can be missed: without one it returns by itself.
        await store.WaitForChangeAsync("silent", _cancellation);
    }

    [Fact]
    public async Task Snapshots_of_two_channels_have_their_own_bells_and_versions()
    {
        using var parameters = Snapshots();
        using var memory = Snapshots(SnapshotChannel.Memory);
        memory.Publish("home", new ShardHead(0, 1, 9, 1), new byte[1]);
        var waiting = parameters.WaitForChangeAsync("home", _cancellation);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(SnapshotOutcome.Published, parameters.Publish("home", new ShardHead(0, 1, 1, 1), new byte[2]));
        await waiting;
        Assert.True(memory.WaitForChangeAsync("home", _cancellation).IsCompletedSuccessfully);
        Assert.Equal(9, Assert.Single(await memory.HeadsAsync("home", _cancellation)).Interactions);
        Assert.Equal(1, Assert.Single(await parameters.HeadsAsync("home", _cancellation)).Interactions);
    }

    [Fact]
    public void Checkpoints_are_fenced_by_epoch()
    {
        var store = Checkpoints();
        Assert.Null(store.Load("home", 0));
        Assert.False(store.Save("home", 0, 0, "nobody"u8.ToArray()));
        var first = store.AcquireEpoch("home", 0);
        Assert.True(store.Save("home", 0, first, "one"u8.ToArray()));
        var second = Checkpoints().AcquireEpoch("home", 0);
        Assert.True(second > first);
        Assert.False(store.Save("home", 0, first, "stale"u8.ToArray()));
        Assert.Equal("one"u8.ToArray(), store.Load("home", 0));
        Assert.True(store.Save("home", 0, second, "two"u8.ToArray()));
        Assert.Equal("two"u8.ToArray(), Checkpoints().Load("home", 0));
        Assert.Null(store.Load("home", 1));
    }

    [Fact]
    public void Checkpoints_damaged_falls_back_to_the_one_before_and_then_to_none()
    {
        var store = Checkpoints();
        var epoch = store.AcquireEpoch("home", 0);
        store.Save("home", 0, epoch, "one"u8.ToArray());
        store.Save("home", 0, epoch, "two"u8.ToArray());
        var path = _directory["checkpoints", "home", "0.checkpoint"];
        File.WriteAllText(path + ".tmp", "half");
        Assert.Equal("two"u8.ToArray(), store.Load("home", 0));
        Flip(path);
        Assert.Equal("one"u8.ToArray(), store.Load("home", 0));
        File.Delete(path);
        Assert.Equal("one"u8.ToArray(), store.Load("home", 0));
        Assert.True(store.Save("home", 0, epoch, "three"u8.ToArray()));
        Assert.Equal("three"u8.ToArray(), store.Load("home", 0));
        Flip(path);
        Flip(path + ".previous");
        Assert.Null(store.Load("home", 0));
    }

    private static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    private JournalSet Journals() => new(_data, new JournalOptions(), TimeProvider.System, JournalTestKit.Metrics(), NullLogger<JournalSet>.Instance);

    private LocalSnapshotStore Snapshots(SnapshotChannel channel = SnapshotChannel.Parameters) =>
        new(_data, _time, NullLogger<LocalSnapshotStore>.Instance, channel);

    private LocalCheckpointStore Checkpoints() => new(_data, NullLogger<LocalCheckpointStore>.Instance);

    private LocalExperimentStore Experiments(JournalSet journals) =>
        new(_data, journals, Snapshots(), Snapshots(SnapshotChannel.Memory), Checkpoints(), NullLogger<LocalExperimentStore>.Instance);

    private sealed class CountingLogger<T> : ILogger<T>
    {
        public int Errors { get; private set; }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Errors += logLevel == LogLevel.Error ? 1 : 0;
    }
}
