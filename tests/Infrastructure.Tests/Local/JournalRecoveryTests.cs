using Recsys.Infrastructure.Local;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>What opening finds after a crash: acknowledged records, whole and in order, or a refusal that names the damage.</summary>
public sealed class JournalRecoveryTests : IDisposable
{
    private static readonly string[][] Groups = [["one"], ["two"], ["three", "four", "five"]];
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Open_cut_at_any_byte_of_the_last_group_keeps_the_whole_records_before()
    {
        var (path, ends) = await JournalTestKit.Write(_directory["original"], Groups);
        var bytes = File.ReadAllBytes(path);
        var records = RecordEnds(bytes);
        Assert.Equal(5, records.Count);
        Assert.Equal([records[0], records[1], records[4]], ends);
        for (var length = (int)ends[1]; length < bytes.Length; length++)
        {
            var copy = Copy(path, bytes.AsSpan(0, length), $"cut-{length}");
            var whole = records.Count(end => end <= length);
            using (var journal = JournalTestKit.Open(copy))
            {
                Assert.Equal(whole, journal.NextOffset);
                await journal.Append("again");
            }
            Assert.Equal([.. Groups.SelectMany(static g => g).Take(whole), "again"], JournalTestKit.Values(copy));
        }
    }

    [Fact]
    public async Task Open_any_byte_flipped_in_an_acknowledged_record_refuses_and_changes_nothing()
    {
        var (path, ends) = await JournalTestKit.Write(_directory["original"], Groups);
        var bytes = File.ReadAllBytes(path);
        for (var at = 0; at < ends[1]; at++)
        {
            var damaged = bytes.ToArray();
            damaged[at] ^= 0x10;
            var copy = Copy(path, damaged, $"flip-{at}");
            var problem = Assert.Throws<JournalCorruptException>(() => JournalTestKit.Open(copy).Dispose());
            Assert.Contains(Path.Combine(copy, Path.GetFileName(path)), problem.Message, StringComparison.Ordinal);
            Assert.Contains(at < ends[0] ? "byte 0 (record 0)" : $"byte {ends[0]} (record 1)", problem.Message, StringComparison.Ordinal);
            Assert.Equal(damaged, File.ReadAllBytes(Path.Combine(copy, Path.GetFileName(path))));
        }
    }

    [Fact]
    public async Task Open_any_byte_flipped_in_the_last_group_cuts_there()
    {
        // A group reaches the disk in any order, so a hole in the last one, with whole records behind it, is a torn write and no damage.
        var (path, ends) = await JournalTestKit.Write(_directory["original"], Groups);
        var bytes = File.ReadAllBytes(path);
        var records = RecordEnds(bytes);
        for (var at = (int)ends[1]; at < bytes.Length; at++)
        {
            var torn = bytes.ToArray();
            torn[at] ^= 0x10;
            var copy = Copy(path, torn, $"torn-{at}");
            var before = records.Count(end => end <= at);
            using (var journal = JournalTestKit.Open(copy))
                Assert.Equal(before, journal.NextOffset);
            Assert.Equal(Groups.SelectMany(static g => g).Take(before), JournalTestKit.Values(copy));
            Assert.Equal(records[before - 1], new FileInfo(Path.Combine(copy, Path.GetFileName(path))).Length);
        }
    }

    [Fact]
    public async Task Open_zeros_behind_the_end_are_cut_off()
    {
        var (path, _) = await JournalTestKit.Write(_directory["original"], Groups);
        var bytes = File.ReadAllBytes(path);
        var copy = Copy(path, [.. bytes, .. new byte[4096]], "zeros");
        using (var journal = JournalTestKit.Open(copy))
            Assert.Equal(5, journal.NextOffset);
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(copy, Path.GetFileName(path))));
    }

    [Fact]
    public async Task Append_killed_between_write_and_flush_keeps_every_acknowledged_record()
    {
        // At every flush, what is durable for certain is the file up to the last commit; the rest may be there in part or not at all.
        var directory = _directory["killed"];
        var acknowledged = 0;
        var checks = new List<(byte[] Bytes, long Durable, int Acknowledged)>();
        Journal? journal = null;
        using (journal = JournalTestKit.Open(directory, flush: file =>
        {
            if (journal is not null)
                checks.Add((File.ReadAllBytes(journal.State.Segments[^1].Path), journal.State.ActiveBytes, Volatile.Read(ref acknowledged)));
            RandomAccess.FlushToDisk(file);
        }))
        {
            for (var i = 0; i < 40; i++)
            {
                await journal.Append($"value {i}");
                Interlocked.Increment(ref acknowledged);
            }
        }
        Assert.Equal(40, checks.Count);
        var name = Path.GetFileName(Directory.GetFiles(directory).Single());
        foreach (var (bytes, durable, known) in checks)
        {
            foreach (var length in (long[])[durable, (durable + bytes.Length) / 2, bytes.Length])
            {
                var copy = _directory[$"killed-{known}-{length}"];
                Directory.CreateDirectory(copy);
                File.WriteAllBytes(Path.Combine(copy, name), bytes.AsSpan(0, (int)length));
                using var reopened = JournalTestKit.Open(copy);
                Assert.InRange(reopened.NextOffset, known, known + 1);
                Assert.Equal(Enumerable.Range(0, (int)reopened.NextOffset).Select(static i => $"value {i}"), JournalTestKit.Values(reopened));
            }
        }
    }

    [Fact]
    public async Task ReadFiles_damaged_or_torn_tells_them_apart_without_touching_the_file()
    {
        var (path, ends) = await JournalTestKit.Write(_directory["original"], Groups);
        var bytes = File.ReadAllBytes(path);
        var torn = Copy(path, bytes.AsSpan(0, bytes.Length - 1), "torn");
        Assert.Equal(["one", "two", "three", "four"], JournalTestKit.Values(torn));
        Assert.Equal(bytes.Length - 1, new FileInfo(Directory.GetFiles(torn).Single()).Length);
        bytes[ends[0] + 30] ^= 1;
        Assert.Throws<JournalCorruptException>(() => JournalTestKit.Values(Copy(path, bytes, "damaged")));
        Assert.Throws<FileNotFoundException>(() => JournalTestKit.Values(_directory["nothing"]));
    }

    private string Copy(string path, ReadOnlySpan<byte> bytes, string name)
    {
        var directory = _directory[name];
        Directory.CreateDirectory(directory);
        File.WriteAllBytes(Path.Combine(directory, Path.GetFileName(path)), bytes);
        return directory;
    }

    // The slow twin of the scanner: lengths only.
    private static List<long> RecordEnds(byte[] bytes)
    {
        var ends = new List<long>();
        for (var at = 0; at < bytes.Length; ends.Add(at))
            at += 8 + BitConverter.ToInt32(bytes, at);
        return ends;
    }
}
