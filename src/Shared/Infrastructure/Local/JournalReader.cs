using System.Buffers.Binary;
using System.Globalization;

namespace Recsys.Infrastructure.Local;

/// <summary>Reads journal segments from disk; also for journals that no process has open.</summary>
public static class JournalReader
{
    internal const string Extension = ".log";

    /// <summary>Every record of a journal directory, or of one segment file, from an offset on.</summary>
    /// <param name="path">A directory of segments, or one segment.</param>
    /// <param name="from">The first offset wanted.</param>
    /// <exception cref="InvalidDataException">A record in the middle is damaged; names file and position. A torn last record simply ends the journal.</exception>
    public static IEnumerable<JournalRecord> Read(string path, long from = 0)
    {
        var segments = Directory.Exists(path) ? Segments(path) : [(BaseOffset(path), path)];
        for (var i = 0; i < segments.Count; i++)
        {
            if (i + 1 < segments.Count && segments[i + 1].Base <= from)
                continue;
            foreach (var (record, _) in ReadSegment(segments[i].Path, segments[i].Base, long.MaxValue, last: i == segments.Count - 1))
            {
                if (record.Offset >= from)
                    yield return record;
            }
        }
    }

    internal static List<(long Base, string Path)> Segments(string directory)
    {
        var segments = new List<(long Base, string Path)>();
        foreach (var path in Directory.EnumerateFiles(directory, "*" + Extension))
            segments.Add((BaseOffset(path), path));
        segments.Sort(static (a, b) => a.Base.CompareTo(b.Base));
        return segments;
    }

    /// <summary>Records of one segment with the position after each, up to a length that is known to be complete.</summary>
    internal static IEnumerable<(JournalRecord Record, long End)> ReadSegment(string path, long offset, long length, bool last, long start = 0)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        length = Math.Min(length, file.Length);
        var position = start;
        file.Position = start;
        var frame = new byte[JournalFormat.FrameBytes];
        while (position < length)
        {
            JournalRecord record = default;
            var taken = 0;
            if (length - position >= frame.Length)
            {
                file.ReadExactly(frame);
                var payload = BinaryPrimitives.ReadUInt32LittleEndian(frame);
                if (payload <= JournalFormat.RecordBytesMax && payload <= length - position - frame.Length)
                {
                    var bytes = new byte[frame.Length + payload];
                    frame.CopyTo(bytes, 0);
                    file.ReadExactly(bytes, frame.Length, (int)payload);
                    taken = JournalFormat.TryDecode(bytes, offset, out record);
                }
            }
            if (taken == 0)
            {
                if (last && IsTornTail(file, position))
                    yield break;
                throw new InvalidDataException(
                    $"Journal segment '{path}' is damaged at byte {position} (record {offset}). Restore the file from a copy, or cut it back to that byte and lose what follows.");
            }
            position += taken;
            offset++;
            yield return (record, position);
        }
    }

    // A torn write leaves one incomplete record and nothing valid behind it.
    private static bool IsTornTail(FileStream file, long position)
    {
        var rest = new byte[Math.Min(file.Length - position, 1 << 20)];
        file.Position = position;
        file.ReadExactly(rest);
        for (var at = 1; at <= rest.Length - JournalFormat.FrameBytes; at++)
        {
            if (JournalFormat.TryDecode(rest.AsSpan(at), 0, out _) > 0)
                return false;
        }
        return true;
    }

    private static long BaseOffset(string path) =>
        long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            ? offset
            : throw new InvalidDataException($"'{path}' is no journal segment: its name is not an offset.");
}
