using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Recsys.Infrastructure.Local;
using Recsys.Infrastructure.Snapshots;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>Deltas in the embedded store: in memory without a gap, in files as far as they are whole, and at the cost of what has changed.</summary>
public sealed class LocalDeltaTests : IDisposable
{
    private const string Home = "home";

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;
    private readonly DataDirectory _data;

    public LocalDeltaTests() => _data = new DataDirectory(_directory.Path);

    private string WholeFile => _directory["snapshots", Home, "0.snapshot"];

    private string DeltaFile => _directory["snapshots", Home, "0.deltas"];

    public void Dispose()
    {
        _data.Dispose();
        _directory.Dispose();
    }

    private LocalSnapshotStore Open() => new(_data, _time, NullLogger<LocalSnapshotStore>.Instance);

    private void Keep() => _time.Advance(TimeSpan.FromMilliseconds(300));

    private static ShardHead At(long interactions, long epoch = 1, long asOf = 0) => new(0, epoch, interactions, asOf);

    private static SnapshotOutcome Begin(LocalSnapshotStore store, long version, long epoch = 1, long asOf = 0) =>
        store.Publish(Home, At(version, epoch, asOf), Encoding.UTF8.GetBytes($"[{epoch}-{version}]"));

    private static SnapshotOutcome Follow(LocalSnapshotStore store, long from, long to, long epoch = 1, long asOf = 0) =>
        store.PublishDelta(Home, At(to, epoch, asOf), from, Encoding.UTF8.GetBytes($"{from}>{to} "));

    private async Task<string> Read(LocalSnapshotStore store, long? known = null)
    {
        var heads = await store.HeadsAsync(Home, _cancellation);
        return heads.Count == 0 ? "none" : Text(await store.FetchAsync(Home, Assert.Single(heads), known, _cancellation));
    }

    private static string Text(ShardUpdate? update) => update is null
        ? "nothing"
        : string.Concat(update.Deltas.Prepend(update.Whole ?? default).Select(static bytes => Encoding.UTF8.GetString(bytes.Span))).TrimEnd();

    [Fact]
    public async Task Reader_gets_what_it_lacks_and_a_new_one_everything()
    {
        using var store = Open();
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 0, 1));
        Begin(store, 5);
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 4, 6));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 5, 6, epoch: 2));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 5, 7, asOf: 30));
        Assert.Equal(SnapshotOutcome.Missing, Follow(store, 5, 7));
        Assert.Equal(SnapshotOutcome.Published, Follow(store, 7, 8, asOf: 20));
        Assert.Equal([new ShardHead(0, 1, 8, 30, Base: 5)], await store.HeadsAsync(Home, _cancellation));
        Assert.Equal("[1-5]5>7 7>8", await Read(store));
        Assert.Equal("7>8", await Read(store, known: 7));
        Assert.Equal("[1-5]5>7 7>8", await Read(store, known: 6));
        Assert.Equal("[1-5]5>7", Text(await store.FetchAsync(Home, At(7), null, _cancellation)));
        Assert.Equal("nothing", Text(await store.FetchAsync(Home, At(6), null, _cancellation)));
        Assert.Equal(SnapshotOutcome.Published, store.Touch(Home, At(8, asOf: 40)));
        Assert.Equal([new ShardHead(0, 1, 8, 40, Base: 5)], await store.HeadsAsync(Home, _cancellation));

        Assert.Equal(SnapshotOutcome.Published, Begin(store, 8));
        Assert.Equal([At(8, asOf: 40)], await store.HeadsAsync(Home, _cancellation));
        Assert.Equal("5>7 7>8", await Read(store, known: 5));
        Assert.Equal(SnapshotOutcome.Fenced, Begin(store, 8));
        Follow(store, 8, 9);
        Assert.Equal("7>8 8>9", await Read(store, known: 7));
        Begin(store, 9);
        Assert.Equal("[1-9]", await Read(store, known: 7));
        Assert.Equal("8>9", await Read(store, known: 8));

        Assert.Equal(SnapshotOutcome.Published, Begin(store, 3, epoch: 2));
        Assert.Equal(SnapshotOutcome.Fenced, Follow(store, 9, 10));
        Assert.Equal("[2-3]", await Read(store, known: 8));
        store.Forget(Home, 2);
        Assert.Equal(SnapshotOutcome.Fenced, Follow(store, 3, 4, epoch: 2));
    }

    [Fact]
    public async Task Files_grow_by_what_changed_and_start_over_with_a_new_base()
    {
        using var store = Open();
        store.Publish(Home, At(0, asOf: 1), new byte[1 << 20]);
        Keep();
        var whole = File.GetLastWriteTimeUtc(WholeFile);
        long Length() => new FileInfo(DeltaFile).Length;
        for (var i = 0; i < 20; i++)
        {
            Follow(store, i, i + 1, asOf: i + 2);
            Keep();
        }
        Assert.InRange(Length(), 1, 20 * 60);
        Assert.Equal(whole, File.GetLastWriteTimeUtc(WholeFile));
        using (var killed = Open())
        {
            Assert.Equal([new ShardHead(0, 1, 20, 21, Base: 0)], await killed.HeadsAsync(Home, _cancellation));
            Assert.EndsWith("18>19 19>20", await Read(killed), StringComparison.Ordinal);
        }
        Begin(store, 20);
        Follow(store, 20, 21);
        Keep();
        Assert.InRange(Length(), 1, 60);
        Assert.InRange(new FileInfo(WholeFile).Length, 1, 60);
        using var again = Open();
        Assert.Equal("[1-20]20>21", await Read(again));
    }

    [Fact]
    public async Task Several_publications_between_two_writes_are_all_kept()
    {
        using (var store = Open())
        {
            Begin(store, 0);
            Follow(store, 0, 1);
            Follow(store, 1, 2, asOf: 7);
            Keep();
            Follow(store, 2, 3);
            Begin(store, 3, asOf: 8);
            Follow(store, 3, 4);
            Follow(store, 4, 5);
            store.Touch(Home, At(5, asOf: 9));
        }
        using var restarted = Open();
        Assert.Equal([new ShardHead(0, 1, 5, 9, Base: 3)], await restarted.HeadsAsync(Home, _cancellation));
        Assert.Equal("[1-3]3>4 4>5", await Read(restarted));
        // It goes on where it stood, by deltas too: the file continues.
        Assert.Equal(SnapshotOutcome.Published, Follow(restarted, 5, 6));
        Keep();
        using var third = Open();
        Assert.Equal("[1-3]3>4 4>5 5>6", await Read(third));
    }

    [Fact]
    public async Task Time_of_an_idle_head_is_kept_without_writing_the_parameters_again()
    {
        using (var store = Open())
        {
            Begin(store, 5, asOf: 1);
            Keep();
            store.Touch(Home, At(5, asOf: 50));
        }
        using (var store = Open())
        {
            Assert.Equal([At(5, asOf: 50)], await store.HeadsAsync(Home, _cancellation));
            store.Touch(Home, At(5, asOf: 60));
        }
        using var last = Open();
        Assert.Equal([At(5, asOf: 60)], await last.HeadsAsync(Home, _cancellation));
        Assert.Equal("[1-5]", await Read(last));
    }

    [Fact]
    public async Task Torn_or_damaged_end_is_cut_off_and_what_comes_before_is_served()
    {
        using (var store = Open())
        {
            Begin(store, 0);
            Follow(store, 0, 1);
            Follow(store, 1, 2);
            Follow(store, 2, 3);
        }
        var (whole, bytes) = (File.ReadAllBytes(WholeFile), File.ReadAllBytes(DeltaFile));
        var record = bytes.Length / 3;
        string[] led = ["[1-0]", "[1-0]0>1", "[1-0]0>1 1>2", "[1-0]0>1 1>2 2>3"];
        for (var at = 0; at < bytes.Length; at++)
        {
            foreach (var cut in (bool[])[true, false])
            {
                var damaged = cut ? bytes[..at] : bytes.ToArray();
                if (!cut)
                    damaged[at] ^= 1;
                File.WriteAllBytes(WholeFile, whole);
                File.WriteAllBytes(DeltaFile, damaged);
                using (var restarted = Open())
                {
                    Assert.Equal(led[at / record], await Read(restarted));
                    Assert.Equal(at / record * record, new FileInfo(DeltaFile).Length);
                    var version = at / record;
                    Assert.Equal(SnapshotOutcome.Published, Follow(restarted, version, version + 5));
                }
                using var again = Open();
                Assert.Equal($"{led[at / record]}{(at < record ? "" : " ")}{at / record}>{(at / record) + 5}", await Read(again));
            }
        }
    }

    [Fact]
    public async Task Crash_between_new_base_and_removal_of_old_deltas_applies_none_twice()
    {
        using (var store = Open())
        {
            Begin(store, 0);
            Follow(store, 0, 1);
            Follow(store, 1, 2);
            Keep();
            var deltas = File.ReadAllBytes(DeltaFile);
            Begin(store, 2);
            Keep();
            File.WriteAllBytes(DeltaFile, deltas);
        }
        using (var restarted = Open())
        {
            Assert.Equal("[1-2]", await Read(restarted));
            Follow(restarted, 2, 3);
        }
        using (var again = Open())
        {
            Assert.Equal("[1-2]2>3", await Read(again));
            Begin(again, 1, epoch: 2);
        }
        // Deltas of an earlier tenure behind whole parameters of a later one, even where their versions would fit.
        using (var store = Open())
            Assert.Equal("[2-1]", await Read(store));
    }

    [Fact]
    public async Task Deltas_behind_others_parameters_are_left_out()
    {
        using (var store = Open())
        {
            Begin(store, 0);
            Follow(store, 0, 1);
            Follow(store, 1, 2);
        }
        var deltas = File.ReadAllBytes(DeltaFile);
        using (var store = Open())
            Begin(store, 1, epoch: 2);
        File.WriteAllBytes(DeltaFile, deltas);
        using (var restarted = Open())
            Assert.Equal("[2-1]", await Read(restarted));
        File.WriteAllBytes(DeltaFile, deltas[(deltas.Length / 2)..]);
        File.Delete(WholeFile);
        using var none = Open();
        Assert.Equal("none", await Read(none));
    }

    [Fact]
    public async Task Disk_that_refuses_is_tried_again_and_leaves_no_gap()
    {
        using var store = Open();
        // Where the parameters belong, there is a directory.
        Directory.CreateDirectory(WholeFile);
        Begin(store, 0);
        Follow(store, 0, 1);
        Keep();
        using (var early = Open())
            Assert.Equal("none", await Read(early));
        Directory.Delete(WholeFile);
        Follow(store, 1, 2);
        Keep();
        Assert.Equal("[1-0]0>1 1>2", await Reopened());
        Directory.Delete(_directory["snapshots", Home], recursive: true);
        File.WriteAllText(_directory["snapshots", Home], "no directory");
        Follow(store, 2, 3);
        Keep();
        File.Delete(_directory["snapshots", Home]);
        Begin(store, 3);
        Follow(store, 3, 4);
        Keep();
        Assert.Equal("[1-3]3>4", await Reopened());
    }

    private async Task<string> Reopened()
    {
        using var store = Open();
        return await Read(store);
    }
}
