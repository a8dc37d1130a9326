using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Recsys.Infrastructure.Events;
using Recsys.Infrastructure.Local;
using Recsys.Learner.Simulation.Data;

namespace Recsys.Learner.Replay;

/// <summary>Reads recorded event logs: a journal directory, one of its segments, or a file with one JSON event per line (plain or gzip).</summary>
public static class RecordedLog
{
    /// <summary>The records in order; the memory of one is valid until the next is taken.</summary>
    /// <param name="path">Directory or file.</param>
    /// <exception cref="DataFileException">There is no such log.</exception>
    /// <exception cref="JournalCorruptException">A journal record is damaged.</exception>
    public static IEnumerable<LogRecord> Read(string path)
    {
        if (Directory.Exists(path))
        {
            return Directory.EnumerateFiles(path).Any(JournalReader.IsSegment)
                ? JournalReader.ReadLog(path)
                : throw new DataFileException(path, $"There are no journal segments in it; name one log, for example data/log/{EventTopics.Events("demo")}.");
        }
        if (!File.Exists(path))
            throw new DataFileException(path, "There is no such file or directory.");
        if (StartsWithJson(path))
            return ReadLines(path);
        var records = JournalReader.ReadLog(path);
        // A segment may be torn at its first record. Any other file without a record never was a log.
        return JournalReader.IsSegment(path) || records.Any()
            ? records
            : throw new DataFileException(path, "It is neither a journal segment nor a file with one JSON event per line.");
    }

    /// <summary>Records in a log, read once for the sake of a truthful progress bar: far cheaper than learning them.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static long Count(string path)
    {
        if (Directory.Exists(path) || !File.Exists(path) || !StartsWithJson(path))
            return Read(path).LongCount();
        using var reader = new StreamReader(Open(path), Encoding.UTF8);
        long lines = 0;
        while (reader.ReadLine() is not null)
            lines++;
        return lines;
    }

    private static bool StartsWithJson(string path)
    {
        using var stream = Open(path);
        int first;
        while ((first = stream.ReadByte()) is ' ' or '\t' or '\r' or '\n')
        {
        }
        return first is '{' or -1;
    }

    private static IEnumerable<LogRecord> ReadLines(string path)
    {
        using var stream = Open(path);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        long offset = 0, time = 0;
        while (reader.ReadLine() is { } line)
        {
            var value = Encoding.UTF8.GetBytes(line);
            if (string.IsNullOrWhiteSpace(line))
                continue;
            // A recording has no arrival times of its own: every event arrived when it says it happened.
            time = TimeOf(value) ?? time;
            yield return new LogRecord(0, offset++, default, value, new EventHeaders(EventTopics.JsonContentType), time);
        }
    }

    private static long? TimeOf(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("time", out var time) && time.ValueKind == JsonValueKind.String
                && Rfc3339.TryParse(time.GetString(), out var parsed)
                    ? parsed
                    : null;
        }
        catch (JsonException)
        {
            // The decoder says what is wrong with it.
            return null;
        }
    }

    private static Stream Open(string path)
    {
        var file = File.OpenRead(path);
        var gzip = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        return gzip ? new GZipStream(file, CompressionMode.Decompress) : file;
    }
}
