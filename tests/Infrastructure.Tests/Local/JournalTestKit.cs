using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Recsys.Infrastructure.Local;
using Xunit;

namespace Recsys.Infrastructure.Tests.Local;

/// <summary>Short words for what journal tests do.</summary>
internal static class JournalTestKit
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Journal Open(string directory, JournalOptions? options = null, Action<SafeFileHandle>? flush = null, bool retains = true, TimeProvider? time = null) =>
        Journal.Open(directory, options ?? new JournalOptions(), time ?? TimeProvider.System, NullLogger.Instance, retains, flush);

    public static Task Append(this Journal journal, string value, string key = "k") =>
        journal.AppendAsync(JournalHeaders.Binary, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), isRemoval: false, CancellationToken.None);

    public static bool TryAppend(this Journal journal, string value) => journal.TryAppend(JournalHeaders.Binary, "k"u8, Encoding.UTF8.GetBytes(value));

    /// <summary>Waits until something is true, without a fixed pause.</summary>
    public static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, Patience), "It did not happen in time.");

    public static List<string> Values(string path) => JournalReader.ReadFiles(path).Select(static r => Encoding.UTF8.GetString(r.Value.Span)).ToList();

    public static List<string> Values(Journal journal, long from = 0)
    {
        using var reader = journal.Read(from);
        var values = new List<string>();
        while (reader.TryRead(out var record))
            values.Add(Encoding.UTF8.GetString(record.Value.Span));
        return values;
    }

    /// <summary>Writes a journal of one segment, one commit group for each inner array, and returns the file and the position at which each group ends.</summary>
    public static async Task<(string Path, List<long> Ends)> Write(string directory, params string[][] groups)
    {
        using var entered = new SemaphoreSlim(0);
        using var gate = new SemaphoreSlim(0);
        var ends = new List<long>();
        using (var journal = Open(directory, flush: file =>
        {
            entered.Release();
            gate.Wait();
            RandomAccess.FlushToDisk(file);
        }))
        {
            // The first group is on its way alone; each next one gathers completely while the one before is held at the disk.
            var waiting = groups[0].Select(v => journal.Append(v)).Take(1).ToList();
            Assert.Single(groups[0]);
            await entered.WaitAsync();
            foreach (var group in groups.Skip(1))
            {
                var next = group.Select(v => journal.Append(v)).ToList();
                gate.Release();
                await Task.WhenAll(waiting);
                await entered.WaitAsync();
                ends.Add(journal.State.ActiveBytes);
                waiting = next;
            }
            gate.Release(2);
            await Task.WhenAll(waiting);
            Until(() => journal.NextOffset == groups.Sum(static g => g.Length));
            ends.Add(journal.State.ActiveBytes);
        }
        return (Directory.GetFiles(directory).Single(), ends);
    }
}
