using System.Text;
using Microsoft.Extensions.Logging;

namespace Recsys.Infrastructure.Local;

/// <summary>
/// Rewrites a journal of which only the newest record of each key counts, so that a start reads the catalogue and not its history. Done before the journal is
/// opened, when more than half of its records are superseded; records get new offsets, which is why its readers begin at the beginning.
/// </summary>
internal static class JournalCompaction
{
    /// <summary>Finishes an interrupted rewrite, then rewrites if it is worth it.</summary>
    /// <exception cref="JournalCorruptException">A record is damaged.</exception>
    public static void Run(string directory, JournalOptions options, TimeProvider time, ILogger log)
    {
        string fresh = directory + ".new", old = directory + ".old";
        Finish(directory, fresh, old);
        if (!Directory.Exists(directory) || JournalSegment.In(directory).Length == 0)
            return;
        var newest = new Dictionary<string, long>(StringComparer.Ordinal);
        long all = 0;
        foreach (var record in JournalReader.ReadFiles(directory))
        {
            all++;
            var key = Encoding.UTF8.GetString(record.Key.Span);
            if (record.IsRemoval)
                newest.Remove(key);
            else
                newest[key] = record.Offset;
        }
        if (all <= 2L * newest.Count)
            return;
        using (var target = Journal.Open(fresh, options, time, log, retains: false))
        {
            foreach (var record in JournalReader.ReadFiles(directory))
            {
                if (record.IsRemoval || newest.GetValueOrDefault(Encoding.UTF8.GetString(record.Key.Span), -1) != record.Offset)
                    continue;
                if (!target.TryAppend(record.HeaderBlock.Span, record.Key.Span, record.Value.Span))
                    target.AppendAsync(record.HeaderBlock, record.Key, record.Value, isRemoval: false, CancellationToken.None).GetAwaiter().GetResult();
            }
        }
        // The writer reports a full disk by failing groups; only a complete copy may take the journal's place.
        if (JournalReader.ReadFiles(fresh).LongCount() != newest.Count)
            throw new IOException($"The rewritten journal '{fresh}' is not complete; the old one stays.");
        Directory.Move(directory, old);
        Directory.Move(fresh, directory);
        AtomicFile.SyncDirectory(Path.GetDirectoryName(directory)!);
        Directory.Delete(old, recursive: true);
        LocalLog.Compacted(log, directory, newest.Count, all);
    }

    // The old journal is moved away only once the new one is complete and durable, so the names tell how far a rewrite came.
    private static void Finish(string directory, string fresh, string old)
    {
        if (Directory.Exists(old) && !Directory.Exists(directory))
            Directory.Move(fresh, directory);
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
        if (Directory.Exists(fresh))
            Directory.Delete(fresh, recursive: true);
    }
}
