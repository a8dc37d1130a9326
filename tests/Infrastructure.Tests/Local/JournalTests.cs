using System.Globalization;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Experiments;
using Recsys.Infrastructure.Local;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>Appending, committing and reading one journal.</summary>
public sealed class JournalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Append_every_part_of_a_record_comes_back()
    {
        var time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123));
        var headers = JournalHeaders.Encode([new("ce_type", "reward"), new("ce_id", "é"), new("ce_time", "2026-01-01T00:00:00Z"), new("content-type", "application/json")]);
        var large = new byte[700_000];
        new Random(1).NextBytes(large);
        using (var journal = JournalTestKit.Open(_directory.Path, time: time))
        {
            await journal.AppendAsync(headers, "schlüssel"u8.ToArray(), "{}"u8.ToArray(), isRemoval: false, CancellationToken.None);
            await journal.AppendAsync(JournalHeaders.Binary, default, large, isRemoval: false, CancellationToken.None);
            await journal.AppendAsync(default, "gone"u8.ToArray(), default, isRemoval: true, CancellationToken.None);
        }
        var read = JournalReader.ReadFiles(_directory.Path)
            .Select(static r => (r.Offset, r.AppendedAt, Key: Encoding.UTF8.GetString(r.Key.Span), Value: r.Value.ToArray(), r.IsRemoval, r.ToLogRecord().Headers)).ToList();
        Assert.Equal([0, 1, 2], read.Select(static r => r.Offset));
        Assert.All(read, static r => Assert.Equal(1_700_000_000_123, r.AppendedAt));
        Assert.Equal(["schlüssel", "", "gone"], read.Select(static r => r.Key));
        Assert.Equal("{}"u8.ToArray(), read[0].Value);
        Assert.Equal(large, read[1].Value);
        Assert.Equal([false, false, true], read.Select(static r => r.IsRemoval));
        Assert.Equal(new EventHeaders("application/json", "reward", "2026-01-01T00:00:00Z", "é"), read[0].Headers);
        Assert.Equal(new EventHeaders(EventTopics.BinaryContentType), read[1].Headers);
        Assert.Equal(new EventHeaders(null), read[2].Headers);
    }

    [Fact]
    public async Task Append_completes_and_shows_only_after_the_flush()
    {
        using var atDisk = new SemaphoreSlim(0);
        using var release = new SemaphoreSlim(0);
        using var journal = JournalTestKit.Open(_directory.Path, flush: file =>
        {
            atDisk.Release();
            release.Wait();
            RandomAccess.FlushToDisk(file);
        });
        var first = journal.Append("first");
        await atDisk.WaitAsync(TestContext.Current.CancellationToken);
        Assert.False(first.IsCompleted);
        Assert.Equal(0, journal.NextOffset);
        Assert.Empty(JournalTestKit.Values(journal));

        var together = Enumerable.Range(0, 1000).Select(i => journal.Append($"{i}")).ToList();
        release.Release();
        await first;
        await atDisk.WaitAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain(together, static t => t.IsCompleted);
        Assert.Equal(["first"], JournalTestKit.Values(journal));
        release.Release();
        // One flush makes all thousand durable: nobody releases a third.
        await Task.WhenAll(together);
        Assert.Equal(1001, journal.NextOffset);
        Assert.Equal(0, atDisk.CurrentCount);
    }

    [Fact]
    public async Task TryAppend_becomes_durable_without_anybody_waiting()
    {
        using var journal = JournalTestKit.Open(_directory.Path);
        Assert.True(journal.TryAppend("decision"));
        Assert.True(journal.WaitFor(0, JournalTestKit.Patience));
        await journal.Append("reward");
        Assert.Equal(["decision", "reward"], JournalTestKit.Values(journal));
    }

    [Fact]
    public void TryAppend_queue_full_refuses_and_later_takes_again()
    {
        using var release = new ManualResetEventSlim();
        using var atDisk = new SemaphoreSlim(0);
        using var journal = JournalTestKit.Open(_directory.Path, new JournalOptions { QueueBytesMax = 4096 }, _ =>
        {
            atDisk.Release();
            release.Wait();
        });
        Assert.True(journal.TryAppend("0"));
        atDisk.Wait(TestContext.Current.CancellationToken);
        var refusedBefore = JournalMetrics.Refused.Value;
        var accepted = 1;
        while (journal.TryAppend(accepted.ToString(CultureInfo.InvariantCulture)))
            accepted++;
        Assert.InRange(accepted, 20, 4096 / 28);
        Assert.False(journal.TryAppend("no"));
        Assert.Equal(refusedBefore + 2, JournalMetrics.Refused.Value);
        release.Set();
        JournalTestKit.Until(() => journal.NextOffset == accepted);
        Assert.True(journal.TryAppend("later"));
        JournalTestKit.Until(() => journal.NextOffset == accepted + 1);
        Assert.Equal([.. Enumerable.Range(0, accepted).Select(static i => $"{i}"), "later"], JournalTestKit.Values(journal));
    }

    [Fact]
    public async Task Append_queue_full_waits_for_room()
    {
        using var journal = JournalTestKit.Open(_directory.Path, new JournalOptions { QueueBytesMax = 1024 });
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => journal.Append($"{i}")));
        Assert.Equal(500, journal.NextOffset);
        Assert.Equal(Enumerable.Range(0, 500).Order(), JournalTestKit.Values(journal).Select(int.Parse).Order());
    }

    [Fact]
    public async Task Append_too_slow_a_disk_is_unavailable()
    {
        using var release = new ManualResetEventSlim();
        using var journal = JournalTestKit.Open(_directory.Path, new JournalOptions { PublishTimeout = TimeSpan.FromMilliseconds(50) }, _ => release.Wait());
        await Assert.ThrowsAsync<StoreUnavailableException>(() => journal.Append("late"));
        release.Set();
    }

    [Fact]
    public async Task Append_too_large_a_record_is_refused()
    {
        using var journal = JournalTestKit.Open(_directory.Path);
        var value = new byte[JournalFormat.PayloadBytesMax];
        Assert.False(journal.TryAppend(default, default, value));
        await Assert.ThrowsAsync<ArgumentException>(() => journal.AppendAsync(default, default, value, isRemoval: false, CancellationToken.None));
        await journal.Append("small");
        Assert.Equal(1, journal.NextOffset);
    }

    [Fact]
    public async Task Append_disk_fails_once_sends_back_that_group_and_goes_on()
    {
        var failures = 0;
        using (var journal = JournalTestKit.Open(_directory.Path, flush: file =>
        {
            if (Interlocked.Decrement(ref failures) == 0)
                throw new IOException("No space left on device");
            RandomAccess.FlushToDisk(file);
        }))
        {
            await journal.Append("before");
            failures = 1;
            var problem = await Assert.ThrowsAsync<StoreUnavailableException>(() => journal.Append("refused, and longer than what follows it"));
            Assert.Contains("No space left", problem.Message, StringComparison.Ordinal);
            await journal.Append("after");
            Assert.Equal(["before", "after"], JournalTestKit.Values(journal));
        }
        using var reopened = JournalTestKit.Open(_directory.Path);
        Assert.Equal(["before", "after"], JournalTestKit.Values(reopened));
    }

    [Fact]
    public async Task Dispose_makes_durable_what_was_queued_and_closes()
    {
        var journal = JournalTestKit.Open(_directory.Path);
        for (var i = 0; i < 100; i++)
            Assert.True(journal.TryAppend($"{i}"));
        journal.Dispose();
        journal.Dispose();
        Assert.False(journal.TryAppend("closed"));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => journal.Append("closed"));
        Assert.Equal(100, JournalReader.ReadFiles(_directory.Path).Count());
    }

    [Fact]
    public async Task Read_while_four_write_sees_every_record_once_and_in_order()
    {
        const int Each = 3000;
        using var journal = JournalTestKit.Open(_directory.Path, new JournalOptions { SegmentBytes = 32 << 10 });
        var writers = Enumerable.Range(0, 4).Select(w => Task.Run(
            async () =>
            {
                for (var i = 0; i < Each; i++)
                {
                    if (i % 100 == 0)
                        await journal.Append($"{w}:{i}");
                    else
                        JournalTestKit.Until(() => journal.TryAppend($"{w}:{i}"));
                }
            },
            TestContext.Current.CancellationToken)).ToArray();
        var seen = new int[4];
        using var reader = journal.Read(0);
        for (long offset = 0; offset < 4 * Each;)
        {
            Assert.True(journal.WaitFor(offset, JournalTestKit.Patience));
            while (reader.TryRead(out var record))
            {
                Assert.Equal(offset++, record.Offset);
                var parts = Encoding.UTF8.GetString(record.Value.Span).Split(':');
                Assert.Equal(seen[int.Parse(parts[0], CultureInfo.InvariantCulture)]++, int.Parse(parts[1], CultureInfo.InvariantCulture));
            }
        }
        await Task.WhenAll(writers);
        Assert.Equal([Each, Each, Each, Each], seen);
    }

    [Fact]
    public async Task Read_from_every_offset_begins_there_also_after_reopening()
    {
        const int Records = 700;
        var options = new JournalOptions { SegmentBytes = 128 << 10 };
        var padding = new string('x', 900);
        using (var journal = JournalTestKit.Open(_directory.Path, options))
        {
            for (var i = 0; i < Records; i++)
                await journal.Append($"{i} {padding}");
            Check(journal);
        }
        Assert.InRange(Directory.GetFiles(_directory.Path).Length, 5, 6);
        using var reopened = JournalTestKit.Open(_directory.Path, options);
        Check(reopened);
        Assert.Equal(Records, JournalReader.ReadFiles(_directory.Path).Count());

        static void Check(Journal journal)
        {
            Assert.Equal(Records, journal.NextOffset);
            for (var from = 0; from < Records; from += 1)
            {
                using var reader = journal.Read(from);
                Assert.True(reader.TryRead(out var record));
                Assert.Equal(from, record.Offset);
                Assert.StartsWith($"{from} ", Encoding.UTF8.GetString(record.Value.Span), StringComparison.Ordinal);
            }
            using var end = journal.Read(Records);
            Assert.False(end.TryRead(out _));
        }
    }

    [Fact]
    public async Task Read_damaged_or_missing_sealed_segment_stops_and_names_it()
    {
        var options = new JournalOptions { SegmentBytes = 4096 };
        using (var journal = JournalTestKit.Open(_directory.Path, options))
        {
            for (var i = 0; i < 400; i++)
                await journal.Append($"{i}");
        }
        var files = Directory.GetFiles(_directory.Path).Order(StringComparer.Ordinal).ToArray();
        Assert.True(files.Length >= 4);
        var bytes = File.ReadAllBytes(files[1]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(files[1], bytes);
        using (var journal = JournalTestKit.Open(_directory.Path, options))
        {
            var problem = Assert.Throws<JournalCorruptException>(() => JournalTestKit.Values(journal));
            Assert.Contains(files[1], problem.Message, StringComparison.Ordinal);
        }
        Assert.Throws<JournalCorruptException>(() => JournalTestKit.Values(_directory.Path));
        File.Delete(files[1]);
        using (var journal = JournalTestKit.Open(_directory.Path, options))
            Assert.Contains("missing", Assert.Throws<JournalCorruptException>(() => JournalTestKit.Values(journal)).Message, StringComparison.Ordinal);
        Assert.Throws<JournalCorruptException>(() => JournalTestKit.Values(_directory.Path));
        Assert.Equal("0", JournalTestKit.Values(files[0])[0]);
    }

    [Fact]
    public async Task Retain_by_size_removes_the_oldest_and_readers_go_on_at_what_is_left()
    {
        var options = new JournalOptions { SegmentBytes = 4096, RetainBytes = 10_000 };
        using var journal = JournalTestKit.Open(_directory.Path, options);
        await journal.Append("0");
        using var slow = journal.Read(0);
        Assert.True(slow.TryRead(out _));
        for (var i = 1; i < 1000; i++)
            await journal.Append($"{i}");
        Assert.InRange(Directory.GetFiles(_directory.Path).Sum(static f => new FileInfo(f).Length), 4096, 10_000 + (2 * 4096));
        Assert.True(journal.FirstOffset > 500);
        Assert.True(slow.TryRead(out var next));
        Assert.InRange(next.Offset, 1, journal.FirstOffset);
        var last = next.Offset;
        while (slow.TryRead(out var record))
            last = record.Offset;
        Assert.Equal(999, last);
        using var fromGone = journal.Read(3);
        Assert.Equal(journal.FirstOffset, fromGone.Offset);
        Assert.True(fromGone.TryRead(out var first));
        Assert.Equal(journal.FirstOffset, first.Offset);
    }

    [Fact]
    public async Task Retain_by_age_removes_segments_last_written_before()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var options = new JournalOptions { SegmentBytes = 4096, RetainFor = TimeSpan.FromDays(7) };
        using var journal = JournalTestKit.Open(_directory.Path, options, time: time);
        for (var i = 0; i < 400; i++)
            await journal.Append($"{i}");
        Assert.Equal(0, journal.FirstOffset);
        time.Advance(TimeSpan.FromDays(8));
        for (var i = 400; i < 600; i++)
            await journal.Append($"{i}");
        Assert.True(journal.FirstOffset > 0);
        Assert.Equal("599", JournalTestKit.Values(journal, journal.FirstOffset)[^1]);

        using var keeps = JournalTestKit.Open(_directory["kept"], options, retains: false, time: time);
        for (var i = 0; i < 400; i++)
            await keeps.Append($"{i}");
        time.Advance(TimeSpan.FromDays(8));
        for (var i = 0; i < 200; i++)
            await keeps.Append($"{i}");
        Assert.Equal(0, keeps.FirstOffset);
    }
}
