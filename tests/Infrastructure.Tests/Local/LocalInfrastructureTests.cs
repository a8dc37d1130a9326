using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Recsys.Infrastructure.Checkpoints;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>The embedded adapters together, through the interfaces, as a host wires them.</summary>
public sealed class LocalInfrastructureTests : IDisposable
{
    internal const string Uniform = """{ "policy": { "kind": "uniform" } }""";

    private readonly TemporaryDirectory _directory = new();
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Restart_finds_everything_again()
    {
        var experiment = Experiment("home", Uniform, createdAt: 17);
        var head = new ShardHead(0, 1, 5, 100);
        var remembered = new ShardHead(0, 1, 3, 90);
        using (var host = Host())
        {
            await host.GetRequiredService<IExperimentStore>().PutAsync(experiment, _cancellation);
            var publisher = host.GetRequiredService<IEventPublisher>();
            await publisher.EnsureLogAsync("home", _cancellation);
            Assert.True(publisher.TryPublishDecision("home", "d1"u8, "decision"u8));
            await publisher.PublishAsync("home", "d1", "reward"u8.ToArray(), _cancellation);
            await publisher.PublishToPartitionAsync("home", 0, "tick"u8.ToArray(), _cancellation);
            await publisher.PublishItemAsync("home", "a/1", "{}"u8.ToArray(), _cancellation);
            await publisher.PublishDeadLetterAsync(new DeadLetter("t", 3, 4, "k"u8.ToArray(), "bad"u8.ToArray(), "why"), _cancellation);
            var epoch = host.GetRequiredService<ICheckpointStore>().AcquireEpoch("home", 0);
            Assert.True(host.GetRequiredService<ICheckpointStore>().Save("home", 0, epoch, "state"u8.ToArray()));
            Assert.Equal(SnapshotOutcome.Published, host.GetRequiredService<ISnapshotWriter>().Publish("home", head, "parameters"u8.ToArray()));
            Assert.Equal(SnapshotOutcome.Published, host.GetRequiredService<ISnapshotWriter>().Touch("home", head with { AsOf = 200 }));
            var memory = host.GetRequiredService<MemorySnapshots>().Writer;
            Assert.Equal(SnapshotOutcome.Published, memory.Publish("home", remembered, "memory"u8.ToArray()));
            Assert.Equal(SnapshotOutcome.Published, memory.PublishDelta("home", remembered with { Interactions = 4 }, 3, "more"u8.ToArray()));
        }
        using (var host = Host())
        {
            var stored = Assert.Single(await host.GetRequiredService<IExperimentStore>().ListAsync(_cancellation));
            Assert.Equal(("home", 17L, "uniform"), (stored.Name, stored.CreatedAt, stored.Definition.Policy.Kind.ToString()));
            Assert.Equal(experiment.Graph, stored.Graph);
            Assert.Equal("state"u8.ToArray(), host.GetRequiredService<ICheckpointStore>().Load("home", 0));
            var reader = host.GetRequiredService<ISnapshotReader>();
            Assert.Equal([head with { AsOf = 200 }], await reader.HeadsAsync("home", _cancellation));
            Assert.Equal("parameters"u8.ToArray(), (await reader.FetchAsync("home", head, null, _cancellation))!.Whole!.Value.ToArray());

            var memory = host.GetRequiredService<MemorySnapshots>().Reader;
            var last = remembered with { Interactions = 4, Base = 3 };
            Assert.Equal([last], await memory.HeadsAsync("home", _cancellation));
            var update = await memory.FetchAsync("home", last, null, _cancellation);
            Assert.Equal("memory"u8.ToArray(), update!.Whole!.Value.ToArray());
            Assert.Equal("more"u8.ToArray(), Assert.Single(update.Deltas).ToArray());

            var owner = new RecordingOwner { StopAfter = 3 };
            await Consume(host, owner);
            Assert.Equal(["assigned", "d1=decision", "d1=reward", "=tick", "revoked"], owner.Calls);
            Assert.All(owner.Headers, static h => Assert.Equal(new EventHeaders(EventTopics.BinaryContentType), h));
        }
        var letter = Assert.Single(JournalReader.ReadFiles(_directory["log", EventTopics.DeadLetters]).Select(static r => (r.ReadHeaders(), r.Value.ToArray())));
        Assert.Equal("bad"u8.ToArray(), letter.Item2);
        Assert.Equal(["x-dlq-reason=why", "x-original-topic=t", "x-original-partition=3", "x-original-offset=4"], letter.Item1.Select(static h => $"{h.Key}={h.Value}"));
    }

    [Fact]
    public async Task Consume_from_a_checkpoint_then_follows_the_log()
    {
        using var host = Host();
        var publisher = host.GetRequiredService<IEventPublisher>();
        await publisher.EnsureLogAsync("home", _cancellation);
        for (var i = 0; i < 1000; i++)
            Assert.True(publisher.TryPublishDecision("home", "d"u8, Encoding.UTF8.GetBytes($"{i}")));
        await publisher.PublishAsync("home", "d", "1000"u8.ToArray(), _cancellation);
        var owner = new RecordingOwner { From = 990, StopAfter = 12 };
        var consuming = Consume(host, owner);
        JournalTestKit.Until(() => owner.CaughtUp && owner.Handled == 11);
        await publisher.PublishAsync("home", "d", "1001"u8.ToArray(), _cancellation);
        await consuming;
        Assert.Equal(["assigned", .. Enumerable.Range(990, 12).Select(static i => $"d={i}"), "revoked"], owner.Calls);
        Assert.Equal(Enumerable.Range(990, 12).Select(static i => (long)i), owner.Offsets);
    }

    [Fact]
    public async Task Consume_nothing_to_read_is_idle_again_and_again_until_cancelled()
    {
        using var host = Host();
        await host.GetRequiredService<IEventPublisher>().EnsureLogAsync("home", _cancellation);
        var owner = new RecordingOwner { StopAfterIdle = 5 };
        await Consume(host, owner);
        Assert.Equal(["assigned", "revoked"], owner.Calls);
        Assert.True(owner.CaughtUp);
    }

    [Fact]
    public async Task Consume_beyond_the_end_goes_on_with_what_comes_next()
    {
        using var host = Host();
        var publisher = host.GetRequiredService<IEventPublisher>();
        await publisher.EnsureLogAsync("home", _cancellation);
        await publisher.PublishAsync("home", "d", "0"u8.ToArray(), _cancellation);
        var owner = new RecordingOwner { From = 50, StopAfter = 1 };
        var consuming = Consume(host, owner);
        JournalTestKit.Until(() => owner.CaughtUp);
        await publisher.PublishAsync("home", "d", "1"u8.ToArray(), _cancellation);
        await consuming;
        Assert.Equal([1L], owner.Offsets);
    }

    [Fact]
    public async Task Delete_stops_the_reader_fences_the_writers_and_leaves_nothing_to_a_successor()
    {
        using var host = Host();
        var (store, publisher) = (host.GetRequiredService<IExperimentStore>(), host.GetRequiredService<IEventPublisher>());
        var (checkpoints, writer) = (host.GetRequiredService<ICheckpointStore>(), host.GetRequiredService<ISnapshotWriter>());
        await store.PutAsync(Experiment("home", Uniform, 1), _cancellation);
        await store.PutAsync(Experiment("other", Uniform, 1), _cancellation);
        foreach (var name in (string[])["home", "other"])
        {
            await publisher.EnsureLogAsync(name, _cancellation);
            await publisher.PublishAsync(name, "d", "old"u8.ToArray(), _cancellation);
            await publisher.PublishItemAsync(name, "i", "{}"u8.ToArray(), _cancellation);
        }
        var epoch = checkpoints.AcquireEpoch("home", 0);
        Assert.True(checkpoints.Save("home", 0, epoch, "state"u8.ToArray()));
        Assert.Equal(SnapshotOutcome.Published, writer.Publish("home", new ShardHead(0, epoch, 1, 1), "p"u8.ToArray()));
        var memory = host.GetRequiredService<MemorySnapshots>();
        Assert.Equal(SnapshotOutcome.Published, memory.Writer.Publish("home", new ShardHead(0, epoch, 1, 1), "m"u8.ToArray()));
        JournalTestKit.Until(() => File.Exists(_directory["memory", "home", "0.snapshot"]));

        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        var owner = new RecordingOwner();
        var consuming = Task.Factory.StartNew(
            () => host.GetRequiredService<IEventSource>().Consume("home", owner, stopping.Token), _cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        JournalTestKit.Until(() => owner.CaughtUp);
        Assert.True(await store.DeleteAsync("home", _cancellation));
        JournalTestKit.Until(() => owner.Snapshot().Contains("lost"));
        Assert.False(consuming.IsCompleted);
        await stopping.CancelAsync();
        await consuming;
        Assert.Equal(["assigned", "d=old", "lost"], owner.Calls);

        Assert.False(await store.DeleteAsync("home", _cancellation));
        Assert.Equal(["other"], (await store.ListAsync(_cancellation)).Select(static e => e.Name));
        Assert.False(checkpoints.Save("home", 0, epoch, "late"u8.ToArray()));
        Assert.Equal(SnapshotOutcome.Fenced, writer.Publish("home", new ShardHead(0, epoch, 2, 2), "late"u8.ToArray()));
        Assert.Equal(SnapshotOutcome.Fenced, memory.Writer.Publish("home", new ShardHead(0, epoch, 2, 2), "late"u8.ToArray()));
        Assert.False(publisher.TryPublishDecision("home", "d"u8, "late"u8));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await publisher.PublishAsync("home", "d", "late"u8.ToArray(), _cancellation));
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path, "*home*", SearchOption.AllDirectories));

        await store.PutAsync(Experiment("home", Uniform, 2), _cancellation);
        Assert.True(publisher.TryPublishDecision("home", "d"u8, "new"u8));
        Assert.Null(checkpoints.Load("home", 0));
        Assert.Empty(await host.GetRequiredService<ISnapshotReader>().HeadsAsync("home", _cancellation));
        Assert.Empty(await memory.Reader.HeadsAsync("home", _cancellation));
        var successor = checkpoints.AcquireEpoch("home", 0);
        Assert.True(successor > epoch);
        Assert.Equal(SnapshotOutcome.Published, writer.Publish("home", new ShardHead(0, successor, 1, 3), "q"u8.ToArray()));
        var heir = new RecordingOwner { StopAfter = 1 };
        await Consume(host, heir);
        Assert.Equal(["assigned", "d=new", "revoked"], heir.Calls);
        Assert.Equal(["home/i={}", "other/i={}", "home/i=gone"], await Items(host));
    }

    [Fact]
    public async Task Items_are_followed_from_the_beginning_and_on_and_compacted_at_a_restart()
    {
        using (var host = Host())
        {
            var publisher = host.GetRequiredService<IEventPublisher>();
            for (var round = 0; round < 5; round++)
            {
                for (var item = 0; item < 10; item++)
                    await publisher.PublishItemAsync("home", $"i/{item}", Encoding.UTF8.GetBytes($"{round}"), _cancellation);
            }
            await publisher.PublishItemAsync("home", "i/3", null, _cancellation);
            await publisher.PublishItemAsync("home", "i/4", null, _cancellation);
            await publisher.PublishItemAsync("home", "i/4", "back"u8.ToArray(), _cancellation);
            var seen = await Items(host);
            Assert.Equal(53, seen.Count);
            Assert.Equal("home/i/3=gone", seen[50]);
        }
        string[] expected = ["home/i/0=4", "home/i/1=4", "home/i/2=4", "home/i/5=4", "home/i/6=4", "home/i/7=4", "home/i/8=4", "home/i/9=4", "home/i/4=back"];
        using (var host = Host())
        {
            Assert.Equal(expected, await Items(host));
            await host.GetRequiredService<IEventPublisher>().PublishItemAsync("home", "new", "n"u8.ToArray(), _cancellation);
        }
        using (var host = Host())
            Assert.Equal([.. expected, "home/new=n"], await Items(host));
    }

    [Theory]
    [InlineData("while copying", true)]
    [InlineData("between the renames", false)]
    [InlineData("before the old one was removed", true)]
    public async Task Items_compaction_interrupted_loses_nothing(string when, bool originalStands)
    {
        using (var host = Host())
        {
            for (var i = 0; i < 5; i++)
                await host.GetRequiredService<IEventPublisher>().PublishItemAsync("home", "a", Encoding.UTF8.GetBytes($"{i}"), _cancellation);
        }
        var items = _directory["log", EventTopics.Items];
        switch (when)
        {
            case "while copying":
                Directory.CreateDirectory(items + ".new");
                File.WriteAllBytes(Path.Combine(items + ".new", "00000000000000000000.log"), [1, 2, 3]);
                break;
            case "between the renames":
                CopyDirectory(items, items + ".new");
                Directory.Move(items, items + ".old");
                break;
            default:
                CopyDirectory(items, items + ".old");
                break;
        }
        Assert.Equal(originalStands, Directory.Exists(items));
        using (var host = Host())
            Assert.Equal(["home/a=4"], await Items(host));
        Assert.False(Directory.Exists(items + ".new"));
        Assert.False(Directory.Exists(items + ".old"));
    }

    private static void CopyDirectory(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    internal static Experiment Experiment(string name, string json, long createdAt)
    {
        var errors = new List<KeyValuePair<string, string>>();
        var definition = ExperimentDefinitionReader.Read(Encoding.UTF8.GetBytes(json), errors);
        Assert.Empty(errors);
        return new Experiment(name, definition!, createdAt, new GraphHead(4, 0, 9));
    }

    private ServiceProvider Host() => new ServiceCollection().AddLogging().AddLocalInfrastructure(_directory.Path).BuildServiceProvider();

    private async Task Consume(ServiceProvider host, RecordingOwner owner)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        owner.Stop = stopping.Cancel;
        await Task.Factory.StartNew(
            () => host.GetRequiredService<IEventSource>().Consume("home", owner, stopping.Token), _cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    // What the feed hands over until it has caught up.
    private async Task<List<string>> Items(ServiceProvider host)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        var seen = new List<string>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.GetRequiredService<IItemFeed>().FollowAsync(
            (experiment, item, value) => seen.Add($"{experiment}/{item}={(value is { } json ? Encoding.UTF8.GetString(json.Span) : "gone")}"),
            stopping.Cancel,
            stopping.Token));
        return seen;
    }

    private sealed class RecordingOwner : IPartitionOwner
    {
        private int _idle;

        public long From { get; init; }

        public int StopAfter { get; init; } = int.MaxValue;

        public int StopAfterIdle { get; init; } = int.MaxValue;

        public Action Stop { get; set; } = static () => { };

        public List<string> Calls { get; } = [];

        public List<long> Offsets { get; } = [];

        public List<EventHeaders> Headers { get; } = [];

        public volatile bool CaughtUp;

        public volatile int Handled;

        public List<string> Snapshot()
        {
            lock (Calls)
                return [.. Calls];
        }

        public long Assigned(int partition)
        {
            Note("assigned");
            return From;
        }

        public void Handle(in LogRecord record)
        {
            Note($"{Encoding.UTF8.GetString(record.Key.Span)}={Encoding.UTF8.GetString(record.Value.Span)}");
            Offsets.Add(record.Offset);
            Headers.Add(record.Headers);
            Handled = Offsets.Count;
            if (Offsets.Count == StopAfter)
                Stop();
        }

        public void Idle(bool caughtUp)
        {
            CaughtUp = caughtUp;
            if (++_idle == StopAfterIdle)
                Stop();
        }

        public void Revoked(int partition) => Note("revoked");

        public void Lost(int partition) => Note("lost");

        private void Note(string call)
        {
            lock (Calls)
                Calls.Add(call);
        }
    }
}
